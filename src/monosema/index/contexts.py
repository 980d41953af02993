"""What stands around a row at which a feature fires: tokens and activations, as people read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Decode = Callable[[list[int]], str]
"""Makes text of token ids."""


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


def token_texts(decode: Decode, ids: list[int]) -> tuple[str, ...]:
    """The text that each token adds, so that the texts end to end are the text of all.

    A character that several tokens make together (an emoji, Korean) stands at the last of them.
    """
    alone = tuple(decode([token]) for token in ids)
    return alone if "".join(alone) == decode(ids) else _added(decode, ids)


def _added(decode: Decode, ids: list[int]) -> tuple[str, ...]:
    texts: list[str] = []
    before = ""
    for end in range(1, len(ids) + 1):
        now = decode(ids[:end])
        whole = now.rstrip("\ufffd") if end < len(ids) else now
        texts.append(whole[len(before) :])
        before = whole if len(whole) > len(before) else before
    return tuple(texts)
