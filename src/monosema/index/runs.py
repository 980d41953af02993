"""From a document and a position in it to the row of an index, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from monosema.corpora import document_of, key_of, position_of
from monosema.index.codes import NONE
from monosema.index.segment import Segment


class Runs:
    """All stretches of following tokens. Memory: 40 bytes each; one is a piece of a document as the model saw it."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        keys, rows, lengths = [], [], []
        for segment in segments:
            document, position, first = segment.runs.T
            keys.append(key_of(document, position))
            rows.append(first.astype(np.int64) + segment.start)
            lengths.append(np.diff(np.append(first, segment.record.positions)))
        self._by_row = np.concatenate(rows), np.concatenate(keys)  # rows ascend
        order = np.argsort(self._by_row[1], kind="stable")
        self._keys = self._by_row[1][order]
        self._rows, self._lengths = self._by_row[0][order], np.concatenate(lengths)[order]

    def rows(
        self, documents: Int64[np.ndarray, " n"], positions: Int64[np.ndarray, " n"]
    ) -> Int64[np.ndarray, " n"]:
        """Rows of positions of documents; -1 where one is left out."""
        keys = key_of(documents, positions)
        run = np.maximum(np.searchsorted(self._keys, keys, side="right") - 1, 0)
        inside = keys - self._keys[run]
        return np.where((inside >= 0) & (inside < self._lengths[run]), self._rows[run] + inside, NONE)

    def places(
        self, rows: Int64[np.ndarray, " n"]
    ) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """Documents of rows and positions in them."""
        first, keys = self._by_row
        run = np.searchsorted(first, rows, side="right") - 1
        found = keys[run] + rows - first[run]
        return document_of(found), position_of(found)
