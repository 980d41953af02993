"""How each feature answers to each tag: rows inside tagged spans, firings there and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, Int64

from monosema.corpora import SpanTable, key_of
from monosema.index.codes import steps
from monosema.index.segment import Segment


@dataclass(frozen=True, eq=False)
class TagPairs:
    """Feature and tag wherever a feature fires inside spans of a tag, by feature, then tag."""

    feature: Int32[np.ndarray, " n"]
    tag: Int32[np.ndarray, " n"]
    """Number of the tag."""
    count: Int64[np.ndarray, " n"]
    """Firings inside its spans."""
    sum: Float[np.ndarray, " n"]
    """Sum of its activations there."""

    @classmethod
    def joined(cls, parts: Sequence[TagPairs]) -> TagPairs:
        """Pairs of blocks of features, in their order, as one."""
        names = ("feature", "tag", "count", "sum")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class TaggedRows:
    """Which tags the rows of an index carry. Memory: 8 bytes a row and 4 a row inside a span."""

    def __init__(self, segments: Sequence[Segment], spans: SpanTable) -> None:
        names, numbers = np.unique(np.array(spans.tag, dtype=str), return_inverse=True)
        self.names: tuple[str, ...] = tuple(names.tolist())
        """Names of the tags, sorted."""
        keys, of_key = _tagged_positions(spans, numbers)
        times, tags = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for segment in segments:
            places = segment.places
            mine = key_of(places[:, 0], places[:, 1])
            low, high = np.searchsorted(keys, mine), np.searchsorted(keys, mine, side="right")
            times.append(high - low)
            tags.append(of_key[np.repeat(low, high - low) + steps(high - low)])
        self._tags = np.concatenate(tags).astype(np.int32)
        self._first = np.concatenate([[0], np.cumsum(np.concatenate(times))]).astype(np.int64)
        self.rows = np.bincount(self._tags, minlength=len(names))
        """Rows inside spans of each tag."""

    def pairs(
        self,
        feature: Int64[np.ndarray, " n"],
        row: Int64[np.ndarray, " n"],
        value: Float32[np.ndarray, " n"],
    ) -> TagPairs:
        """Add up postings by feature and tag."""
        times = self._first[row + 1] - self._first[row]
        marked = np.flatnonzero(times)
        times = times[marked]
        tag = self._tags[np.repeat(self._first[row[marked]], times) + steps(times)].astype(np.int64)
        keys, inverse = np.unique(
            np.repeat(feature[marked], times) * len(self.names) + tag, return_inverse=True
        )
        total = np.bincount(inverse, weights=np.repeat(value[marked], times), minlength=len(keys))
        return TagPairs(
            (keys // max(len(self.names), 1)).astype(np.int32),
            (keys % max(len(self.names), 1)).astype(np.int32),
            np.bincount(inverse, minlength=len(keys)),
            total.astype(np.float64),
        )


class TagStatistics:
    """All pairs of feature and tag. Memory: 24 bytes each, twice once a tag was asked for."""

    def __init__(
        self, tags: Sequence[str], rows: Int64[np.ndarray, " T"], pairs: TagPairs, d_sae: int
    ) -> None:
        self.tags = tuple(tags)
        """Names of the tags, sorted."""
        self.rows = rows
        """Rows inside spans of each tag."""
        self._pairs, self._d_sae = pairs, d_sae

    def of(
        self, feature: int
    ) -> tuple[Int32[np.ndarray, " n"], Int64[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Numbers of the tags at which a feature fires, how often, and its mean activation inside their spans."""
        low, high = np.searchsorted(self._pairs.feature, (feature, feature + 1))
        tag = self._pairs.tag[low:high]
        return tag, self._pairs.count[low:high], self._pairs.sum[low:high] / self.rows[tag]

    def counts(self, tag: int) -> Int64[np.ndarray, " F"]:
        """Rows inside the spans of a tag at which each feature fires."""
        return self._spread(tag, self._pairs.count).astype(np.int64)

    def means(self, tag: int) -> Float[np.ndarray, " F"]:
        """Mean activation of each feature inside the spans of a tag."""
        return self._spread(tag, self._pairs.sum) / max(int(self.rows[tag]), 1)

    def _spread(self, tag: int, of_pairs: np.ndarray) -> Float[np.ndarray, " F"]:
        low, high = np.searchsorted(self._sorted_tags, (tag, tag + 1))
        mine = self._by_tag[low:high]
        found = np.zeros(self._d_sae)
        found[self._pairs.feature[mine]] = of_pairs[mine]
        return found

    @cached_property
    def _by_tag(self) -> Int64[np.ndarray, " n"]:
        return np.argsort(self._pairs.tag, kind="stable")

    @cached_property
    def _sorted_tags(self) -> Int32[np.ndarray, " n"]:
        return self._pairs.tag[self._by_tag]


def _tagged_positions(
    spans: SpanTable, numbers: Int[np.ndarray, " spans"]
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Sorted keys (document, position) of all tagged tokens, each tag once, and the tag of each."""
    lengths = spans.end - spans.start
    document = np.repeat(spans.document.astype(np.int64), lengths)
    position = np.repeat(spans.start.astype(np.int64), lengths) + steps(lengths)
    both = np.stack([key_of(document, position), np.repeat(numbers.astype(np.int64), lengths)], axis=1)
    both = np.unique(both, axis=0)
    return both[:, 0], both[:, 1]
