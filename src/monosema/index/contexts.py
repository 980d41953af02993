"""What stands around a row at which a feature fires: tokens and activations, as people read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monosema.models import BROKEN

Decode = Callable[[list[int] | np.ndarray], str]
"""Makes text of token ids; tokenizers look at each number of a list before they begin, at none of an array."""
MOST_RUN = 8
"""No character takes more tokens."""
REMEMBERED = 1 << 16
"""Tokens, and runs of them, whose text is kept: a tokenizer takes longer for one than all else about it."""


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


class TokenTexts:
    """The text that each token adds, so that the texts end to end are the text of all.

    A character that several tokens make together (an emoji, Korean) stands at the last of them.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._run = lru_cache(REMEMBERED)(lambda *run: decode(list(run)))
        self._later = lru_cache(REMEMBERED)(self._after_itself)

    def alone(self, token: int) -> str:
        """Text of a token by itself."""
        return self._run(token)

    def of(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Texts of the tokens of one piece of text."""
        return self.of_each([ids])[0]

    def of_each(self, pieces: Sequence[Sequence[int]]) -> list[tuple[str, ...]]:
        """Texts of the tokens of pieces of text. Those without broken characters are checked as one."""
        texts = [(*map(self._run, ids[:1]), *map(self._later, ids[1:])) for ids in pieces]
        plain = [number for number, found in enumerate(texts) if BROKEN not in "".join(found)]
        right = set(plain) if self._are_right([pieces[number] for number in plain]) else set[int]()
        return [
            found if number in right else self._checked(list(ids), found)
            for number, (ids, found) in enumerate(zip(pieces, texts, strict=True))
        ]

    def _are_right(self, pieces: Sequence[Sequence[int]]) -> bool:
        ids = [token for piece in pieces for token in piece]
        return self._decode(np.array(ids)) == "".join((*map(self._run, ids[:1]), *map(self._later, ids[1:])))

    def _after_itself(self, token: int) -> str:
        """Text of a token inside a text, where some tokenizers put the space that they leave out at its beginning."""
        return self._decode([token, token])[len(self._run(token)) :]

    def _checked(self, ids: list[int], texts: tuple[str, ...]) -> tuple[str, ...]:
        whole = self._decode(ids)
        if "".join(texts) == whole:
            return texts
        mended = self._mended(ids, texts)
        return mended if "".join(mended) == whole else self._added(ids)

    def _mended(self, ids: list[int], alone: tuple[str, ...]) -> tuple[str, ...]:
        """Each run of tokens that are no text alone, up to where it is text, as that text at its last token."""
        texts, run = [], list[int]()
        for token, text in zip(ids, alone, strict=True):
            if not run and BROKEN not in text:
                texts.append(text)
                continue
            run.append(token)
            now = self._run(*run)
            whole = not now.endswith(BROKEN) or len(run) == MOST_RUN
            texts.append(now if whole else "")
            run = [] if whole else run
        return (*texts[:-1], texts[-1] + self._run(*run)) if run else tuple(texts)

    def _added(self, ids: list[int]) -> tuple[str, ...]:
        texts: list[str] = []
        before = ""
        for end in range(1, len(ids) + 1):
            now = self._decode(ids[:end])
            whole = now.rstrip(BROKEN) if end < len(ids) else now
            texts.append(whole[len(before) :])
            before = whole if len(whole) > len(before) else before
        return tuple(texts)
