"""The four gradients of one step, gathered from dense parts and from sparse pairs, without autograd.

With r = x̂ - x, scaled so that the loss has the gradient r in x̂, and z the gradient in the pre-activations:

    W_dec: Σ f r      encoder: Σ z x      b_enc: Σ z      b_dec: Σ r - (b_dec subtracted) encoderᵀ Σ z

Sums run over positions. Dense parts are added with matrix products when they are made; sparse pairs are kept and
added at the end, a block of features at a time, so that the block is still in cache when its component along the
decoder row is removed and its norm taken.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.kernels import ByFeature, SparseActs

BLOCK_BYTES = 1 << 22  # of one gradient: about what two cores keep near


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
        self.block = max(1, BLOCK_BYTES // (encoder.element_size() * d_model))

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

    def finish(
        self,
        acts: SparseActs,
        z: Float[Tensor, " nnz"],
        residual: Float[Tensor, "n d_model"],
        inputs: Float[Tensor, "n d_model"],
        decoder: Float[Tensor, "d_sae d_model"],
        *,
        norms: Float[Tensor, " d_sae"],
        penalty: float,
        encoder: Float[Tensor, "d_sae d_model"] | None,
        unit: bool,
    ) -> float:
        """Add the sparse pairs and the penalty; remove what lies along unit rows; return the norm of all.

        `norms` are those of the decoder rows, `penalty` is λ / n: the penalty's gradient in d is λ / n · Σ f · d / ‖d‖.
        `encoder` is given where b_dec is subtracted; `unit` where decoder rows keep their norm.
        """
        pairs = ByFeature.of(acts.rows(), acts.indices, acts.d_sae)
        self.b_enc.add_(pairs.sums(z))
        self.mass.add_(pairs.sums(acts.values))
        torch.sum(residual, 0, out=self.b_dec)
        if encoder is not None:
            self.b_dec.addmv_(encoder.T, self.b_enc, alpha=-1)
        tiny = torch.finfo(norms.dtype).tiny
        of_parts = []
        for part, block in pairs.blocks(self.block):
            to_encoder, to_decoder, rows = self.encoder[part], self.decoder[part], decoder[part]
            self._put(to_encoder, block.row_sums(z, inputs))
            self._put(to_decoder, block.row_sums(acts.values, residual))
            if penalty:
                pull = torch.where(norms[part] > 0, self.mass[part] * penalty / norms[part], 0.0)
                to_decoder.addcmul_(rows, pull[:, None])
            if unit:
                along = torch.linalg.vecdot(to_decoder, rows) / norms[part].square().clamp_min_(tiny)
                to_decoder.addcmul_(rows, along[:, None], value=-1)
            of_parts += [torch.linalg.vector_norm(to_encoder), torch.linalg.vector_norm(to_decoder)]
        return self._norm(of_parts)

    def _put(self, where: Tensor, block: Tensor) -> None:
        if self.filled:
            where.add_(block)
        else:
            where.copy_(block)

    def _norm(self, norms: list[Tensor]) -> float:
        norms += [torch.linalg.vector_norm(self.b_enc), torch.linalg.vector_norm(self.b_dec)]
        return math.sqrt(sum(norm * norm for norm in torch.stack(norms).tolist()))
