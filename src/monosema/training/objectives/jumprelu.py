"""JumpReLU: f = h where h > θ, each feature's threshold θ trained through a straight-through estimator.

The step function has no slope, so its derivative in θ is taken from a rectangle of width ε around it: with
K = 1 where |h - θ| < ε / 2, a gradient g in f gives - (θ / ε) K g in θ, and a gradient in H(h - θ) gives - K / ε of it.

    l0 (Rajamanoharan et al. 2024b, Gemma Scope): λ Σ H(h - θ), or, with a target T, λ (l0 - T)² / T (Gemma Scope 2)
    tanh (Anthropic, January 2025): λ Σ tanh(c f‖d‖), its gradient passed on to h too, and a loss that pulls silent
        pre-activations up: λ_P Σ ReLU(θ - h)‖d‖

θ = exp(u · RATE): a step of Adam moves u by about its learning rate, and RATE times that is what θ can grow or
shrink by; with 1 thresholds do not get anywhere in a short run.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.sae import JumpReLU, Kind, Weights
from monosema.training.entries import Entries
from monosema.training.objectives.objective import PRODUCT_BYTES, Held, Objective, where_active

RATE = 10.0
SMALLEST = 1e-6
"""Least threshold that training begins with."""


class ThresholdObjective(Objective):
    """Codes and thresholds of JumpReLU; the penalty is for kinds to say."""

    def __init__(self, weights: Weights, bandwidth: float, threshold: Float[Tensor, " d_sae"] | None) -> None:
        super().__init__(weights)
        assert threshold is not None
        self.bandwidth = bandwidth
        norms = weights.norms()
        on_f = torch.where(norms > 0, threshold / norms, threshold).clamp_(min=SMALLEST)
        self._with(log_threshold=on_f.log() / RATE)
        self.threshold = torch.empty_like(on_f)  # θ
        self.bias = torch.empty_like(on_f)  # h is compared with θ - ε / 2 instead of with 0
        self.refresh()

    @classmethod
    def held(cls, kind: Kind, d_model: int, d_sae: int) -> Held:
        """Dense: f, `along`, `steps` and which entries are active, 4 each, and two masks."""
        return Held(entry=PRODUCT_BYTES + 4 * 4 + 2)

    def refresh(self) -> None:
        """θ, and the bias of what lies within reach of it."""
        torch.exp(self.own["log_threshold"] * RATE, out=self.threshold)
        torch.sub(self.weights.b_enc, self.threshold, out=self.bias).add_(self.bandwidth / 2)

    def codes(self, h: Tensor, at: Entries) -> Tensor:
        """h where it is above θ; what came in was h + bias - b_enc, and is put right in place."""
        h.add_(at.of(self.threshold - self.bandwidth / 2))
        return torch.where(h > at.of(self.threshold), h, 0.0)

    def slopes(self, h: Tensor, f: Tensor, along: Tensor, at: Entries) -> Tensor:
        """Squared error and penalty; θ learns from what lies within half the bandwidth of it."""
        threshold, active = at.of(self.threshold), f > 0
        far = (h - threshold).abs_() >= self.bandwidth / 2
        grad = along.add_(self._slope(f, at))
        steps = (threshold * grad).add_(self._step_slope(active, at)).masked_fill_(far, 0.0)
        self._learn(at.sums(steps) / self.bandwidth)
        return self._also(where_active(grad, f), steps, active, h, at)

    def _learn(self, falls: Float[Tensor, " d_sae"]) -> None:
        """Take in a gradient in θ of the opposite sign."""
        self.own_gradients["log_threshold"].sub_(falls * self.threshold * RATE)

    def _slope(self, f: Tensor, at: Entries) -> Tensor | float:
        """Derivative of the penalty in f."""
        return 0.0

    def _step_slope(self, active: Tensor, at: Entries) -> Tensor | float:
        """Derivative of the penalty in H(h - θ)."""
        return 0.0

    def _also(self, z: Tensor, steps: Tensor, active: Tensor, h: Tensor, at: Entries) -> Tensor:
        """What else reaches h beside z; `steps` is what θ learns from, times the bandwidth."""
        return z

    def publish(self) -> Float[Tensor, " d_sae"]:
        """Thresholds on a."""
        return self.threshold * self.weights.norms()


class JumpReLUObjective(ThresholdObjective):
    """The L0 loss."""

    def __init__(self, weights: Weights, kind: JumpReLU, threshold: Float[Tensor, " d_sae"] | None) -> None:
        super().__init__(weights, kind.bandwidth, threshold)
        self.target = kind.target_l0

    def _step_slope(self, active: Tensor, at: Entries) -> Tensor | float:
        weight = self.moment.weight
        if self.target is None:
            self.penalty += weight * torch.count_nonzero(active)
            return weight
        l0 = at.row_sums(active.to(self.threshold.dtype))
        self.penalty += weight / self.target * (l0 - self.target).square().sum(dtype=torch.float64)
        return at.of_rows((l0 / self.target - 1).mul_(2 * weight))
