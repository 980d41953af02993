"""A name for every feature by rule: from its tokens, what stands around them, what it promotes and its tags (C24).

Each rule looks at what is known of one feature and offers words with a confidence, or nothing. A confidence is a
share that was measured; but for tags it is the share of the feature's summed activation

    tag      (F1 of "the position is inside a span of this tag" and "the feature fires")
    phrase   at this token after that one
    before   before this word, which it promotes in several forms
    word     at tokens that are forms of one word
    token    at one token
    class    at tokens of one class: digits, line breaks, a script ...
    place    at the first token of a document
    tokens   at its two best tokens

Of the names that are about as sure as the surest, that of the rule which tells most is taken: `RULES` is in that
order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from monosema.index.evidence import Evidence
from monosema.index.spelling import one_word, quoted, spoken
from monosema.models import BROKEN

ABOUT_AS_SURE = 0.8
"""A name with this share of the largest confidence, or more, is about as sure."""
VARIED = 0.5
"""Most of its activation that one word may hold where a feature is named by what comes next."""
LEAST_F1 = 0.3
"""Below this a tag is no name: many features meet rare tags now and then."""
SMALL = 0.02
"""Share of the activation below which a form of a word is not spelt out."""


class Guess(NamedTuple):
    """What a rule offers."""

    words: str
    share: float


Rule = Callable[[Evidence], Guess | None]
OWN, A_PERSON = "own", "a person"
"""`rule` and `by` of a name that a person gave."""


@dataclass(frozen=True, kw_only=True)
class Name:
    """What a feature is called."""

    text: str
    """The words."""
    confidence: float
    """A measured share in [0, 1]; its rule says of what. 1 for a name that a person gave."""
    rule: str
    """Which rule gave it: a key of `RULES`, "dead", "none" where no rule offers anything, or `OWN`."""
    by: str = "rule"
    """Who named it."""


def name_of(known: Evidence) -> Name:
    """The name of a feature."""
    if not known.count:
        return Name(text="dead", confidence=1.0, rule="dead")
    guesses = {rule: guess for rule, offer in RULES.items() if (guess := offer(known)) is not None}
    if not guesses:
        return Name(text="no name", confidence=0.0, rule="none")
    surest = max(guess.share for guess in guesses.values())
    rule = next(rule for rule, guess in guesses.items() if guess.share >= ABOUT_AS_SURE * surest)
    words, share = guesses[rule]
    return Name(text=words, confidence=min(share, 1.0), rule=rule)


def by_tag(known: Evidence) -> Guess | None:
    """The tag whose spans are where it fires, if that tells enough to be called by it."""
    return None if known.tag is None or known.tag[1] < LEAST_F1 else Guess(*known.tag)


def by_phrase(known: Evidence) -> Guess | None:
    """A token after another one."""
    if known.phrase is None:
        return None
    before, at, share = known.phrase
    return Guess(f"{quoted(at)} after {quoted(before)}", share)


def by_next(known: Evidence) -> Guess | None:
    """The word that comes next, while the tokens that fire vary."""
    if known.following is None or max((share for _, share in _words(known).values()), default=0.0) > VARIED:
        return None
    word, share = known.following
    return Guess(f"before {quoted(word)}", share)


def by_word(known: Evidence) -> Guess | None:
    """Several tokens that are forms of one word."""
    forms, share = max(_words(known).values(), key=lambda word: word[1], default=((), 0.0))
    return Guess(f"tokens {', '.join(forms)}", share) if len(forms) > 1 else None


def by_token(known: Evidence) -> Guess | None:
    """One token, with or without a blank before it."""
    shares: dict[str, float] = {}
    for token, share in known.tokens:
        if BROKEN not in token:
            shares[spoken(token)] = shares.get(spoken(token), 0.0) + share
    best = max(shares, key=lambda token: shares[token], default=None)
    return None if best is None else Guess(f"token {quoted(best)}", shares[best])


def by_class(known: Evidence) -> Guess | None:
    """Digits, punctuation, blanks, or letters of a script that is not Latin."""
    return None if known.kind is None else Guess(*known.kind)


def by_place(known: Evidence) -> Guess | None:
    """The first token of a document."""
    return Guess("first token of a document", known.opening) if known.opening else None


def by_tokens(known: Evidence) -> Guess | None:
    """The two tokens that hold most."""
    best = known.tokens[:2]
    if len(best) < 2:
        return None
    return Guess(
        f"tokens {' and '.join(quoted(token) for token, _ in best)}", sum(share for _, share in best)
    )


RULES: Mapping[str, Rule] = {
    "tag": by_tag,
    "phrase": by_phrase,
    "before": by_next,
    "word": by_word,
    "token": by_token,
    "class": by_class,
    "place": by_place,
    "tokens": by_tokens,
}
"""The rules by their names; of names that are about as sure that of the first is taken."""


def _words(known: Evidence) -> dict[str, tuple[tuple[str, ...], float]]:
    """Words, each with its forms that hold something, as written, and the share of the activation of all forms."""
    groups: dict[str, list[tuple[str, float]]] = {}
    for token, share in known.tokens:
        text = spoken(token)
        if any(sign.isalpha() for sign in text):
            head = next((word for word in groups if one_word(word, text)), text)
            groups.setdefault(head, []).append((text, share))
    return {
        word: (
            tuple(dict.fromkeys(form for form, share in forms if share >= SMALL)),
            sum(share for _, share in forms),
        )
        for word, forms in groups.items()
    }
