"""How each feature answers to each tag: rows inside tagged spans, firings there and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64

from monosema.corpora import SpanTable, key_of
from monosema.index.segment import Segment


@dataclass(frozen=True, kw_only=True, eq=False)
class TagStatistics:
    """T tags, F features."""

    tags: tuple[str, ...]
    """Names, sorted."""
    rows: Int64[np.ndarray, " T"]
    """Rows inside spans of each tag."""
    count: Int64[np.ndarray, "T F"]
    """Of these, rows at which each feature fires."""
    sum: Float[np.ndarray, "T F"]
    """Sum of its activations there."""

    @property
    def mean(self) -> Float[np.ndarray, "T F"]:
        """Mean activation inside the spans of each tag."""
        return self.sum / np.maximum(self.rows, 1)[:, None]


def tag_statistics(segments: Sequence[Segment], spans: SpanTable, d_sae: int) -> TagStatistics:
    """One sweep over the postings. Memory: 12 x tags x d_sae bytes, and 60 bytes a posting of one segment."""
    tags, numbers = np.unique(np.array(spans.tag, dtype=str), return_inverse=True)
    keys, of_key = _tagged_positions(spans, numbers)
    rows = np.zeros(len(tags), dtype=np.int64)
    count = np.zeros(len(tags) * d_sae, dtype=np.int64)
    total = np.zeros(len(tags) * d_sae, dtype=np.float32)
    for segment in segments:
        row, tag = _rows_of_keys(segment, keys, of_key)
        rows += np.bincount(tag, minlength=len(tags))
        first = np.searchsorted(row, np.arange(segment.record.positions + 1))  # pairs of each row
        here = np.asarray(segment.rows)
        marked = np.flatnonzero(first[here + 1] > first[here])
        times = first[here[marked] + 1] - first[here[marked]]
        pair = np.repeat(first[here[marked]], times) + _steps(times)
        slot = tag[pair] * d_sae + np.repeat(segment.features[marked], times)
        count += np.bincount(slot, minlength=len(count))
        total += np.bincount(
            slot, weights=np.repeat(segment.values[marked], times), minlength=len(total)
        ).astype(np.float32)
    return TagStatistics(
        tags=tuple(tags.tolist()),
        rows=rows,
        count=count.reshape(len(tags), d_sae),
        sum=total.reshape(len(tags), d_sae),
    )


def _tagged_positions(
    spans: SpanTable, numbers: Int[np.ndarray, " spans"]
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Sorted keys (document, position) of all tagged tokens, each tag once, and the tag of each."""
    lengths = spans.end - spans.start
    document = np.repeat(spans.document.astype(np.int64), lengths)
    position = np.repeat(spans.start.astype(np.int64), lengths) + _steps(lengths)
    both = np.stack([key_of(document, position), np.repeat(numbers.astype(np.int64), lengths)], axis=1)
    both = np.unique(both, axis=0)
    return both[:, 0], both[:, 1]


def _rows_of_keys(
    segment: Segment, keys: Int64[np.ndarray, " n"], tags: Int64[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " m"]]:
    """Rows of a segment, ascending, that carry a tag, and the tag; a row stands once for each of its tags."""
    mine = segment.keys
    low, high = np.searchsorted(keys, mine), np.searchsorted(keys, mine, side="right")
    times = high - low
    return np.repeat(np.arange(len(mine)), times), tags[np.repeat(low, times) + _steps(times)]


def _steps(times: Int[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    """0, 1, ... up to each count in turn."""
    ends = np.cumsum(times)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - times, times)
