"""Statistics of a stream of rows, gathered part by part and joined in any grouping."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Count, sum and sum of squared norms of rows, in float64.

    `Moments.of(a).merge(Moments.of(b))` is `Moments.of(a and b)` up to the order of float64 sums.
    """

    count: int
    """Rows seen."""
    total: Float[Tensor, " d"]
    """Sum of the rows."""
    squares: float
    """Sum of their squared norms."""

    @classmethod
    def none(cls, d: int) -> Moments:
        """Of no row at all."""
        return cls(count=0, total=torch.zeros(d, dtype=torch.float64), squares=0.0)

    @classmethod
    def of(cls, x: Float[Tensor, "n d"]) -> Moments:
        """Of these rows."""
        wide = x.detach().double()
        return cls(count=len(x), total=wide.sum(0).cpu(), squares=float(wide.square().sum()))

    def merge(self, other: Moments) -> Moments:
        """Of the rows of both."""
        return Moments(
            count=self.count + other.count,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """Mean row. Raises `UsageError` where no row was seen."""
        return self.total / self._seen()

    @property
    def mean_squared_norm(self) -> float:
        """Mean of ‖x‖², which the scale of C2 brings to d_model. Raises `UsageError` for no row."""
        return self.squares / self._seen()

    @property
    def variance(self) -> float:
        """Mean of ‖x - mean‖². Raises `UsageError` for no row."""
        return max(0.0, self.mean_squared_norm - float(self.mean.square().sum()))

    def _seen(self) -> int:
        if not self.count:
            raise UsageError("moments of no positions; give at least one")
        return self.count
