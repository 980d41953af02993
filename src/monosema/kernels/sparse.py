"""Sparse feature activations: the active pairs (position, feature) of a batch, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from monosema.errors import UsageError


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseActs:
    """Activations of `n` positions over `d_sae` features in compressed rows (CSR).

    Row i holds the pairs `offsets[i]` to `offsets[i + 1]` of `indices` and `values`; no feature stands twice in
    a row. Every constructor here lets the indices ascend within a row and keeps that order; an SAE's `encode`
    gives it too. Raises `UsageError` where the three tensors do not fit each other.
    """

    offsets: Int[Tensor, " ends"]
    """int64, `n + 1` of them, from 0 to the number of pairs, never falling."""
    indices: Int[Tensor, " nnz"]
    """int64: the feature of each pair."""
    values: Float[Tensor, " nnz"]
    """float32: the feature activation a of each pair (metrics.md)."""
    d_sae: int
    """Number of features."""

    def __post_init__(self) -> None:
        if len(self.offsets) < 1 or len(self.indices) != len(self.values):
            raise UsageError(
                f"SparseActs of {len(self.offsets)} offsets, {len(self.indices)} indices and "
                f"{len(self.values)} values; expected n + 1 offsets and as many indices as values"
            )

    @classmethod
    def empty(cls, n: int, d_sae: int, device: torch.device | str | None = None) -> SparseActs:
        """`n` positions without an active feature."""
        return cls(
            offsets=torch.zeros(n + 1, dtype=torch.int64, device=device),
            indices=torch.zeros(0, dtype=torch.int64, device=device),
            values=torch.zeros(0, device=device),
            d_sae=d_sae,
        )

    @classmethod
    def from_dense(cls, acts: Float[Tensor, "n d_sae"]) -> SparseActs:
        """All entries of a dense matrix that are not zero."""
        rows, indices = acts.nonzero(as_tuple=True)
        counts = torch.bincount(rows, minlength=len(acts))
        return cls(offsets=ends_of(counts), indices=indices, values=acts[rows, indices], d_sae=acts.shape[1])

    @classmethod
    def from_topk(
        cls, values: Float[Tensor, "n k"], indices: Int[Tensor, "n k"], d_sae: int, *, ordered: bool = True
    ) -> SparseActs:
        """The k selected features of every row; values of 0 and below are dropped, as ReLU drops them.

        `ordered=False` leaves each row in the order given, where nobody needs the indices to ascend.
        """
        if ordered:
            indices, order = indices.sort(dim=1)
            values = values.gather(1, order)
        kept = values > 0
        return cls(
            offsets=ends_of(kept.sum(1)), indices=indices[kept].long(), values=values[kept], d_sae=d_sae
        )

    @classmethod
    def cat(cls, parts: Sequence[SparseActs]) -> SparseActs:
        """The rows of all parts, one part after the other. Raises `UsageError` for none or unlike `d_sae`."""
        widths = {part.d_sae for part in parts}
        if len(widths) != 1:
            raise UsageError(f"cannot join SparseActs of d_sae {sorted(widths)}; expected one d_sae")
        counts = torch.cat([part.offsets.diff() for part in parts])
        return cls(
            offsets=ends_of(counts),
            indices=torch.cat([part.indices for part in parts]),
            values=torch.cat([part.values for part in parts]),
            d_sae=widths.pop(),
        )

    def __len__(self) -> int:
        """Number of positions."""
        return len(self.offsets) - 1

    @property
    def nnz(self) -> int:
        """Number of pairs."""
        return len(self.values)

    def rows(self) -> Int[Tensor, " nnz"]:
        """The position of each pair."""
        return torch.repeat_interleave(self.offsets.diff(), output_size=self.nnz)

    def l0(self) -> float:
        """Mean number of features with a > 0 a position; 0 where there is no position."""
        return int((self.values > 0).sum()) / len(self) if len(self) else 0.0

    def dense(self) -> Float[Tensor, "n d_sae"]:
        """The matrix, zeros included: 4 · n · d_sae bytes."""
        out = self.values.new_zeros(len(self), self.d_sae)
        out[self.rows(), self.indices] = self.values
        return out

    def decode(
        self, W: Float[Tensor, "d_sae d"], b: Float[Tensor, " d"] | None = None
    ) -> Float[Tensor, "n d"]:
        """Σ value · W[feature] (+ b) for each position, in the dtype of W."""
        out = embedding_bag(
            self.indices,
            W,
            self.offsets,
            mode="sum",
            per_sample_weights=self.values.to(W.dtype),
            include_last_offset=True,
        )
        return out if b is None else out.add_(b)

    def pairs_of(self, rows: slice) -> slice:
        """Where the pairs of neighbouring positions stand."""
        start, stop, _ = rows.indices(len(self))
        return slice(int(self.offsets[start]), int(self.offsets[stop]))

    def part(self, rows: slice) -> SparseActs:
        """Neighbouring positions; indices and values are views."""
        start, stop, _ = rows.indices(len(self))
        pairs, offsets = self.pairs_of(rows), self.offsets[start : stop + 1]
        return replace(
            self, offsets=offsets - offsets[0], indices=self.indices[pairs], values=self.values[pairs]
        )

    def row(self, i: int) -> tuple[Int[Tensor, " r"], Float[Tensor, " r"]]:
        """Features and values of position i (from the end where i < 0)."""
        i = range(len(self))[i]
        start, end = self.offsets[i : i + 2].tolist()
        return self.indices[start:end], self.values[start:end]

    def column(self, feature: int) -> tuple[Int[Tensor, " c"], Float[Tensor, " c"]]:
        """Positions, ascending, where a feature stands, and its values there."""
        found = (self.indices == range(self.d_sae)[feature]).nonzero().flatten()
        return torch.searchsorted(self.offsets, found, right=True) - 1, self.values[found]

    def top(self, k: int) -> SparseActs:
        """The k largest pairs of each row, or all where there are fewer; of equals the one that stands first."""
        by_value = self.values.argsort(stable=True, descending=True)
        order = by_value[self.rows()[by_value].argsort(stable=True)]
        place = torch.arange(self.nnz, device=order.device) - self.offsets[self.rows()]
        kept = torch.zeros(self.nnz, dtype=torch.bool, device=order.device)
        kept[order[place < k]] = True
        return self.where(kept)

    def ascending(self) -> SparseActs:
        """The same pairs with indices that ascend within each row."""
        order = (self.rows() * self.d_sae + self.indices).argsort()
        return replace(self, indices=self.indices[order], values=self.values[order])

    def where(self, keep: Bool[Tensor, " nnz"]) -> SparseActs:
        """Only the pairs that `keep` marks."""
        before, kept = ends_of(keep), keep.nonzero().flatten()
        return replace(
            self,
            offsets=before[self.offsets],
            indices=self.indices.index_select(0, kept),
            values=self.values.index_select(0, kept),
        )

    def select(self, rows: Int[Tensor, " r"]) -> SparseActs:
        """The given positions in the given order; a position may be asked more than once."""
        counts = self.offsets.diff()[rows]
        offsets = ends_of(counts)
        total = int(offsets[-1])
        shift = torch.repeat_interleave(self.offsets[:-1][rows] - offsets[:-1], counts, output_size=total)
        pairs = torch.arange(total, device=shift.device) + shift
        return replace(self, offsets=offsets, indices=self.indices[pairs], values=self.values[pairs])

    def to(self, device: torch.device | str) -> SparseActs:
        """The same on another device."""
        return replace(
            self,
            offsets=self.offsets.to(device),
            indices=self.indices.to(device),
            values=self.values.to(device),
        )


def ends_of(counts: Int[Tensor, " n"] | Bool[Tensor, " n"]) -> Int[Tensor, " ends"]:
    """0 and the running sum of `counts`: the offsets of rows that hold so many pairs."""
    offsets = torch.zeros(len(counts) + 1, dtype=torch.int64, device=counts.device)
    torch.cumsum(counts, 0, out=offsets[1:])
    return offsets
