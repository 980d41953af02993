"""Features that fire at the same positions as some others: one pass over the postings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, Int64
from scipy.sparse import csr_array

from monosema.index.codes import NONE
from monosema.index.segment import Segment

FEWEST = 5
"""Common firings below which two features are not called co-active."""
_BYTES = 128 << 20


class Coactive(NamedTuple):
    """The features most co-active with each of S others."""

    features: Int32[np.ndarray, "S shown"]
    """Strongest first; -1 where there are fewer."""
    phi: Float32[np.ndarray, "S shown"]
    """Correlation of "it fires" between the two, over all positions; 0 where there are fewer."""
    together: Int64[np.ndarray, "S shown"]
    """Positions at which both fire."""


def coactive(
    segments: Sequence[Segment],
    subset: Int64[np.ndarray, " S"],
    count: Int64[np.ndarray, " F"],
    *,
    shown: int = 10,
) -> Coactive:
    """The features whose firings correlate most with those of each feature of `subset`, itself left out.

    `count`: positions at which each of all features fires. Memory: 128 MB for common firings, whatever d_sae, and
    about 40 bytes a posting of one segment; the postings are read once for every so many features of the subset.
    """
    positions = sum(segment.record.positions for segment in segments)
    at_once = max(1, _BYTES // (8 * len(count)))
    parts = []
    for begin in range(0, len(subset), at_once):
        some = subset[begin : begin + at_once]
        together = sum(_common(segment, some, len(count)) for segment in segments)
        parts.append(_best(np.asarray(together), some, count, positions, shown))
    return Coactive(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _common(segment: Segment, subset: Int64[np.ndarray, " s"], d_sae: int) -> Int64[np.ndarray, "s F"]:
    """At how many rows each of the subset fires together with each of all."""
    rows, features = segment.rows, segment.features
    shape = (segment.record.positions, d_sae)
    fires = csr_array((np.ones(len(rows), dtype=np.int64), (rows, features)), shape=shape)
    return np.asarray((fires[:, subset].T @ fires).todense())


def _best(
    together: Int64[np.ndarray, "s F"],
    subset: Int64[np.ndarray, " s"],
    count: Int64[np.ndarray, " F"],
    positions: int,
    shown: int,
) -> Coactive:
    share, mine = count / positions, (count / positions)[subset]
    spread = np.sqrt(np.outer(mine * (1 - mine), share * (1 - share)))
    phi = (together / positions - np.outer(mine, share)) / np.maximum(spread, 1e-300)
    phi[(together < FEWEST) | (spread == 0)] = -np.inf
    phi[np.arange(len(subset)), subset] = -np.inf
    order = np.argsort(-phi, axis=1, kind="stable")[:, :shown]
    best = np.take_along_axis(phi, order, axis=1)
    none = np.isneginf(best)
    return Coactive(
        np.where(none, NONE, order).astype(np.int32),
        np.where(none, 0, best).astype(np.float32),
        np.where(none, 0, np.take_along_axis(together, order, axis=1)),
    )
