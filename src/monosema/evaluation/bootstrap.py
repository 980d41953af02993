"""Intervals over documents: 95%, from sums kept for each document.

Ratios (FVU, CE recovered, shares) are recomputed from the resampled sums. Where there are very many documents
they are put together at random in at most 4,096 units, which bounds memory and leaves the intervals as they are.

Figures that count features (dead share, density histogram) can't be bootstrapped so: a resample leaves out 37%
of the documents, and every feature that is active only there would count as dead. They get a delete-a-group
jackknife over 20 groups of documents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

MAX_UNITS = 4096
RESAMPLES = 1000
GROUPS = 20
_LEVEL = 0.95
Z = 1.959963984540054
"""Normal quantile of .975."""

Sums = Mapping[str, Float[Tensor, "*batch"]]


@dataclass(frozen=True)
class Figure:
    """A number with its 95% interval over documents."""

    value: float
    """The figure over all documents; NaN (null in JSON) where it is not defined."""
    low: float | None = None
    """Lower end; None where there are fewer than two documents."""
    high: float | None = None
    """Upper end."""

    def __str__(self) -> str:
        """Three significant figures, with the interval where there is one."""
        if self.low is None or self.high is None:
            return f"{self.value:.3g}"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


class Units:
    """Numbers documents in the order in which they come; from the 4,097th on they share units."""

    def __init__(self, limit: int = MAX_UNITS) -> None:
        self.limit = limit
        self._numbers: dict[int, int] = {}

    @property
    def documents(self) -> int:
        """Documents seen."""
        return len(self._numbers)

    def of(self, document: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Unit, 0 to limit - 1, of each position by its document."""
        known, inverse = document.unique(return_inverse=True)
        numbers = [self._numbers.setdefault(int(key), len(self._numbers)) for key in known.tolist()]
        return (torch.tensor(numbers, dtype=torch.int64) % self.limit)[inverse]


class Bootstrap:
    """Resamples of units that all figures of one set of positions share."""

    def __init__(self, sums: Mapping[str, Float[Tensor, " units"]], *, seed: int, resamples: int = RESAMPLES):
        """`sums`: for each name the sum over each unit, float64; a unit is one draw."""
        self._names = list(sums)
        table = torch.stack([sums[name].double() for name in self._names], dim=1)  # [units, m]
        self._total = table.sum(0)
        self._resampled: Float[Tensor, "resamples m"] | None = None
        if len(table) >= 2:
            rng = np.random.default_rng(seed)
            draws = rng.integers(len(table), size=(resamples, len(table)))
            draws += np.arange(resamples)[:, None] * len(table)
            counts = np.bincount(draws.ravel(), minlength=resamples * len(table)).reshape(resamples, -1)
            self._resampled = torch.from_numpy(counts).double() @ table

    def figure(self, statistic: Callable[[Sums], Float[Tensor, "*batch"]]) -> Figure:
        """`statistic` of the sums over all units, with the quantiles of what it is over the resamples."""
        value = float(statistic(self._named(self._total)))
        if self._resampled is None:
            return Figure(value)
        found = statistic(self._named(self._resampled))
        ends = torch.tensor([(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], dtype=torch.float64)
        low, high = torch.nanquantile(found, ends).tolist()
        return Figure(value, low, high) if math.isfinite(low) and math.isfinite(high) else Figure(value)

    def _named(self, table: Float[Tensor, "*batch m"]) -> dict[str, Tensor]:
        return {name: table[..., i] for i, name in enumerate(self._names)}


def jackknife(
    groups: Int[Tensor, "groups columns"],
    statistic: Callable[[Int[Tensor, " columns"]], Float[Tensor, " out"]],
) -> list[Figure]:
    """`statistic` of the groups' sum, each entry with a delete-a-group jackknife interval, cut at 0 and 1.

    `groups` holds sums for each group of documents; groups that are zero throughout do not count. For shares.
    """
    filled = groups[groups.any(1)]
    total = groups.sum(0)
    whole = statistic(total).double()
    g = len(filled)
    if g < 2:
        return [Figure(value) for value in whole.tolist()]
    left = torch.stack([statistic(total - one).double() for one in filled])  # [groups, out]
    error = ((left - left.mean(0)).square().sum(0) * (g - 1) / g).sqrt() * _student(g - 1)
    ends = zip(
        whole.tolist(),
        (whole - error).clamp(0, 1).tolist(),
        (whole + error).clamp(0, 1).tolist(),
        strict=True,
    )
    return [Figure(value, low, high) for value, low, high in ends]


def _student(freedom: int) -> float:
    """Quantile .975 of Student's t, by its expansion about the normal's (Cornish and Fisher)."""
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / freedom + second / freedom**2 + third / freedom**3
