"""The documents of several corpora end to end, for what reads documents by number and does not train on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from monosema.corpora.tokens import DocumentEntry, SpanTable, Tokens
from monosema.files import digest_json


@runtime_checkable
class Documents(Protocol):
    """Documents as tokens, by number; `Tokens` are some."""

    hash: str
    vocabulary: int

    @property
    def n_documents(self) -> int:
        """How many there are."""

    def ids(self, document: int, begin: int = 0, end: int | None = None) -> Int[np.ndarray, " n"]:
        """Tokens of a document: all, or those from `begin` to `end`."""

    def documents(self, numbers: Sequence[int] | Int[np.ndarray, " n"]) -> list[DocumentEntry]:
        """What is known of documents."""

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

    def ids(self, document: int, begin: int = 0, end: int | None = None) -> Int[np.ndarray, " n"]:
        """Tokens of a document: all, or those from `begin` to `end`."""
        part = int(self._part_of(np.array([document]))[0])
        return self._parts[part].ids(document - self.starts[part], begin, end)

    def documents(self, numbers: Sequence[int] | Int[np.ndarray, " n"]) -> list[DocumentEntry]:
        """What is known of documents."""
        asked = np.asarray(numbers, dtype=np.int64)
        parts = self._part_of(asked)
        found: dict[int, DocumentEntry] = {}
        for part in np.unique(parts).tolist():
            places = np.flatnonzero(parts == part)
            entries = self._parts[part].documents(asked[places] - self.starts[part])
            found.update(zip(places.tolist(), entries, strict=True))
        return [found[place] for place in range(len(asked))]

    def _part_of(self, document: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        return np.searchsorted(self._ends, document, side="right")

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
