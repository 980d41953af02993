"""The best single column and threshold for a concept, by F1, exactly: dense matrices and sparse activations.

F1 of "the column is at least t" can be highest only where t is the value of a row of the concept: a lower threshold up
to the next such row adds false ones alone. So it is enough to know of these rows how many rows have at least their
value in each column. That is counted once for all concepts; a concept then costs as much as it has rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monosema.kernels import SparseActs

_COLUMNS = 256


@dataclass(frozen=True)
class Match:
    """What was chosen for a concept on the first half."""

    column: int
    threshold: float
    """A row is told to have the concept where the column is at least this."""
    f1: float
    """On the half that it was chosen on: too good, because it was chosen there."""


NOTHING = Match(0, float("inf"), -1.0)
"""Where no column can tell anything."""


class Ranked:
    """A dense matrix whose columns are ranked, so that many concepts are matched quickly.

    Memory: 4 bytes an entry beside the values, and 30 bytes x rows x 256 while it is made.
    """

    def __init__(
        self,
        values: Float[Tensor, "n columns"],
        weight: Float[Tensor, " n"] | None = None,
        *,
        above: float = 0.0,
    ) -> None:
        """`weight`: what a row counts for (None: 1); thresholds must be greater than `above`."""
        self._values = values
        self._weight = torch.ones(len(values), dtype=torch.float64) if weight is None else weight.double()
        self._told = torch.empty(values.shape, dtype=torch.float32)
        for begin in range(0, values.shape[1], _COLUMNS):
            some = slice(begin, begin + _COLUMNS)
            self._told[:, some] = _at_least(values[:, some], self._weight)
        self._told[values <= above] = torch.inf

    def match(self, positive: Bool[Tensor, " n"]) -> Match:
        """The column and threshold with the best F1; of equals the lower column, then the higher threshold."""
        rows = positive.nonzero()[:, 0]
        total = float(self._weight[rows].sum())
        best = NOTHING
        for begin in range(0, self._told.shape[1] if len(rows) else 0, _COLUMNS):
            told, order = self._told[rows, begin : begin + _COLUMNS].double().sort(dim=0)  # [p, c]
            # among equal values the last has counted all hits, and so the largest F1
            f1 = 2 * self._weight[rows][order].cumsum(0) / (told + total)
            f1[told.isinf()] = -1.0
            top = f1.max(dim=0)
            column = int(top.values.argmax())
            if float(top.values[column]) > best.f1:
                row = rows[order[top.indices[column], column]]
                threshold = float(self._values[row, begin + column])
                best = Match(begin + column, threshold, float(top.values[column]))
        return best


def _at_least(values: Float[Tensor, "n c"], weight: Float[Tensor, " n"]) -> Float[Tensor, "n c"]:
    """For each entry the weight of all rows whose value in its column is at least as large."""
    ordered, order = values.sort(dim=0, descending=True)
    counted = weight[order].cumsum(0)  # [n, c]
    counted[:-1][ordered[:-1] == ordered[1:]] = torch.inf  # equals count as many as the last of them
    counted = counted.flip(0).cummin(0).values.flip(0)
    return torch.empty_like(counted).scatter_(0, order, counted).float()


class RankedPairs:
    """Sparse activations whose features are ranked: the twin of `Ranked` for an SAE, or for rules of tokens.

    Memory: 12 bytes a pair beside the activations, and 50 bytes a pair while it is made.
    """

    def __init__(self, acts: SparseActs) -> None:
        self._acts = acts
        order = acts.values.argsort(descending=True, stable=True)
        order = order[acts.indices[order].argsort(stable=True)]  # by feature, then by falling value
        feature, value = acts.indices[order], acts.values[order]
        place = torch.arange(1, acts.nnz + 1)
        differs = (feature[1:] != feature[:-1]) | (value[1:] != value[:-1])
        ends = torch.cat([differs, differs.new_ones(min(1, acts.nnz))])
        last = torch.where(ends, place, acts.nnz).flip(0).cummin(0).values.flip(0)
        before = torch.bincount(feature, minlength=acts.d_sae).cumsum(0)  # pairs up to and with each feature
        told = torch.empty(acts.nnz)
        told[order] = (
            last - before[feature] + torch.bincount(feature, minlength=acts.d_sae)[feature]
        ).float()
        self._told = replace(acts, values=told)

    def match(self, positive: Bool[Tensor, " n"]) -> Match:
        """The feature and threshold with the best F1; of equals the lower feature, then the higher threshold."""
        rows = positive.nonzero()[:, 0]
        told = self._told.select(rows)
        if not told.nnz:
            return NOTHING
        order = told.values.argsort(stable=True)
        order = order[told.indices[order].argsort(stable=True)]
        feature = told.indices[order]
        place = torch.arange(told.nnz)
        opens = torch.cat([torch.ones(1, dtype=torch.bool), feature[1:] != feature[:-1]])
        hits = place - torch.where(opens, place, 0).cummax(0).values + 1
        f1 = 2.0 * hits.double() / (told.values[order].double() + len(rows))
        best = int(f1.argmax())
        threshold = float(self._acts.select(rows).values[order[best]])
        return Match(int(feature[best]), threshold, float(f1[best]))
