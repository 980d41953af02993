"""Clusters of features: average linkage along the neighbour graph, down to the cosine that chance reaches.

Two clusters that hold neighbours of each other are joined, the most alike pair first, while the mean cosine over all
pairs across them is at least `least`. That mean is exact, whatever pairs the graph knows: it is the product of their
sums of unit vectors over their sizes.

Why this one: nothing is drawn, so there is no seed, and its one number has a meaning. Density clusters (HDBSCAN, as the
2023 map had on ten UMAP dimensions) find *more* clusters in random directions of the same covariance than in a real
decoder (791 and 453 of 8,192 features), since they measure density against nothing; connected components chain half
of all features into one. Here random directions give next to none (the tests hold it to that).

Memory: 8 x d_model bytes and about 300 + 150 k bytes a point of k neighbours. Time: about 20 µs a neighbour on a core.
"""

from __future__ import annotations

import heapq

import numpy as np
from jaxtyping import Float, Int64
from torch import Tensor

from monosema.index.codes import NONE
from monosema.index.neighbours import unit_rows

FEWEST = 3
"""Features that make a cluster (as in the 2023 map)."""


def clusters(
    W: Float[Tensor, "n d_model"],
    names: Int64[np.ndarray, "n k"],
    cosines: Float[np.ndarray, "n k"],
    *,
    least: float,
) -> Int64[np.ndarray, " n"]:
    """Number of each point's cluster, 0 the largest (of equals the one with the lowest point); -1 where it has none.

    `names` and `cosines`: each point's neighbours (`neighbours`). Points join at a mean cosine of `least` or more.
    """
    found = _Linkage(W, names, cosines, least).run()
    numbers = np.full(len(W), NONE, dtype=np.int64)
    for number, members in enumerate(sorted(found, key=lambda members: (-len(members), min(members)))):
        numbers[members] = number
    return numbers


def centrality(W: Float[Tensor, "n d_model"], numbers: Int64[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Cosine of each point with the mean direction of its cluster; 0 where it has none."""
    inside = np.flatnonzero(numbers != NONE)
    unit, _ = unit_rows(W[inside])
    rows = unit.double().numpy()
    sums = np.zeros((int(numbers.max(initial=NONE)) + 1, W.shape[1]))
    np.add.at(sums, numbers[inside], rows)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    means = sums / np.where(lengths > 0, lengths, 1.0)
    found = np.zeros(len(W), dtype=np.float32)
    found[inside] = (rows * means[numbers[inside]]).sum(1)
    return found


class _Linkage:
    """Clusters under way. A cluster of several points gets a new number, so that pairs in the heap cannot lie."""

    def __init__(
        self,
        W: Float[Tensor, "n d_model"],
        names: Int64[np.ndarray, "n k"],
        cosines: Float[np.ndarray, "n k"],
        least: float,
    ) -> None:
        self._least, self._next = least, len(W)
        points, places = np.nonzero((cosines >= least) & (names != NONE))
        others = names[points, places]
        pairs = zip(
            -cosines[points, places], np.minimum(points, others), np.maximum(points, others), strict=True
        )
        self._heap = sorted({(float(cosine), int(a), int(b)) for cosine, a, b in pairs})
        used = np.unique(np.concatenate([points, others]))
        unit, _ = unit_rows(W[used])
        self._sums = dict(zip(used.tolist(), unit.double().numpy(), strict=True))
        self._members: dict[int, list[int]] = {point: [point] for point in used.tolist()}
        self._near: dict[int, set[int]] = {point: set() for point in used.tolist()}
        for _, a, b in self._heap:
            self._near[a].add(b)
            self._near[b].add(a)

    def run(self) -> list[list[int]]:
        """Join until nothing is alike enough; return the clusters that are large enough."""
        while self._heap:
            _, a, b = heapq.heappop(self._heap)
            if a in self._members and b in self._members:
                self._join(a, b)
        return [members for members in self._members.values() if len(members) >= FEWEST]

    def _join(self, a: int, b: int) -> None:
        new, self._next = self._next, self._next + 1
        self._sums[new] = self._sums.pop(a) + self._sums.pop(b)
        self._members[new] = self._members.pop(a) + self._members.pop(b)
        self._near[new] = (self._near.pop(a) | self._near.pop(b)) - {a, b}
        for other in sorted(self._near[new]):
            self._near[other] = (self._near[other] - {a, b}) | {new}
            pairs = len(self._members[new]) * len(self._members[other])
            mean = float((self._sums[new] * self._sums[other]).sum()) / pairs
            if mean >= self._least:
                heapq.heappush(self._heap, (-mean, other, new))
