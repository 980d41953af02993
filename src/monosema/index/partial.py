"""The table of an index that is still being made: worked out from the segments that are finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from monosema.corpora import SpanTable
from monosema.index.reduce import blocks, flat_columns, reduce_block, totals
from monosema.index.segment import Segment
from monosema.index.tags import TaggedRows, TagPairs, TagStatistics


class PartialTable:
    """Columns of what is finished; a feature's row costs one read of its postings, a column a pass over all.

    Tokens promoted and suppressed, and neighbours, are not there before the index is whole.
    """

    def __init__(self, segments: Sequence[Segment], d_sae: int, spans: SpanTable, seed: int) -> None:
        self._segments, self._d_sae, self._spans, self._seed = segments, d_sae, spans, seed
        self._totals = totals(segments, d_sae)
        self._positions = sum(segment.record.positions for segment in segments)
        self._flat = flat_columns(self._totals, slice(0, d_sae), self._positions)

    def __getitem__(self, name: str) -> Any:
        """A whole column."""
        return self._flat[name] if name in self._flat else self._whole[0][name]

    def row(self, feature: int) -> Mapping[str, Any]:
        """All columns of one feature."""
        columns, _ = self._reduced(feature, feature + 1)
        wide = {name: array[0].reshape(-1) if array.ndim > 1 else array[0] for name, array in columns.items()}
        return {name: array[feature] for name, array in self._flat.items()} | wide

    @cached_property
    def tags(self) -> TagStatistics:
        """Firings by tag."""
        return TagStatistics(self._tagged.names, self._tagged.rows, self._whole[1], self._d_sae)

    @cached_property
    def _tagged(self) -> TaggedRows:
        return TaggedRows(self._segments, self._spans)

    @cached_property
    def _whole(self) -> tuple[dict[str, Any], TagPairs]:
        parts = [self._reduced(begin, end) for begin, end in blocks(self._totals.count)]
        columns = {name: np.concatenate([part[name] for part, _ in parts]) for name in parts[0][0]}
        flat = {
            name: array.reshape(len(array), -1) if array.ndim > 1 else array
            for name, array in columns.items()
        }
        return flat, TagPairs.joined([pairs for _, pairs in parts])

    def _reduced(self, begin: int, end: int) -> tuple[dict[str, np.ndarray], TagPairs]:
        return reduce_block(self._segments, begin, end, seed=self._seed, tagged=self._tagged)
