"""Products with sparse activations: gather-dots by position, weighted row sums by feature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from monosema.kernels import native
from monosema.kernels.sparse import SparseActs

_SUM = 0  # embedding_bag's mode in ATen


def row_dots(
    left: Float[Tensor, "n d"],
    right: Float[Tensor, "m d"],
    offsets: Int[Tensor, " ends"],
    rows: Int[Tensor, " nnz"],
    columns: Int[Tensor, " nnz"],
) -> Float[Tensor, " nnz"]:
    """left[row] · right[column] of every pair; `rows` ascend, `offsets` are theirs.

    It is the gradient of embedding_bag in its weights, for which torch has a kernel that gathers nothing.
    """
    if not len(rows):
        return left.new_zeros(0)
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        left, right, columns, offsets, rows, _SUM
    )


def residual_and_slopes(
    x: Float[Tensor, "n d"],
    acts: SparseActs,
    W: Float[Tensor, "d_sae d"],
    b: Float[Tensor, " d"],
    scale: float,
    out: Float[Tensor, "n d"],
) -> Float[Tensor, " nnz"]:
    """Leave r = scale · (Σ value · W[feature] + b - x) of each position in `out`; return each pair's r · W[feature]."""
    if native.fits(x, W, b, acts.values, out):
        slopes = torch.empty_like(acts.values)
        n, d = x.shape
        native.call("decode", x, W, b, n, d, acts.offsets, acts.indices, acts.values, scale, out, slopes)
        return slopes
    torch.sub(acts.decode(W, b), x, out=out).mul_(scale)
    return row_dots(out, W, acts.offsets, acts.rows(), acts.indices)


def energy(x: Float[Tensor, "n d"]) -> Float64[Tensor, ""]:
    """The sum of all squares, row by row: torch's norm of millions of numbers is off by 1e-4 on some machines."""
    return torch.linalg.vector_norm(x, dim=1).double().square().sum()


@dataclass(frozen=True, eq=False)
class ByFeature:
    """The pairs of sparse activations in the order of their features, positions ascending in each.

    The order comes from a stable sort and the sums from one worker a feature, so that results are the same
    bits for a given thread count, on a GPU too: nothing is added atomically.
    """

    offsets: Int[Tensor, " ends"]
    """Where each feature's pairs begin, and the end."""
    order: Int[Tensor, " nnz"]
    """The pair, row by row, that stands at each place."""
    rows: Int[Tensor, " nnz"]
    """Position of the pair at each place."""

    @classmethod
    def of(cls, acts: SparseActs) -> ByFeature:
        """Sort the pairs of sparse activations by their features."""
        if native.fits(acts.offsets, acts.indices):
            offsets = torch.empty(acts.d_sae + 1, dtype=torch.int64)
            order, rows = torch.empty_like(acts.indices), torch.empty_like(acts.indices)
            native.call("by_feature", acts.offsets, acts.indices, len(acts), acts.d_sae, offsets, order, rows)
            return cls(offsets, order, rows)
        features, order = acts.indices.to(torch.int32).sort(stable=True)
        bounds = torch.arange(acts.d_sae + 1, dtype=torch.int32, device=features.device)
        return cls(torch.searchsorted(features, bounds), order, acts.rows()[order])

    def counts(self) -> Int[Tensor, " d_sae"]:
        """Pairs of each feature."""
        return self.offsets.diff()

    def sums(self, values: Float[Tensor, " nnz"]) -> Float[Tensor, " d_sae"]:
        """Sum over the pairs of each feature; `values` stand row by row."""
        total = torch.segment_reduce(
            values.index_select(0, self.order), "sum", offsets=self.offsets, initial=0.0
        )
        assert isinstance(total, Tensor)
        return total

    def blocks(self, size: int) -> Iterator[tuple[slice, ByFeature]]:
        """Cut into runs of `size` features; `order` and `rows` are views."""
        for start in range(0, len(self.offsets) - 1, size):
            offsets = self.offsets[start : start + size + 1]
            pairs = slice(int(offsets[0]), int(offsets[-1]))
            yield (
                slice(start, start + len(offsets) - 1),
                ByFeature(offsets - offsets[0], self.order[pairs], self.rows[pairs]),
            )

    def row_sums(
        self, weights: Float[Tensor, " all"], matrix: Float[Tensor, "n d"]
    ) -> Float[Tensor, "features d"]:
        """Σ weight · matrix[position] over the pairs of each feature; `weights` stand row by row."""
        return embedding_bag(
            self.rows,
            matrix,
            self.offsets,
            mode="sum",
            per_sample_weights=weights.index_select(0, self.order),
            include_last_offset=True,
        )
