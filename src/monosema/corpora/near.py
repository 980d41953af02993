"""Which positions stand near a mention of a tag: at its first token or at most so many tokens after it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from monosema.corpora.joined import Documents
from monosema.corpora.keys import key_of
from monosema.errors import UsageError

NEAR = 30
"""Tokens from the beginning of a mention on that count as near it."""


class NearMentions:
    """The mentions of one tag in tokens. Raises `UsageError` where the text has none."""

    def __init__(self, tokens: Documents, tag: str, reach: int = NEAR) -> None:
        spans = tokens.spans()
        mine = np.array([one == tag for one in spans.tag], dtype=bool)
        if not mine.any():
            raise UsageError(
                f'the text never names "{tag}"; give a concept that it names, or texts to find features by'
            )
        self._starts = np.unique(key_of(spans.document[mine], spans.start[mine]))
        self._reach = reach

    def at(self, document: Int[np.ndarray, " n"], position: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Whether a mention begins at most `reach` - 1 tokens before each position, in the same document."""
        keys = key_of(document, position)
        last = np.searchsorted(self._starts, keys, side="right") - 1
        return (last >= 0) & (keys - self._starts[np.maximum(last, 0)] < self._reach)
