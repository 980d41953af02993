"""Matryoshka: the first features alone must reconstruct too, for several widths at once (Bussmann et al. 2025).

With widths w_1 < ... < w_G = d_sae and x̂_g the read-out of the first w_g features, the loss is the mean over g of
‖x - x̂_g‖². A feature of group g stands in x̂_g and all wider ones, so its gradient is along the sum of their
residuals: each group has one of its own, and the sums over its pairs are those of any SAE.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.kernels import SparseActs, energy, row_dots
from monosema.sae import Kind, MatryoshkaBatchTopK, MatryoshkaTopK, Weights
from monosema.training.objectives.batch_topk import BatchTopKObjective
from monosema.training.objectives.objective import Held, Moment, Objective
from monosema.training.objectives.topk import TopKObjective


class _Nested(Objective):
    """Read-outs of growing width; what is selected is for the classes below to say."""

    widths: tuple[int, ...]
    _each: Float[Tensor, "groups n d_model"]  # what the codes of each group get

    @classmethod
    def held(cls, kind: Kind, d_model: int, d_sae: int) -> Held:
        """What the codes of each group get, and two more read-outs."""
        assert isinstance(kind, MatryoshkaTopK | MatryoshkaBatchTopK)
        groups = len(kind.all_widths(d_sae))
        return super().held(kind, d_model, d_sae)._replace(number=4 * (groups + 2))

    def begin(self, moment: Moment) -> None:
        """Forget the last step."""
        super().begin(moment)
        shape = (len(self.widths), moment.n, self.weights.W_dec.shape[1])
        if getattr(self, "_each", self.weights.b_dec[:0]).shape != shape:
            self._each = self.weights.W_dec.new_empty(shape)

    def read_out(
        self,
        x: Float[Tensor, "n d_model"],
        f: SparseActs,
        h: Float[Tensor, " nnz"],
        residual: Float[Tensor, "n d_model"],
        rows: slice,
    ) -> Float[Tensor, " nnz"]:
        """Leave r of the widest read-out in `residual`, the sums over read-outs in place."""
        count, n = len(self.widths), self.moment.n
        W_dec, each = self.weights.W_dec, self._each[:, rows]
        ends = torch.tensor(self.widths, device=f.indices.device)
        group = torch.bucketize(f.indices, ends, right=True)
        members = [f.where(group == g) for g in range(count)]
        read = self.weights.b_dec - x
        for g, acts in enumerate(members):
            read = read + acts.decode(W_dec)  # x̂_g - x
            torch.mul(read, 2 / n / count, out=each[g])
            self.beside += energy(read) / n / count
        torch.mul(read, 2 / n, out=residual)
        self.beside -= energy(read) / n
        for g in range(count - 2, -1, -1):
            each[g].add_(each[g + 1])
        along = torch.empty_like(h)
        for g, acts in enumerate(members):
            along[group == g] = row_dots(each[g], W_dec, acts.offsets, acts.rows(), acts.indices)
        return along

    def residuals(self, residual: Float[Tensor, "n d_model"]) -> list[tuple[slice, Tensor]]:
        """A range of features for each group."""
        starts = (0, *self.widths)
        return [
            (slice(start, stop), each)
            for start, stop, each in zip(starts, self.widths, self._each, strict=False)
        ]


class MatryoshkaTopKObjective(_Nested, TopKObjective):
    """The k largest of each position, read out by growing widths."""

    def __init__(
        self, weights: Weights, kind: MatryoshkaTopK, threshold: Float[Tensor, " d_sae"] | None
    ) -> None:
        super().__init__(weights, kind, threshold)
        self.widths = kind.all_widths(len(weights.encoder))


class MatryoshkaBatchTopKObjective(_Nested, BatchTopKObjective):
    """The largest of the batch, read out by growing widths."""

    def __init__(
        self, weights: Weights, kind: MatryoshkaBatchTopK, threshold: Float[Tensor, " d_sae"] | None
    ) -> None:
        super().__init__(weights, kind, threshold)
        self.widths = kind.all_widths(len(weights.encoder))
