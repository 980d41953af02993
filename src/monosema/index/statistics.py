"""What is known of every feature after all postings are written: counts, histogram, top rows, samples.

Two sweeps over the segments: sums and top rows first, then, once each maximum is known, samples per interval of
(0, max] (C7). A row's priority in a sample is a hash of row, feature and seed, so a sample is uniform, and the same
however the rows were cut into segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64, UInt64

from monosema.index.segment import Segment

TOP = 20
INTERVALS = 10
PER_INTERVAL = 5
BINS = 32
"""Bins of the histogram: half powers of two, from 2^-8 to 2^8; the first and last take what lies outside."""
NONE = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """All features; F = d_sae."""

    count: Int64[np.ndarray, " F"]
    """Rows at which it fires."""
    sum: Float[np.ndarray, " F"]
    """Sum of its activations."""
    maximum: Float[np.ndarray, " F"]
    """Largest activation; 0 where it never fires."""
    histogram: Int64[np.ndarray, "F bins"]
    """Rows by the binary logarithm of the activation."""
    top_rows: Int64[np.ndarray, "F top"]
    """Rows of the largest activations, largest first, of equals the earlier; -1 where there are fewer."""
    top_values: Float[np.ndarray, "F top"]
    """Their activations."""
    sample_rows: Int64[np.ndarray, "F intervals per_interval"]
    """A uniform sample of the rows of each interval; -1 where there are fewer."""
    sample_values: Float[np.ndarray, "F intervals per_interval"]
    """Their activations."""


def bin_of(values: Float[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Bin of the histogram of each activation."""
    return np.clip(np.floor(2 * np.log2(values)) + BINS // 2, 0, BINS - 1).astype(np.int64)


def bin_edges() -> Float[np.ndarray, " edges"]:
    """Lower edge of each bin, and the upper edge of the last."""
    return 2.0 ** ((np.arange(BINS + 1) - BINS // 2) / 2)


def statistics(segments: Sequence[Segment], d_sae: int, *, seed: int) -> Statistics:
    """Reduce segments in their order.

    Memory: (20 x 12 + 50 x 20 + 32 x 8 + 24) bytes a feature, and about 60 bytes a posting of one segment.
    """
    count = np.zeros(d_sae, dtype=np.int64)
    total, maximum = np.zeros(d_sae), np.zeros(d_sae, dtype=np.float32)
    histogram = np.zeros(d_sae * BINS, dtype=np.int64)
    top = _Best(d_sae, TOP)
    for segment in segments:
        features, values = segment.features, np.asarray(segment.values)
        count += np.bincount(features, minlength=d_sae)
        total += np.bincount(features, weights=values, minlength=d_sae)
        np.maximum.at(maximum, features, values)
        slots = features.astype(np.int64) * BINS + bin_of(values)
        histogram += np.bincount(slots, minlength=d_sae * BINS)
        top.add(features, -values, segment.rows.astype(np.int64) + segment.start, values)
    sample = _Best(d_sae * INTERVALS, PER_INTERVAL)
    for segment in segments:
        features, values = segment.features, np.asarray(segment.values)
        rows = segment.rows.astype(np.int64) + segment.start
        slots = features.astype(np.int64) * INTERVALS + interval_of(values, maximum[features])
        sample.add(slots, priority(rows, features, seed), rows, values)
    return Statistics(
        count=count,
        sum=total,
        maximum=maximum,
        histogram=histogram.reshape(d_sae, BINS),
        top_rows=top.rows,
        top_values=top.values,
        sample_rows=sample.rows.reshape(d_sae, INTERVALS, PER_INTERVAL),
        sample_values=sample.values.reshape(d_sae, INTERVALS, PER_INTERVAL),
    )


def interval_of(values: Float[np.ndarray, " n"], maximum: Float[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Which of the equal intervals of (0, max] each activation lies in; its upper end belongs to it."""
    return np.clip(np.ceil(values / maximum * INTERVALS).astype(np.int64) - 1, 0, INTERVALS - 1)


def priority(
    rows: Int64[np.ndarray, " n"], features: Int[np.ndarray, " n"], seed: int
) -> Float[np.ndarray, " n"]:
    """A number in [0, 1) that looks random, the same for the same row, feature and seed (splitmix64)."""
    x = rows.astype(np.uint64) + _spread(
        features.astype(np.uint64) + _spread(np.array([seed], dtype=np.uint64))
    )
    return _spread(x).astype(np.float64) / 2.0**64


def _spread(x: UInt64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


class _Best:
    """The rows with the smallest keys in each of many slots; of equal keys those that came first."""

    def __init__(self, slots: int, size: int) -> None:
        self._size = size
        self._keys = np.full((slots, size), np.inf)
        self.rows = np.full((slots, size), NONE, dtype=np.int64)
        self.values = np.zeros((slots, size), dtype=np.float32)

    def add(
        self,
        slots: Int[np.ndarray, " n"],
        keys: Float[np.ndarray, " n"],
        rows: Int64[np.ndarray, " n"],
        values: Float[np.ndarray, " n"],
    ) -> None:
        near = np.flatnonzero(keys < self._keys[slots, -1])  # others cannot enter
        near = near[np.lexsort((rows[near], keys[near], slots[near]))]
        changed, first = np.unique(slots[near], return_index=True)
        rank = np.arange(len(near)) - np.repeat(first, np.diff([*first, len(near)]))
        near = near[rank < self._size]
        rank = rank[rank < self._size]
        place = np.searchsorted(changed, slots[near])
        new_keys = np.full((len(changed), self._size), np.inf)
        new_rows = np.full((len(changed), self._size), NONE, dtype=np.int64)
        new_values = np.zeros((len(changed), self._size), dtype=np.float32)
        new_keys[place, rank], new_rows[place, rank], new_values[place, rank] = (
            keys[near],
            rows[near],
            values[near],
        )
        both = np.concatenate([self._keys[changed], new_keys], axis=1)
        order = np.argsort(both, axis=1, kind="stable")[:, : self._size]
        for mine, new in ((self._keys, new_keys), (self.rows, new_rows), (self.values, new_values)):
            mine[changed] = np.take_along_axis(np.concatenate([mine[changed], new], axis=1), order, axis=1)
