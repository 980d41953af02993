"""Gradients of an SAE's rows from the active pairs of a batch, feature by feature.

With r = x̂ - x, scaled so that the loss has the gradient r in x̂, and z the gradient in the pre-activations, a feature
gets Σ f r in its decoder row and Σ z x in its encoder row, sums over the positions where it is active.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.kernels import native
from monosema.kernels.products import ByFeature, energy

BLOCK_BYTES = 1 << 22  # of one gradient: about what two cores keep near


@dataclass(frozen=True, kw_only=True, eq=False)
class RowGradients:
    """Where gradients of rows are summed, and the rows of the decoder that they belong to."""

    encoder: Float[Tensor, "d_sae d_model"]
    decoder: Float[Tensor, "d_sae d_model"]
    b_enc: Float[Tensor, " d_sae"]
    """Σ z; holds what was summed before."""
    mass: Float[Tensor, " d_sae"]
    """Σ f; holds what was summed before."""

    def add(
        self,
        pairs: ByFeature,
        values: Float[Tensor, " nnz"],
        z: Float[Tensor, " nnz"],
        inputs: Float[Tensor, "n d_model"],
        residual: Float[Tensor, "n d_model"],
        decoder: Float[Tensor, "d_sae d_model"],
        norms: Float[Tensor, " d_sae"],
        *,
        pulls: Float[Tensor, " d_sae"] | None,
        unit: bool,
        filled: bool,
        part: slice = slice(None),
    ) -> float:
        """Add the pairs of the features `part`, remove what lies along unit rows; return the norm of their gradients.

        `filled`: whether the matrices hold sums already; else what stands there is overwritten. `norms` are those of
        `decoder`'s rows d; `pulls` times d is added to the gradients of the decoder, for a penalty that has a gradient
        along it; `unit`: rows keep their norm.
        """
        start, stop, _ = part.indices(len(decoder))
        some = ByFeature(pairs.offsets[start : stop + 1], pairs.order, pairs.rows)
        here = RowGradients(
            encoder=self.encoder[part],
            decoder=self.decoder[part],
            b_enc=self.b_enc[part],
            mass=self.mass[part],
        )
        pulls = None if pulls is None else pulls[part]
        rows, lengths = decoder[part], norms[part]
        if not native.fits(z, inputs, residual, decoder, self.encoder):
            return here._by_blocks(some, values, z, inputs, residual, rows, lengths, pulls, unit, filled)
        d_sae, d_model = rows.shape
        squares = torch.empty(d_sae, dtype=torch.float64)
        native.call(
            "gradients", d_sae, d_model, some.offsets, some.order, some.rows, values, z, inputs, residual,
            rows, lengths, lengths if pulls is None else pulls, pulls is not None, unit, filled,
            here.encoder, here.decoder, here.b_enc, here.mass, squares,
        )  # fmt: skip
        return math.sqrt(float(squares.sum()))

    def _by_blocks(
        self,
        pairs: ByFeature,
        values: Tensor,
        z: Tensor,
        inputs: Tensor,
        residual: Tensor,
        decoder: Tensor,
        norms: Tensor,
        pulls: Tensor | None,
        unit: bool,
        filled: bool,
    ) -> float:
        """`add` in torch: a block of features at a time, so that it is still in cache when its norm is taken."""
        tiny = torch.finfo(norms.dtype).tiny
        of_parts = []
        for part, block in pairs.blocks(max(1, BLOCK_BYTES // (4 * decoder.shape[1]))):
            self.b_enc[part].add_(block.sums(z))
            self.mass[part].add_(block.sums(values))
            to_encoder, to_decoder, rows = self.encoder[part], self.decoder[part], decoder[part]
            for where, sums in (
                (to_encoder, block.row_sums(z, inputs)),
                (to_decoder, block.row_sums(values, residual)),
            ):
                _ = where.add_(sums) if filled else where.copy_(sums)
            if pulls is not None:
                to_decoder.addcmul_(rows, pulls[part, None])
            if unit:
                along = torch.linalg.vecdot(to_decoder, rows) / norms[part].square().clamp_min_(tiny)
                to_decoder.addcmul_(rows, along[:, None], value=-1)
            of_parts.append(energy(to_encoder) + energy(to_decoder))
        return math.sqrt(sum(torch.stack(of_parts).tolist()))
