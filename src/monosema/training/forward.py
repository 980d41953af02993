"""The token-major half of a step: encode, select, decode, and the gradient of every active pair, by chunks.

The pre-activations of a chunk are overwritten by the next one. A chunk where ReLU is still dense goes through
matrix products instead of pairs; both ways give the same up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import lookup
from monosema.kernels import (
    CertifiedEncoder,
    Encoder,
    ExactEncoder,
    Selected,
    SparseActs,
    residual_and_slopes,
)
from monosema.training.gradients import Gradients

SPARSE_BELOW = 1 / 16
"""Share of active pairs up to which a ReLU chunk is worked on pair by pair; docs/log.md has the crossover."""
MOST_ROWS = 2048  # positions of a chunk: at 1024 the fp32 product is 7% slower
CHUNK_NUMBERS = 1 << 26  # pre-activations that a chunk may hold: 256 MB in fp32

ENCODERS = {"fp32": ExactEncoder, "bf16": CertifiedEncoder}


@dataclass
class Pass:
    """What the chunks of one batch leave behind."""

    acts: list[SparseActs] = field(default_factory=list)
    """Active pairs of each chunk; none where the chunk was dense."""
    z: list[Tensor] = field(default_factory=list)
    """Gradient in the pre-activation of each pair."""
    active: int = 0
    """Active pairs, those of dense chunks included."""
    candidates: int = 0
    fallback_rows: int = 0


class Forward:
    """Runs chunks through the weights that it was made with; dense chunks add to `gradients` at once."""

    def __init__(
        self,
        encoder: Float[Tensor, "d_sae d_model"],
        decoder: Float[Tensor, "d_sae d_model"],
        b_enc: Float[Tensor, " d_sae"],
        b_dec: Float[Tensor, " d_model"],
        gradients: Gradients,
        *,
        encoder_gemm: str,
        batch: int,
    ) -> None:
        make = lookup(ENCODERS, encoder_gemm, "encoder_gemm")
        self.decoder, self.b_dec, self.gradients = decoder, b_dec, gradients
        self.rows = max(1, min(batch, MOST_ROWS, CHUNK_NUMBERS // len(encoder)))
        self.product: Encoder = make(encoder, b_enc, self.rows)
        self._codes: Tensor | None = None  # [rows, d_sae], made where ReLU is dense

    def run(
        self,
        x: Float[Tensor, "n d_model"],
        inputs: Float[Tensor, "n d_model"],
        residual: Float[Tensor, "n d_model"],
        k: int | None,
        penalty: Float[Tensor, " d_sae"] | None,
    ) -> Pass:
        """Leave (2 / n)(x̂ - x) in `residual`; `inputs` is what the encoder reads, `penalty` (λ / n) ‖d‖."""
        out = Pass()
        for start in range(0, len(x), self.rows):
            part = slice(start, start + self.rows)
            self._chunk(out, x[part], inputs[part], residual[part], k, penalty, 2 / len(x))
        return out

    def _chunk(
        self,
        out: Pass,
        x: Tensor,
        inputs: Tensor,
        residual: Tensor,
        k: int | None,
        penalty: Tensor | None,
        scale: float,
    ) -> None:
        d_sae = len(self.decoder)
        selected: Selected | Tensor
        if k is None:
            selected = self.product.positive(inputs, limit=int(SPARSE_BELOW * len(x) * d_sae))
        else:
            selected = self.product.top_k(inputs, k)
        if isinstance(selected, Tensor):
            out.active += self._dense(selected, x, inputs, residual, penalty, scale)
            out.acts.append(SparseActs.empty(len(x), d_sae, x.device))
            return
        acts = selected.acts
        z = residual_and_slopes(x, acts, self.decoder, self.b_dec, scale, residual)
        if penalty is not None:
            z.add_(penalty[acts.indices])
        out.acts.append(acts)
        out.z.append(z)
        out.active += acts.nnz
        out.candidates += selected.candidates
        out.fallback_rows += selected.fallback_rows

    def _dense(
        self,
        pre_acts: Tensor,
        x: Tensor,
        inputs: Tensor,
        residual: Tensor,
        penalty: Tensor | None,
        scale: float,
    ) -> int:
        """Put a chunk through matrix products and add its gradients; return its active pairs."""
        acts = pre_acts.relu_()  # [rows, d_sae]
        torch.addmm(self.b_dec, acts, self.decoder, out=residual).sub_(x).mul_(scale)
        if self._codes is None:
            self._codes = acts.new_empty(self.rows, acts.shape[1])
        z = torch.mm(residual, self.decoder.T, out=self._codes[: len(x)])
        if penalty is not None:
            z.add_(penalty)
        torch.ops.aten.threshold_backward.grad_input(z, acts, 0.0, grad_input=z)  # zero where f is not > 0
        self.gradients.add_dense(acts, z, residual, inputs)
        return int(torch.count_nonzero(acts))
