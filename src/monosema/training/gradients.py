"""The four gradients of one step, gathered from dense parts and from sparse pairs, without autograd.

With r = x̂ - x, scaled so that the loss has the gradient r in x̂, and z the gradient in the pre-activations:

    W_dec: Σ f r      encoder: Σ z x      b_enc: Σ z      b_dec: Σ r - (b_dec subtracted) encoderᵀ Σ z

Sums run over positions. Dense parts are added with matrix products when they are made; sparse pairs are kept and
added at the end, feature by feature (kernels/gradients.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.kernels import ByFeature, RowGradients


class Gradients:
    """Buffers of the gradients, made once; `tensors` are those of encoder, decoder, b_enc and b_dec."""

    def __init__(self, encoder: Float[Tensor, "d_sae d_model"]) -> None:
        d_sae, d_model = encoder.shape
        self.encoder = torch.zeros_like(encoder)
        self.decoder = torch.zeros_like(encoder)
        self.b_enc = encoder.new_zeros(d_sae)
        self.b_dec = encoder.new_zeros(d_model)
        self.mass = encoder.new_zeros(d_sae)  # Σ f of each feature, for the penalty and for who has fired
        self.filled = False
        self._rows = RowGradients(
            encoder=self.encoder, decoder=self.decoder, b_enc=self.b_enc, mass=self.mass
        )

    @property
    def tensors(self) -> list[Tensor]:
        """In the order of the step's parameters."""
        return [self.encoder, self.decoder, self.b_enc, self.b_dec]

    def begin(self) -> None:
        """Forget the last step; the large buffers are cleared only if something is added before `finish`."""
        self.filled = False
        self.b_enc.zero_()
        self.mass.zero_()

    def fill(self) -> None:
        """Make the large buffers ready to be added to."""
        if not self.filled:
            self.encoder.zero_()
            self.decoder.zero_()
            self.filled = True

    def add_dense(
        self,
        acts: Float[Tensor, "n d_sae"],
        z: Float[Tensor, "n d_sae"],
        residual: Float[Tensor, "n d_model"],
        inputs: Float[Tensor, "n d_model"],
    ) -> None:
        """Add some positions whose activations are a dense matrix."""
        self.fill()
        self.decoder.addmm_(acts.T, residual)
        self.encoder.addmm_(z.T, inputs)
        self.b_enc.add_(z.sum(0))
        self.mass.add_(acts.sum(0))

    def add_features(
        self,
        features: Int[Tensor, " f"],
        acts: Float[Tensor, "n f"],
        z: Float[Tensor, "n f"],
        residual: Float[Tensor, "n d_model"],
        inputs: Float[Tensor, "n d_model"],
    ) -> None:
        """Add some positions for a few features only; they count as nobody's firing."""
        self.fill()
        self.decoder.index_add_(0, features, acts.T @ residual)
        self.encoder.index_add_(0, features, z.T @ inputs)
        self.b_enc.index_add_(0, features, z.sum(0))

    def add_pairs(
        self,
        pairs: ByFeature,
        acts: Float[Tensor, " nnz"],
        z: Float[Tensor, " nnz"],
        residuals: Sequence[tuple[slice, Float[Tensor, "n d_model"]]],
        inputs: Float[Tensor, "n d_model"],
        decoder: Float[Tensor, "d_sae d_model"],
        norms: Float[Tensor, " d_sae"],
        *,
        pulls: Float[Tensor, " d_sae"] | None,
        unit: bool,
    ) -> float:
        """Add the sparse pairs and the penalty; remove what lies along unit rows; return the norm of both matrices.

        `residuals`: r of each range of features; `norms` are those of the decoder rows, `pulls` times the row is added.
        """
        of_ranges = [
            self._rows.add(
                pairs, acts, z, inputs, residual, decoder, norms,
                pulls=pulls, unit=unit, filled=self.filled, part=part,
            )
            for part, residual in residuals
        ]  # fmt: skip
        return math.hypot(*of_ranges)

    def pull_blocks(
        self, decoder: Float[Tensor, "d_sae d_model"], pulls: Float[Tensor, " d_sae"], blocks: int
    ) -> None:
        """Add the penalty on the sum of the norms of a row's blocks, `pulls` being its derivative in that sum."""
        self.fill()
        rows, into = (matrix.view(len(matrix), blocks, -1) for matrix in (decoder, self.decoder))
        norms = torch.linalg.vector_norm(rows, dim=2)  # [d_sae, blocks]
        into.addcmul_(rows, torch.where(norms > 0, pulls[:, None] / norms, 0.0)[:, :, None])

    def add_b_dec(
        self, residual: Float[Tensor, "n d_model"], encoder: Float[Tensor, "d_sae d_model"] | None
    ) -> None:
        """Make that of b_dec, of r and of b_enc's; `encoder` is given where b_dec is subtracted."""
        torch.sum(residual, 0, out=self.b_dec)
        if encoder is not None:
            self.b_dec.addmv_(encoder.T, self.b_enc, alpha=-1)
