"""JumpReLU with a tanh penalty and a loss on silent pre-activations (Anthropic, January 2025).

    loss = squared error + λ Σ tanh(c f‖d‖) + λ_P Σ ReLU(θ - h)‖d‖, means over positions

The second sum runs over all features of all positions, but is only wanted as a sum: what the active entries do not
have is the sum over all entries, which is linear in Σ x, less that over the active ones. So it costs nothing dense.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.sae import Kind, TanhJumpReLU, Weights
from monosema.training.entries import Entries
from monosema.training.gradients import Gradients
from monosema.training.objectives.jumprelu import RATE, ThresholdObjective
from monosema.training.objectives.objective import Held


class TanhObjective(ThresholdObjective):
    """Penalty and pre-activation loss of the January 2025 recipe."""

    def __init__(
        self, weights: Weights, kind: TanhJumpReLU, threshold: Float[Tensor, " d_sae"] | None
    ) -> None:
        super().__init__(weights, kind.bandwidth, threshold)
        self.kind = kind

    @classmethod
    def held(cls, kind: Kind, d_model: int, d_sae: int) -> Held:
        """Beside what thresholds take: what h is over its threshold, and that of active entries."""
        return Held(entry=super().held(kind, d_model, d_sae).entry + 2 * 4)

    def _slope(self, f: Tensor, at: Entries) -> Tensor:
        weight, norms = self.moment.weight, at.of(self.moment.norms)
        squashed = torch.tanh(self.kind.tanh_scale * norms * f)
        self.penalty += weight * squashed.sum(dtype=torch.float64)
        steep = (1 - squashed.square()).mul_(weight * self.kind.tanh_scale)
        self._pull(at.sums(steep * f))
        return steep.mul_(norms)

    def _also(self, z: Tensor, steps: Tensor, active: Tensor, h: Tensor, at: Entries) -> Tensor:
        """The estimator's gradient reaches h; active entries have no part in the loss on silent ones."""
        each = self._silent_weight()
        above = active.to(h.dtype)
        self._learn(at.sums(above) * each)
        self._lack(at.sums(above * (h - at.of(self.threshold))))
        return z.add_(steps, alpha=1 / self.bandwidth).add_(above.mul_(at.of(each)))

    def _silent_weight(self) -> Float[Tensor, " d_sae"]:
        """λ_P / n · ‖d‖."""
        return self.moment.norms * (self.kind.silent_coefficient / self.moment.n)

    def outset(self, gradients: Gradients, inputs: Float[Tensor, "n d_model"]) -> None:
        """The loss on silent pre-activations, as if all of them were."""
        each, n = self._silent_weight(), self.moment.n
        total = inputs.sum(0)
        gradients.fill()
        gradients.encoder.addr_(each, total, alpha=-1)
        gradients.b_enc.sub_(each, alpha=n)
        self.own_gradients["log_threshold"].add_(each * self.threshold, alpha=n * RATE)
        lacking = self.threshold * n - (self.weights.encoder @ total + self.weights.b_enc * n)  # Σ (θ - h)
        self._lack(lacking)

    def _lack(self, lacking: Float[Tensor, " d_sae"]) -> None:
        """Count Σ (θ - h) of each feature in the loss, and pull decoder rows by it."""
        share = self.kind.silent_coefficient / self.moment.n
        self.penalty += share * (lacking.double() @ self.moment.norms.double())
        self._pull(lacking * share)
