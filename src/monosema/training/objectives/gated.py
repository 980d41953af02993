"""Gated: one pre-activation says whether a feature is on, another how strongly (Rajamanoharan et al. 2024a).

    π = W x + b_gate        f = ReLU(e^r (π - b_gate) + b_mag) where π > 0

    loss = ‖x - x̂(f)‖² + λ Σ ReLU(π) + ‖x - x̂(ReLU(π))‖², the decoder of the last term held constant

so that the penalty shrinks the gate only. While it is trained, `encoder` and `b_enc` are those of the gate; after that
they are e^r W and b_mag, and the gate is a threshold: π > 0 where the strength is above b_mag - e^r b_gate.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.kernels import SparseActs, energy, residual_and_slopes
from monosema.sae import Gated, Kind, Weights
from monosema.training.entries import Entries
from monosema.training.gradients import Gradients
from monosema.training.objectives.objective import (
    PRODUCT_BYTES,
    Held,
    Moment,
    Objective,
    where_active,
)


class GatedObjective(Objective):
    """Codes and losses of a gated SAE."""

    def __init__(self, weights: Weights, kind: Gated, threshold: Float[Tensor, " d_sae"] | None) -> None:
        super().__init__(weights)
        assert threshold is not None
        norms = weights.norms()
        self._with(log_gain=torch.zeros_like(threshold), b_mag=weights.b_enc.clone())
        weights.b_enc.sub_(torch.where(norms > 0, threshold / norms, threshold))
        self._by_gate: list[Tensor] = []  # along, of the decoder that is held constant
        self._strong = torch.zeros_like(threshold)  # Σ of gradients in the strength, times e^r

    @classmethod
    def held(cls, kind: Kind, d_model: int, d_sae: int) -> Held:
        """Dense: f, `along`, that of the gates and what is penalised, 4 each, the last in fp64 too; and a residual."""
        return Held(entry=PRODUCT_BYTES + 4 * 4 + 8, number=4)

    def begin(self, moment: Moment) -> None:
        """Forget the last step."""
        super().begin(moment)
        self._by_gate = []
        self._strong.zero_()

    def codes(self, h: Tensor, at: Entries) -> Tensor:
        """The strength where the gate is open."""
        gain, b_mag, b_gate = (at.of(v) for v in (self._gain(), self.own["b_mag"], self.weights.b_enc))
        strength = (h - b_gate).mul_(gain).add_(b_mag).relu_()
        return where_active(strength, h)

    def _gain(self) -> Float[Tensor, " d_sae"]:
        return self.own["log_gain"].exp()

    def read_out(
        self,
        x: Float[Tensor, "n d_model"],
        f: SparseActs,
        h: Float[Tensor, " nnz"],
        residual: Float[Tensor, "n d_model"],
        rows: slice,
    ) -> Float[Tensor, " nnz"]:
        """`along` of the strengths; that of the gates is kept for `slopes`."""
        gates = SparseActs(offsets=f.offsets, indices=f.indices, values=h, d_sae=f.d_sae)
        left = torch.empty_like(residual)
        scale = 2 / self.moment.n
        self._by_gate.append(
            residual_and_slopes(x, gates, self.weights.W_dec, self.weights.b_dec, scale, left)
        )
        self._frozen(left)
        return super().read_out(x, f, h, residual, rows)

    def read_out_dense(
        self,
        x: Float[Tensor, "n d_model"],
        f: Float[Tensor, "n d_sae"],
        h: Float[Tensor, "n d_sae"],
        residual: Float[Tensor, "n d_model"],
        out: Float[Tensor, "n d_sae"],
    ) -> Float[Tensor, "n d_sae"]:
        """The same for dense codes."""
        left = torch.empty_like(residual)
        self._by_gate = [super().read_out_dense(x, h.clamp(min=0), h, left, torch.empty_like(out))]
        self._frozen(left)
        return super().read_out_dense(x, f, h, residual, out)

    def _frozen(self, left: Float[Tensor, "n d_model"]) -> None:
        self.beside += self.moment.n / 4 * energy(left)

    def slopes(self, h: Tensor, f: Tensor, along: Tensor, at: Entries) -> Tensor:
        """Squared errors and penalty."""
        by_gate, weight, gain = torch.cat(self._by_gate), self.moment.weight, self._gain()
        self._by_gate = []
        self.penalty += weight * h.clamp(min=0).sum(dtype=torch.float64)
        to_strength = where_active(along, f)
        summed = at.sums(to_strength)
        self.own_gradients["b_mag"].add_(summed)
        reach = at.sums(to_strength * (h - at.of(self.weights.b_enc)))
        self.own_gradients["log_gain"].addcmul_(reach, gain)
        self._strong.addcmul_(summed, gain)
        return to_strength.mul_(at.of(gain)).add_(where_active(by_gate.add_(weight), h))

    def restart(self, features: Int[Tensor, " f"]) -> None:
        """Gate and strength are one where a feature begins anew."""
        self.own["log_gain"][features] = 0.0
        self.own["b_mag"][features] = self.weights.b_enc[features]

    def amend(self, gradients: Gradients) -> None:
        """The gate's bias has no part in the strength."""
        gradients.b_enc.sub_(self._strong)

    def publish(self) -> Float[Tensor, " d_sae"]:
        """Leave the weights of the strength in place of the gate's; return the gate's threshold on a."""
        weights, gain = self.weights, self._gain()
        opens = (self.own["b_mag"] - gain * weights.b_enc).clamp_(min=0)
        weights.encoder.mul_(gain[:, None])
        weights.b_enc.copy_(self.own["b_mag"])
        return opens * weights.norms()
