"""The codes of some positions as a dense matrix or as pairs of position and feature: one formula serves both.

What a kind of SAE adds to squared error is written entry by entry (objectives/). Where ReLU is still dense the entries
are a matrix [n, d_sae], else the pairs that selection left; numbers of a feature or of a position are spread over them
by `of` and `of_rows`, and summed again by `sums`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.kernels import ByFeature, SparseActs


@runtime_checkable
class Entries(Protocol):
    """Where entries stand."""

    def of(self, vector: Float[Tensor, " d_sae"]) -> Tensor:
        """A number of each feature, at each of its entries."""

    def of_rows(self, vector: Float[Tensor, " n"]) -> Tensor:
        """A number of each position, at each of its entries."""

    def sums(self, values: Tensor) -> Float[Tensor, " d_sae"]:
        """Sum over the entries of each feature."""

    def row_sums(self, values: Tensor) -> Float[Tensor, " n"]:
        """Sum over the entries of each position."""


class DenseEntries:
    """All entries of a matrix."""

    def of(self, vector: Float[Tensor, " d_sae"]) -> Float[Tensor, " d_sae"]:
        """The vector itself: it is spread over rows as it is."""
        return vector

    def of_rows(self, vector: Float[Tensor, " n"]) -> Float[Tensor, "n 1"]:
        """The vector as a column."""
        return vector[:, None]

    def sums(self, values: Float[Tensor, "n d_sae"]) -> Float[Tensor, " d_sae"]:
        """Sum of each column."""
        return values.sum(0)

    def row_sums(self, values: Float[Tensor, "n d_sae"]) -> Float[Tensor, " n"]:
        """Sum of each row."""
        return values.sum(1)


class PairEntries:
    """The pairs of sparse codes."""

    def __init__(self, acts: SparseActs) -> None:
        self.acts = acts

    @cached_property
    def by_feature(self) -> ByFeature:
        """The pairs in the order of their features."""
        return ByFeature.of(self.acts)

    @cached_property
    def rows(self) -> Tensor:
        """Position of each pair."""
        return self.acts.rows()

    def of(self, vector: Float[Tensor, " d_sae"]) -> Float[Tensor, " nnz"]:
        """The number of each pair's feature."""
        return vector.index_select(0, self.acts.indices)  # three times as fast as [...]

    def of_rows(self, vector: Float[Tensor, " n"]) -> Float[Tensor, " nnz"]:
        """The number of each pair's position."""
        return vector.index_select(0, self.rows)

    def sums(self, values: Float[Tensor, " nnz"]) -> Float[Tensor, " d_sae"]:
        """Sum over the pairs of each feature, in one fixed order."""
        return self.by_feature.sums(values)

    def row_sums(self, values: Float[Tensor, " nnz"]) -> Float[Tensor, " n"]:
        """Sum over the pairs of each position."""
        total = torch.segment_reduce(values, "sum", offsets=self.acts.offsets, initial=0.0)
        assert isinstance(total, Tensor)
        return total
