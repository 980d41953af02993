"""Which activations an SAE keeps of many rows: by fp32 products, or by bf16 ones that are proven to lose none.

With θ = 0 where there is no threshold, a = f·‖d‖ is kept where a > 0 and a > θ; of kinds that keep so many of each
position only if it is among the largest. For the bf16 product ‖d‖ is taken into the weights, so that its scores are
a, and θ off the biases where every a above θ is kept, so that what is looked for is above 0. Values are summed in
fp32 either way; they differ by the rounding of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.kernels import CertifiedEncoder, Selected, SparseActs, has_bf16_units, scores_above, top_k

CHUNK_BYTES = 64 << 20  # of fp32 pre-activations that live at once
MANY = 512
"""Rows from which on rounding the weights for a bf16 product is paid back."""
SPARSE_BELOW = 1 / 16
"""Share of the scores that may be candidates; where there are more, the fp32 product is cheaper."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The weights that scores are made of, and what is kept of them."""

    encoder: Float[Tensor, "d_sae d_model"]
    b_enc: Float[Tensor, " d_sae"]
    norms: Float[Tensor, " d_sae"]
    """‖d‖ of each feature, in the units of a."""
    threshold: Float[Tensor, " d_sae"] | None
    """On a."""
    keeps: int | None
    """Activations that are kept of each position; None: all above the threshold."""

    def of(self, x: Float[Tensor, "n d_model"]) -> SparseActs:
        """Activations of the encoder's inputs, indices ascending within a row; rows are worked on in chunks."""
        rows = min(max(1, CHUNK_BYTES // (4 * len(self.encoder))), max(1, len(x)))
        quick = len(x) >= MANY and x.device.type == "cpu" and has_bf16_units()
        parts = list(self._proven(x, rows)) if quick else []
        done = sum(len(part) for part in parts)
        if done < len(x) or not parts:
            buffer = x.new_empty(rows, len(self.encoder))
            parts += [self._exact(part, buffer[: len(part)]) for part in x[done:].split(rows)]
        return SparseActs.cat(parts)

    def kept(self, pre_acts: Float[Tensor, "n d_sae"]) -> SparseActs:
        """What is kept of fp32 pre-activations, which are overwritten; of equals the lower feature."""
        acts = pre_acts.mul_(self.norms)  # [n, d_sae]
        if self.keeps is not None:
            return self._above(SparseActs.from_topk(*top_k(acts, self.keeps), acts.shape[1]))
        acts.relu_()
        if self.threshold is not None:
            acts.masked_fill_(acts <= self.threshold, 0.0)
        found = scores_above(acts, 0.0, acts.numel())
        assert found is not None
        return found

    def _exact(self, x: Float[Tensor, "n d_model"], out: Float[Tensor, "n d_sae"]) -> SparseActs:
        return self.kept(torch.addmm(self.b_enc, x, self.encoder.T, out=out))

    def _proven(self, x: Float[Tensor, "n d_model"], rows: int) -> Iterator[SparseActs]:
        """The same of the first chunks, up to where activations are too dense for it."""
        shift = self.threshold if self.keeps is None else None
        b_enc = self.b_enc * self.norms
        product = CertifiedEncoder(
            self.encoder * self.norms[:, None], b_enc if shift is None else b_enc - shift, rows
        )
        for part in x.split(rows):
            if self.keeps is not None:
                yield self._above(product.top_k(part, self.keeps).acts.ascending())
                continue
            found = product.above(part, 0.0, int(SPARSE_BELOW * len(part) * len(self.encoder)))
            if not isinstance(found, Selected):
                return
            acts = found.acts
            yield (
                acts
                if shift is None
                else self._above(replace(acts, values=acts.values + shift[acts.indices]))
            )

    def _above(self, acts: SparseActs) -> SparseActs:
        return acts if self.threshold is None else acts.where(acts.values > self.threshold[acts.indices])
