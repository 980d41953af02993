"""L1: squared error and λ Σ φ(f‖d‖), φ the identity (C2) or, with p-annealing, a power that falls during training.

With p below 1 a small activation costs nearly as much as a large one, which is nearer to L0 (Karvonen et al. 2024). φ
is (a + ε)^p, times the number that gives a batch the penalty that it would have with p = 1: measured on each
batch for the next one, so that λ keeps its meaning.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.sae import L1, Kind, Weights
from monosema.training.entries import Entries
from monosema.training.objectives.objective import (
    PRODUCT_BYTES,
    Held,
    Moment,
    Objective,
    where_active,
)

SMALLEST = 0.01
"""ε, in the units of a: what keeps the slope of the power finite at 0."""


class L1Objective(Objective):
    """Penalty of L1."""

    def __init__(self, weights: Weights, kind: L1, threshold: Float[Tensor, " d_sae"] | None) -> None:
        super().__init__(weights)
        self.kind = kind
        self.power = 1.0
        self.ratio = torch.ones_like(self.penalty)  # of the last batch: Σ a over Σ (a + ε)^p
        self._sums = self.penalty.new_zeros(2)

    @classmethod
    def held(cls, kind: Kind, d_model: int, d_sae: int) -> Held:
        """Dense: `along` and a, 4 each, and a in fp64, which is summed; with p-annealing powers, twice, and a mask."""
        assert isinstance(kind, L1)
        annealed = 0 if kind.p_end == 1 else 2 * 4 + 1
        return Held(entry=PRODUCT_BYTES + 2 * 4 + 8 + annealed)

    def begin(self, moment: Moment) -> None:
        """Forget the last step; choose p."""
        super().begin(moment)
        begun = self.kind.p_start
        share = max(0.0, moment.progress - begun) / (1 - begun)
        self.power = 1.0 + (self.kind.p_end - 1.0) * share
        if self._sums[1] > 0:
            self.ratio.copy_(self._sums[0] / self._sums[1])
        self._sums.zero_()

    def slopes(self, h: Tensor, f: Tensor, along: Tensor, at: Entries) -> Tensor:
        """Squared error and penalty."""
        weight, norms = self.moment.weight, at.of(self.moment.norms)
        if not weight:
            return where_active(along, f)
        if self.power == 1.0:
            self.penalty += weight * (f * norms).sum(dtype=torch.float64)
            self._pull(at.sums(f) * weight)
            return where_active(along.add_(norms, alpha=weight), f)
        active = f > 0
        a = f * norms
        powers = (a + SMALLEST).pow(self.power)
        kept = torch.where(active, powers, 0.0).sum(dtype=torch.float64)
        self._sums += torch.stack([a.sum(dtype=torch.float64), kept])
        weight *= float(self.ratio)
        self.penalty += weight * kept
        steep = powers.div_(a.add_(SMALLEST)).mul_(weight * self.power)  # λ/n · φ'(a)
        self._pull(at.sums(steep * f))
        return where_active(along.addcmul_(steep, norms.expand_as(steep)), f)

    def state(self) -> dict[str, Tensor]:
        """Sums of the last batch, which the next one's penalty is made of."""
        return {"power_sums": self._sums, "power_ratio": self.ratio}
