"""The documents of several corpora end to end, for what reads documents by number and does not train on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from monosema.artifact import digest_json
from monosema.corpora.tokens import DocumentEntry, SpanTable, Tokens


@runtime_checkable
class Documents(Protocol):
    """Documents as tokens, by number; `Tokens` are some."""

    hash: str
    vocabulary: int

    @property
    def n_documents(self) -> int:
        """How many there are."""

    def ids(self, document: int) -> Int[np.ndarray, " n"]:
        """All tokens of a document."""

    def document(self, number: int) -> DocumentEntry:
        """What is known of a document."""

    def spans(self) -> SpanTable:
        """All tagged spans."""


class JoinedTokens:
    """Several tokens of one tokenizer; documents of the second are numbered on from those of the first, and so on."""

    def __init__(self, parts: Sequence[Tokens]) -> None:
        self._parts = list(parts)
        self._ends = np.cumsum([part.n_documents for part in parts])
        self.hash = digest_json([part.hash for part in parts])
        self.vocabulary = max(part.vocabulary for part in parts)

    @property
    def starts(self) -> list[int]:
        """Number of the first document of each part."""
        return [0, *self._ends[:-1].tolist()]

    @property
    def n_documents(self) -> int:
        """How many there are."""
        return int(self._ends[-1])

    def _of(self, document: int) -> tuple[Tokens, int]:
        number = int(np.searchsorted(self._ends, document, side="right"))
        return self._parts[number], document - self.starts[number]

    def ids(self, document: int) -> Int[np.ndarray, " n"]:
        """All tokens of a document."""
        part, number = self._of(document)
        return part.ids(number)

    def document(self, number: int) -> DocumentEntry:
        """What is known of a document."""
        part, inside = self._of(number)
        return part.document(inside)

    def spans(self) -> SpanTable:
        """All tagged spans."""
        tables = [part.spans() for part in self._parts]
        shifted = [table.document + start for table, start in zip(tables, self.starts, strict=True)]
        return SpanTable(
            np.concatenate(shifted),
            np.concatenate([table.start for table in tables]),
            np.concatenate([table.end for table in tables]),
            tuple(tag for table in tables for tag in table.tag),
        )
