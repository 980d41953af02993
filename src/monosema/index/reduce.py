"""From segments to what is known of each feature, a block of features at a time.

Counts, sums, maxima and the largest activations are merged from the segments, exactly. Everything else is worked out
from all postings of the block: histogram, samples by interval of (0, max] and by quantile (C7), first and last row,
tokens and tags at which it fires. A row's priority in a sample is a hash of row, feature and seed, so a sample is
uniform, and the same however rows were cut into segments and features into blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int64, UInt16, UInt64

from monosema.index.codes import BINS, NONE, ROWS, bins_of, steps, values_of
from monosema.index.segment import TOP, Segment
from monosema.index.tags import TaggedRows, TagPairs

INTERVALS = 10
PER_INTERVAL = 5
QUANTILES = 5
PER_QUANTILE = 5
TOKENS = 10
"""Tokens that are kept of each feature."""
POSTINGS = 1 << 22
"""Postings of a block, unless one feature has more."""
_DRAWN = 8
"""Rows looked at for each that a sample needs: more are drawn where these were too few."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Totals:
    """Sums over all segments; F = d_sae."""

    count: Int64[np.ndarray, " F"]
    """Rows at which each feature fires."""
    sum: Float[np.ndarray, " F"]
    """Sum of its activations."""
    maximum: Float32[np.ndarray, " F"]
    """Largest activation; 0 where it never fires."""


def totals(segments: Sequence[Segment], d_sae: int) -> Totals:
    """Merge what the segments know, in their order. Memory: 20 bytes a feature."""
    count, total = np.zeros(d_sae, dtype=np.int64), np.zeros(d_sae)
    maximum = np.zeros(d_sae, dtype=np.float32)
    for segment in segments:
        count[segment.firing] += segment.counts
        total[segment.firing] += segment.sums
        maximum[segment.firing] = np.maximum(maximum[segment.firing], segment.maxima)
    return Totals(count=count, sum=total, maximum=maximum)


def flat_columns(found: Totals, some: slice, positions: int) -> dict[str, np.ndarray]:
    """Columns of one number a feature."""
    count = found.count[some]
    return {
        "feature": np.arange(some.start, some.stop, dtype=np.int32),
        "count": count,
        "density": count / positions,
        "mean": found.sum[some] / np.maximum(count, 1),
        "maximum": found.maximum[some],
    }


def blocks(count: Int64[np.ndarray, " F"], postings: int = POSTINGS) -> Iterator[tuple[int, int]]:
    """Cut features into blocks of about so many postings."""
    ends = np.cumsum(count)
    begin = 0
    while begin < len(count):
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + postings, side="right")))
        yield begin, end
        begin = end


@dataclass(frozen=True, eq=False)
class Postings:
    """All postings of a block of features, by feature and row."""

    feature: Int64[np.ndarray, " n"]
    """Counted in the block."""
    row: Int64[np.ndarray, " n"]
    """Counted among all rows."""
    code: UInt16[np.ndarray, " n"]
    """Code of the activation."""
    token: Int64[np.ndarray, " n"]
    """Token at the row."""


def gather(segments: Sequence[Segment], begin: int, end: int) -> Postings:
    """Read the postings of features `begin` to `end` from every segment."""
    parts = [segment.block(begin, end) for segment in segments]
    tokens = [
        segment.tokens[rows - segment.start].astype(np.int64)
        for segment, (_, rows, _) in zip(segments, parts, strict=True)
    ]
    feature = np.concatenate([part[0] for part in parts]) - begin
    order = np.argsort(feature.astype(np.uint16) if end - begin <= ROWS else feature, kind="stable")
    row, code = (np.concatenate([part[i] for part in parts])[order] for i in (1, 2))
    return Postings(feature[order], row, code, np.concatenate(tokens)[order])


def reduce_block(
    segments: Sequence[Segment], begin: int, end: int, *, seed: int, tagged: TaggedRows
) -> tuple[dict[str, np.ndarray], TagPairs]:
    """Columns of the table for features `begin` to `end`, and their firings by tag.

    Memory: about 120 bytes a posting of the block.
    """
    size = end - begin
    found = gather(segments, begin, end)
    count = np.bincount(found.feature, minlength=size)
    slots = found.feature * BINS + bins_of(found.code)
    priority = priority_of(found.row, found.feature + begin, seed)
    interval = found.feature * INTERVALS + _interval(found, count)
    quantile = found.feature * QUANTILES + _quantile(found, count)
    columns = {
        "histogram": np.bincount(slots, minlength=size * BINS).reshape(size, BINS),
        **_seen(found, count),
        **_tops(segments, begin, end),
        **_sample("sample", found, interval, priority, (size, INTERVALS, PER_INTERVAL)),
        **_sample("quantile", found, quantile, priority, (size, QUANTILES, PER_QUANTILE)),
        **_tokens(found, size),
    }
    return columns, tagged.pairs(found.feature + begin, found.row, values_of(found.code))


def _seen(found: Postings, count: Int64[np.ndarray, " f"]) -> dict[str, np.ndarray]:
    alive = count > 0
    ends = np.cumsum(count)
    first, last = np.full(len(count), NONE, dtype=np.int64), np.full(len(count), NONE, dtype=np.int64)
    first[alive], last[alive] = found.row[(ends - count)[alive]], found.row[ends[alive] - 1]
    return {"first_row": first, "last_row": last}


def _tops(segments: Sequence[Segment], begin: int, end: int) -> dict[str, np.ndarray]:
    parts = [segment.tops(begin, end) for segment in segments]
    feature, row, value = (np.concatenate([part[i] for part in parts]) for i in range(3))
    order = np.lexsort((row, -value, feature))
    return _ranked("top", feature[order] - begin, row[order], value[order], (end - begin, TOP))


def _ranked(
    name: str,
    slot: Int64[np.ndarray, " n"],
    row: Int64[np.ndarray, " n"],
    value: Float32[np.ndarray, " n"],
    shape: tuple[int, ...],
) -> dict[str, np.ndarray]:
    """The first of each slot, out of rows that stand by slot and rank, as two columns."""
    slots, width = int(np.prod(shape[:-1])), shape[-1]
    many = np.bincount(slot, minlength=slots)
    rank = steps(many)
    kept = rank < width
    rows, values = np.full((slots, width), NONE, dtype=np.int64), np.zeros((slots, width), dtype=np.float32)
    rows[slot[kept], rank[kept]], values[slot[kept], rank[kept]] = row[kept], value[kept]
    return {f"{name}_rows": rows.reshape(shape), f"{name}_values": values.reshape(shape)}


def _interval(found: Postings, count: Int64[np.ndarray, " f"]) -> Int64[np.ndarray, " n"]:
    """Which of the equal intervals of (0, max] each stored activation lies in; the upper end belongs to it."""
    values = values_of(found.code).astype(np.float64)
    alive = count > 0
    largest = np.zeros(len(count))
    largest[alive] = np.maximum.reduceat(values, (np.cumsum(count) - count)[alive]) if len(values) else 0
    return interval_of(values, largest[found.feature])


def interval_of(
    values: Float[np.ndarray, " n"], largest: Float[np.ndarray, " n"] | float
) -> Int64[np.ndarray, " n"]:
    """Number of the interval of (0, largest] that each activation lies in; the upper end belongs to it."""
    share = values / largest * INTERVALS
    return np.clip(np.ceil(share).astype(np.int64) - 1, 0, INTERVALS - 1)


def _quantile(found: Postings, count: Int64[np.ndarray, " f"]) -> Int64[np.ndarray, " n"]:
    """Which fifth of its feature's activations each lies in; equal ones lie together, in the lower."""
    ordered = np.sort(found.feature * (1 << 16) + found.code)
    first = np.cumsum(count) - count
    group = np.zeros(len(ordered), dtype=np.int64)
    for part in range(1, QUANTILES):
        at = np.minimum(first + np.maximum(-(-count * part // QUANTILES) - 1, 0), max(len(ordered) - 1, 0))
        bound = ordered[at] & ((1 << 16) - 1) if len(ordered) else np.zeros(len(count), dtype=np.int64)
        group += found.code > bound[found.feature]
    return group


def _sample(
    name: str,
    found: Postings,
    slot: Int64[np.ndarray, " n"],
    priority: Float[np.ndarray, " n"],
    shape: tuple[int, int, int],
) -> dict[str, np.ndarray]:
    """The rows of smallest priority in each slot."""
    slots, width = shape[0] * shape[1], shape[2]
    many = np.bincount(slot, minlength=slots)
    near = priority < (_DRAWN * width / np.maximum(many, 1))[slot]
    enough = np.bincount(slot[near], minlength=slots) >= np.minimum(many, width)
    near = np.flatnonzero(near | ~enough[slot])
    near = near[np.lexsort((found.row[near], priority[near], slot[near]))]
    return _ranked(name, slot[near], found.row[near], values_of(found.code[near]), shape)


def _tokens(found: Postings, size: int) -> dict[str, np.ndarray]:
    """The tokens at which each feature fires with the largest summed activation."""
    order = np.lexsort((found.token, found.feature))
    feature, token = found.feature[order], found.token[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(feature) != 0) | (np.diff(token) != 0)
    first = np.flatnonzero(new)
    values = values_of(found.code[order]).astype(np.float64)
    total = np.add.reduceat(values, first) if len(first) else np.zeros(0)
    many = np.diff(np.concatenate([first, [len(order)]]))
    whole = np.bincount(found.feature, weights=values_of(found.code), minlength=size)
    owner = feature[first]
    best = np.lexsort((token[first], -total, owner))
    per = np.bincount(owner, minlength=size)
    rank = steps(per)
    best, rank = best[rank < TOKENS], rank[rank < TOKENS]
    tokens = np.full((size, TOKENS), NONE, dtype=np.int32)
    counts, shares = np.zeros((size, TOKENS), dtype=np.int64), np.zeros((size, TOKENS), dtype=np.float32)
    place = (owner[best], rank)
    tokens[place], counts[place] = token[first][best], many[best]
    shares[place] = total[best] / whole[owner[best]]
    return {"tokens": tokens, "token_counts": counts, "token_shares": shares}


def priority_of(
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
