"""What stands around a row at which a feature fires: tokens and activations, as people read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

Decode = Callable[[list[int]], str]
"""Makes text of token ids."""
BROKEN = "\ufffd"
"""What bytes that are no text are shown as."""
MOST_RUN = 8
"""No character takes more tokens."""
REMEMBERED = 1 << 16
"""Tokens whose text alone is kept: a tokenizer takes longer for one than all else about it."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """A piece of a document with a feature's activation at each of its tokens."""

    document: int
    """Number of the document in its tokens."""
    source: str
    """File or data set that it is from."""
    tags: dict[str, object]
    """Tags of the document."""
    tokens: tuple[str, ...]
    """Text of each token; together the text of the piece."""
    activations: tuple[float, ...]
    """a at each token; 0 where it does not fire, and at positions that are left out."""
    peak: int
    """Which token the context is shown for."""

    @property
    def value(self) -> float:
        """Activation at the peak."""
        return self.activations[self.peak]

    @property
    def text(self) -> str:
        """The tokens as one text."""
        return "".join(self.tokens)


def remembering(decode: Decode) -> Decode:
    """The same, with the texts of single tokens kept."""
    alone = lru_cache(maxsize=REMEMBERED)(lambda token: decode([token]))
    return lambda ids: alone(ids[0]) if len(ids) == 1 else decode(ids)


def token_texts(decode: Decode, ids: list[int]) -> tuple[str, ...]:
    """The text that each token adds, so that the texts end to end are the text of all.

    A character that several tokens make together (an emoji, Korean) stands at the last of them.
    """
    alone = tuple(decode([token]) for token in ids)
    whole = decode(ids)
    if "".join(alone) == whole:
        return alone
    mended = _mended(decode, ids, alone)
    return mended if "".join(mended) == whole else _added(decode, ids)


def _mended(decode: Decode, ids: list[int], alone: tuple[str, ...]) -> tuple[str, ...]:
    """Each run of tokens that are no text alone, up to where it is text, as that text at its last token."""
    texts, run = [], list[int]()
    for token, text in zip(ids, alone, strict=True):
        if not run and BROKEN not in text:
            texts.append(text)
            continue
        run.append(token)
        now = decode(run)
        whole = not now.endswith(BROKEN) or len(run) == MOST_RUN
        texts.append(now if whole else "")
        run = [] if whole else run
    return (*texts[:-1], texts[-1] + decode(run)) if run else tuple(texts)


def _added(decode: Decode, ids: list[int]) -> tuple[str, ...]:
    texts: list[str] = []
    before = ""
    for end in range(1, len(ids) + 1):
        now = decode(ids[:end])
        whole = now.rstrip(BROKEN) if end < len(ids) else now
        texts.append(whole[len(before) :])
        before = whole if len(whole) > len(before) else before
    return tuple(texts)
