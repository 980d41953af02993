"""What the rules of naming look at, for every feature: its tokens, what stands around them, what it promotes, tags.

What may be said of a feature is read off its top rows: a pair of tokens, a word that comes next and is promoted, too.
Then one sweep over all postings measures which share of its summed activation that is, and one over all rows how
common it is anyhow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64

from monosema.corpora import Documents
from monosema.index.codes import NONE, values_of
from monosema.index.index import FeatureIndex
from monosema.index.segment import Segment
from monosema.index.spelling import class_of, folded, one_word, spoken
from monosema.index.tags import TagStatistics

PAIRS = 5
"""Commonest pairs of tokens at a feature's top rows that are kept for search."""
LIFT = 2.0
"""How much more often than anyhow something must be true where a feature fires, to be said of it ..."""
FIXED = 0.5
"""... but for a pair of tokens whose first is followed by the second this often: that is a phrase."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of one feature, tokens as texts. A share is one of its summed activation."""

    count: int
    """Positions at which it fires."""
    tokens: tuple[tuple[str, float], ...]
    """Tokens that it fires on and their shares, largest first."""
    promoted: tuple[str, ...]
    """Tokens whose logits it raises most."""
    phrase: tuple[str, str, float] | None
    """A token, the one that it fires on after it, and the share there; None where no such pair tells anything."""
    following: tuple[str, float] | None
    """A word that comes next and is promoted in several forms, and the share before it; None where there is none."""
    kind: tuple[str, float] | None
    """The class of tokens with the largest share; None where it is no commoner than anyhow."""
    opening: float
    """Share at the first token of a document."""
    tag: tuple[str, float] | None
    """The tag that tells best where it fires, and its F1; None where no tag's spans do."""
    pairs: tuple[str, ...]
    """Texts of two tokens that end at its top rows, the commonest first."""


def evidence(index: FeatureIndex) -> Iterator[Evidence]:
    """What the rules look at, for each feature in turn.

    Memory: 8 x (classes of tokens) + 1,000 bytes a feature, some 50 bytes a token of the vocabulary, and 60 bytes a
    posting of one segment.
    """
    table = {name: index.table[name] for name in ("count", "tokens", "token_shares", "promoted")}
    known = _Vocabulary(index)
    around = tokens_around(index, index.table["top_rows"])
    asked = np.array(
        [_asked(rows, promoted, known) for rows, promoted in zip(around, table["promoted"], strict=True)]
    )
    sweep = _Sweep(asked[:, :3], known)
    for segment in index.segments:
        sweep.add(segment, index.tokens)
    shares = sweep.shares()
    tags, f1 = best_tags(index.tags, table["count"])
    for feature, (before, at, _, promoted) in enumerate(asked.tolist()):
        phrase, following = float(shares.phrase[feature]), float(shares.following[feature])
        kind = int(shares.kind[feature])
        best = zip(table["tokens"][feature].tolist(), table["token_shares"][feature].tolist(), strict=True)
        yield Evidence(
            count=int(table["count"][feature]),
            tokens=tuple((known.text(token), share) for token, share in best if token != NONE),
            promoted=tuple(
                known.text(token) for token in table["promoted"][feature].tolist() if token != NONE
            ),
            phrase=(known.text(before), known.text(at), phrase) if phrase else None,
            following=(spoken(known.text(promoted)), following) if following else None,
            kind=None if kind == NONE else (known.kinds[kind], float(shares.of_kind[feature])),
            opening=float(shares.opening[feature]),
            tag=(index.tags.tags[tags[feature]], float(f1[feature])) if f1[feature] > 0 else None,
            pairs=_pairs(around[feature], known),
        )


class _Vocabulary:
    """Texts of the tokens of an index, and the words and classes that they are, by number; -1 for none."""

    def __init__(self, index: FeatureIndex) -> None:
        self.text = index.texts.alone
        here = np.unique(np.concatenate([np.unique(segment.tokens) for segment in index.segments]))
        size = max(index.tokens.vocabulary, int(here[-1]) + 1)
        self.word_of = np.full(size + 1, NONE, dtype=np.int64)  # the last is that of no token, -1
        self.kind_of = np.full(size + 1, NONE, dtype=np.int64)
        self.words, kinds = dict[str, int](), dict[str, int]()
        for token in here.tolist():
            if (word := spoken(self.text(token))).isalpha():
                self.word_of[token] = self.words.setdefault(folded(word), len(self.words))
            if (kind := class_of(self.text(token))) is not None:
                self.kind_of[token] = kinds.setdefault(kind, len(kinds))
        self.kinds = tuple(kinds)


def _asked(
    rows: Int64[np.ndarray, "top 3"], promoted: Int[np.ndarray, " shown"], known: _Vocabulary
) -> tuple[int, int, int, int]:
    """What to measure of one feature: a pair of tokens, the number of a word and the promoted token that it is."""
    triples = [row for row in rows.tolist() if row[1] != NONE]
    pairs = Counter((before, at) for before, at, _ in triples if before != NONE)
    (before, at), _ = next(iter(pairs.most_common(1)), ((NONE, NONE), 0))
    tokens = (token for token in promoted.tolist() if token != NONE)
    words = {token: word for token in tokens if (word := spoken(known.text(token))).isalpha()}
    numbers = {  # of those that stand in the text at all
        token: known.words[folded(word)] for token, word in words.items() if folded(word) in known.words
    }
    following = Counter(int(known.word_of[after]) for *_, after in triples if known.word_of[after] != NONE)
    several = (token for token in numbers if sum(one_word(words[token], one) for one in words.values()) > 1)
    best = max(several, key=lambda token: following[numbers[token]], default=NONE)
    return before, at, numbers.get(best, NONE), best


def _pairs(rows: Int64[np.ndarray, "top 3"], known: _Vocabulary) -> tuple[str, ...]:
    """The commonest texts of two tokens that end at top rows."""
    texts = Counter(
        (known.text(before) + known.text(at)).strip()
        for before, at, _ in rows.tolist()
        if NONE not in (before, at)
    )
    return tuple(text for text, _ in texts.most_common(PAIRS))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shares:
    """Shares of the summed activation of F features; 0 where they tell nothing."""

    phrase: Float[np.ndarray, " F"]
    following: Float[np.ndarray, " F"]
    kind: Int64[np.ndarray, " F"]
    """The class with the largest share; -1 for none."""
    of_kind: Float[np.ndarray, " F"]
    opening: Float[np.ndarray, " F"]


class _Sweep:
    """Sums over postings and counts over rows, a segment at a time, of what is asked of each feature."""

    def __init__(self, asked: Int64[np.ndarray, "F 3"], known: _Vocabulary) -> None:
        """`asked`: the token before, the token, the number of the word after; -1 for none."""
        self._before, self._at, self._word = asked.T
        self._known, self._size = known, len(known.word_of)
        self._pair = self._before * self._size + self._at  # a pair of tokens as one number
        self._pairs = np.unique(self._pair)
        F, K = len(asked), len(known.kinds) + 1
        self._sums = {name: np.zeros(F) for name in ("phrase", "token", "following", "opening")}
        self._of_kind = np.zeros((F, K))  # the last of each is for none, -1
        self._rows_of = {
            "pair": np.zeros(len(self._pairs) + 1),
            "token": np.zeros(self._size),
            "first": np.zeros(self._size),
            "word": np.zeros(len(known.words) + 1),
            "kind": np.zeros(K),
        }
        self._rows = 0

    def add(self, segment: Segment, tokens: Documents) -> None:
        """Count a segment in."""
        document, position, here = segment.places.astype(np.int64).T
        around, opening = _around(tokens, document, position), position == 0
        first, after, kind = around[:, 0], self._known.word_of[around[:, 2]], self._known.kind_of[here]
        pair = first * self._size + here
        place = np.searchsorted(self._pairs, pair).clip(max=len(self._pairs) - 1)
        place = np.where(self._pairs[place] == pair, place, NONE)
        self._rows += len(here)
        for name, numbers in (
            ("pair", place), ("token", here), ("first", first), ("word", after), ("kind", kind)
        ):  # fmt: skip
            counts = self._rows_of[name]
            counts += np.bincount(numbers % len(counts), minlength=len(counts))
        f, rows, codes = segment.block(0, len(self._at))
        r, v = rows - segment.start, values_of(codes).astype(np.float64)
        at = here[r] == self._at[f]
        for name, true in (
            ("token", at),
            ("phrase", at & (first[r] == self._before[f])),
            ("following", (after[r] == self._word[f]) & (after[r] != NONE)),
            ("opening", opening[r]),
        ):
            self._sums[name] += np.bincount(f[true], weights=v[true], minlength=len(self._at))
        F, K = self._of_kind.shape
        slots = f * K + kind[r] % K
        self._of_kind += np.bincount(slots, weights=v, minlength=F * K).reshape(F, K)

    def shares(self) -> _Shares:
        """What was measured, where it is far commoner than anyhow."""
        total = np.maximum(self._of_kind.sum(1), 1e-30)
        share = {name: values / total for name, values in self._sums.items()}
        rows_of = {name: np.maximum(counts, 1) for name, counts in self._rows_of.items()}
        pair = rows_of["pair"][np.searchsorted(self._pairs, self._pair)]
        usual = share["token"] * pair / rows_of["token"][self._at]
        phrase = (share["phrase"] >= LIFT * usual) | (pair >= FIXED * rows_of["first"][self._before])
        following = share["following"] >= LIFT * rows_of["word"][self._word] / self._rows
        kinds = self._of_kind[:, :-1]
        kind = kinds.argmax(1) if kinds.shape[1] else np.full(len(total), NONE)
        of_kind = self._of_kind[np.arange(len(kind)), kind] / total
        commoner = (of_kind > 0) & (of_kind >= LIFT * rows_of["kind"][kind] / self._rows)
        return _Shares(
            phrase=np.where(phrase & (self._before != NONE), share["phrase"], 0.0),
            following=np.where(following & (self._word != NONE), share["following"], 0.0),
            kind=np.where(commoner, kind, NONE),
            of_kind=of_kind,
            opening=share["opening"],
        )


def best_tags(
    tags: TagStatistics, count: Int[np.ndarray, " F"]
) -> tuple[Int64[np.ndarray, " F"], Float[np.ndarray, " F"]]:
    """The tag that tells best where each feature fires (of equals the first), and its F1; 0 where none does."""
    best, number = np.zeros(len(count)), np.zeros(len(count), dtype=np.int64)
    for tag, rows in enumerate(tags.rows.tolist()):
        f1 = 2 * tags.counts(tag) / np.maximum(count + rows, 1)
        number[f1 > best] = tag
        best = np.maximum(best, f1)
    return number, best


def tokens_around(index: FeatureIndex, rows: Int[np.ndarray, "F top"]) -> Int64[np.ndarray, "F top 3"]:
    """The token before each row, that of the row, the token after; -1 beyond a document's ends and for row -1."""
    found = np.full((*rows.shape, 3), NONE, dtype=np.int64)
    asked = rows != NONE
    places = index.places(rows[asked])
    found[asked] = _around(index.tokens, places[:, 0], places[:, 1])
    return found


def _around(
    tokens: Documents, documents: Int64[np.ndarray, " n"], positions: Int64[np.ndarray, " n"]
) -> Int64[np.ndarray, "n 3"]:
    found = np.full((len(documents), 3), NONE, dtype=np.int64)
    order = np.argsort(documents, kind="stable")
    numbers, first = np.unique(documents[order], return_index=True)
    for document, rows in zip(numbers.tolist(), np.split(order, first[1:]), strict=True):
        ids = np.concatenate([[NONE], tokens.ids(document), [NONE]])
        found[rows] = ids[positions[rows][:, None] + np.arange(3)]
    return found
