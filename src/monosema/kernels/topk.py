"""The k largest of each row, exactly, without sorting rows.

1. Columns are dealt into groups of WIDTH (column c to group c mod groups), and each group gives its maximum.
2. The k-th largest maximum is a lower bound of the k-th largest score: k groups hold one that large.
3. Only groups that reach the bound are read again; what reaches it there are the candidates: all of the
   k largest, every tie with the k-th, and little else.
4. The candidates are ranked.

The kernel in C++ goes the same way, a row at a time (native/select.cpp). Of equal scores the lower column wins, and
stands first. torch.topk leaves that open.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.errors import UsageError
from monosema.kernels import native
from monosema.kernels.sparse import ends_of

WIDTH = 16
"""Columns of a group: wide enough that maxima are few, narrow enough that reading a group again is cheap."""
BOUNDING_GROUPS = 4
"""Groups for each of the k that the bound is taken from: with 4 it lies close (37 candidates for k 32)."""
FEWEST_COLUMNS = 64
"""Columns that the kernels deal out twice to their least number of lanes (`lanes_of` in native/select.cpp)."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of a row and a column, rows ascending."""

    offsets: Int[Tensor, " ends"]
    rows: Int[Tensor, " m"]
    columns: Int[Tensor, " m"]

    def counts(self) -> Int[Tensor, " n"]:
        """Candidates of each row."""
        return self.offsets.diff()

    def padded(
        self, values: Float[Tensor, " m"], width: int
    ) -> tuple[Float[Tensor, "n width"], Int[Tensor, "n width"]]:
        """Values and columns as a matrix, filled with -inf; what is beyond `width` in a row is left out."""
        place = torch.arange(len(values), device=values.device) - self.offsets[self.rows]
        rows, columns = self.rows, self.columns
        if len(place) and int(place.max()) >= width:
            within = place < width
            rows, columns, values, place = rows[within], columns[within], values[within], place[within]
        flat = rows * width + place
        n = len(self.offsets) - 1
        matrix = values.new_full((n * width,), -torch.inf).index_copy_(0, flat, values)
        names = columns.new_zeros(n * width).index_copy_(0, flat, columns)
        return matrix.view(n, width), names.view(n, width)


class GroupedScores:
    """Scores with the maxima of their groups; columns beyond the last whole group are read one by one."""

    def __init__(self, scores: Float[Tensor, "n d_sae"]) -> None:
        n, d_sae = scores.shape
        self.groups = d_sae // WIDTH
        whole = self.groups * WIDTH
        self.n, self.whole = n, whole
        self.members = scores[:, :whole].unflatten(1, (WIDTH, self.groups))  # [n, WIDTH, groups]
        self.maxima = self.members.amax(1)  # [n, groups]
        self.tail = scores[:, whole:]  # [n, d_sae mod WIDTH]

    def lower_bound(self, k: int) -> Float[Tensor, " n"]:
        """A lower bound of the k-th largest score of each row; needs k groups or more."""
        assert self.groups >= k
        merged = max(1, self.groups // (BOUNDING_GROUPS * k))
        count = self.groups // merged
        # groups left over by the division are not looked at, which can only lower the bound
        maxima = self.maxima[:, : merged * count].unflatten(1, (merged, count)).amax(1)
        return maxima.topk(k, dim=1, sorted=False).values.amin(1)

    def at_least(self, bound: Float[Tensor, " n"], limit: int | None = None) -> Candidates | None:
        """All pairs whose score is at least the bound of their row; None where they are more than `limit`."""
        row, group = self.maxima.ge(bound[:, None]).nonzero(as_tuple=True)
        if limit is not None and len(row) > limit:  # each group that reaches the bound holds a pair or more
            return None
        hit, member = self.members[row, :, group].ge(bound[row, None]).nonzero(as_tuple=True)
        rows, columns = row[hit], group[hit] + member * self.groups
        if self.tail.shape[1]:
            tail_rows, tail_columns = self.tail.ge(bound[:, None]).nonzero(as_tuple=True)
            rows, order = torch.cat([rows, tail_rows]).sort(stable=True)
            columns = torch.cat([columns, tail_columns + self.whole])[order]
        if limit is not None and len(rows) > limit:
            return None
        return Candidates(ends_of(torch.bincount(rows, minlength=self.n)), rows, columns)


def top_k(scores: Float[Tensor, "n d_sae"], k: int) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"]]:
    """The k largest scores of each row, falling, and their columns; of equals the lower column first.

    NaN counts as larger than all. Raises `UsageError` where k is not within 1 and d_sae.
    """
    n, d_sae = scores.shape
    if not 1 <= k <= d_sae:
        raise UsageError(f"k is {k}; expected 1 to {d_sae} (d_sae)")
    if scores.dtype == torch.float32 and native.fits(scores):
        values = scores.new_empty(n, k)
        columns = scores.new_empty(n, k, dtype=torch.int64)
        native.call("top_k", scores, n, d_sae, k, values, columns)
        return values, columns
    if not enough_columns(d_sae, k) or not n:
        return ranked(scores, k)
    cap = candidate_cap(k)
    grouped = GroupedScores(scores)
    found = grouped.at_least(grouped.lower_bound(k), limit=n * cap)
    if found is None:
        return ranked(scores, k)
    matrix, names = found.padded(scores[found.rows, found.columns], min(cap, int(found.counts().max())))
    if matrix.shape[1] < k:  # NaN only: a bound of NaN is reached by nothing
        return ranked(scores, k)
    values, columns = best_of(matrix, names, k)
    odd = ((found.counts() < k) | (found.counts() > cap)).nonzero().flatten()
    if len(odd):
        values[odd], columns[odd] = ranked(scores[odd], k)
    return values, columns


def enough_columns(d_sae: int, k: int) -> bool:
    """Whether a bound of the k-th largest of so many scores leaves anything out, here and in the kernels."""
    return d_sae >= max(FEWEST_COLUMNS, 2 * WIDTH * k)


def candidate_cap(k: int) -> int:
    """Candidates of a row beyond which the whole row is ranked instead."""
    return 8 * k + 64


def ranked(scores: Float[Tensor, "n d_sae"], k: int) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"]]:
    """`top_k` by looking at whole rows."""
    columns = torch.arange(scores.shape[1], device=scores.device)
    return best_of(scores, columns.expand_as(scores), k)


def best_of(
    values: Float[Tensor, "n m"], names: Int[Tensor, "n m"], k: int
) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"]]:
    """The k largest values of each row, falling, with their names; of equals the lower name first."""
    best, place = values.topk(min(k + 1, values.shape[1]), dim=1)
    chosen = names.gather(1, place[:, :k])
    best_k = best[:, :k].contiguous()
    # one more than k was taken, so that a tie across the border is seen too
    tied = (best[:, 1:] == best[:, :-1]).any(1).nonzero().flatten()
    if len(tied):
        by_name, order = names[tied].sort(dim=1)
        best_k[tied], place = (part[:, :k] for part in _falling(values[tied].gather(1, order)))
        chosen[tied] = by_name.gather(1, place)
    return best_k, chosen


def _falling(values: Tensor) -> tuple[Tensor, Tensor]:
    best, place = values.sort(dim=1, descending=True, stable=True)
    return best, place
