"""From positions to their selected features: the encoder product and the selection that follows it, in one.

An encoder owns the buffers of one chunk of positions; no [n, d_sae] matrix outlives a call. This one multiplies
in fp32; `certificate.py` has the one that multiplies in bf16 and proves that it lost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.kernels import native
from monosema.kernels.sparse import SparseActs, ends_of
from monosema.kernels.topk import GroupedScores, top_k


@dataclass(frozen=True, kw_only=True)
class Selected:
    """Active features of a chunk and what finding them took."""

    acts: SparseActs
    """Values are encoder outputs f > 0; the order within a row is left open."""
    candidates: int
    """Pairs whose fp32 value was looked at one by one."""
    fallback_rows: int
    """Positions that no proof covered, so that their whole fp32 row was computed."""


@runtime_checkable
class Encoder(Protocol):
    """What the training step asks of an encoder."""

    def refresh(self) -> None:
        """Take note that the weights have changed."""

    def top_k(self, x: Float[Tensor, "n d_model"], k: int) -> Selected:
        """The k largest pre-activations of each position, those above 0 only."""

    def above(
        self, x: Float[Tensor, "n d_model"], bound: float, limit: int
    ) -> Selected | Float[Tensor, "n d_sae"]:
        """All pre-activations above a bound of 0 or more; where they are more than `limit`, `pre_acts(x)` instead."""

    def pre_acts(self, x: Float[Tensor, "n d_model"]) -> Float[Tensor, "n d_sae"]:
        """encoder · x + b_enc in fp32, in a buffer that the next call overwrites."""


class ExactEncoder:
    """Pre-activations by an fp32 product of at most `rows` positions at a time."""

    def __init__(
        self, encoder: Float[Tensor, "d_sae d_model"], b_enc: Float[Tensor, " d_sae"], rows: int
    ) -> None:
        self.encoder, self.b_enc = encoder, b_enc
        self._rows = rows
        self._buffer: Tensor | None = None  # [rows, d_sae], made when first needed

    def refresh(self) -> None:
        """Nothing to do: the weights are read as they are."""

    def pre_acts(self, x: Float[Tensor, "n d_model"]) -> Float[Tensor, "n d_sae"]:
        """encoder · x + b_enc in fp32, in a buffer that the next call overwrites."""
        if self._buffer is None:
            self._buffer = x.new_empty(self._rows, len(self.encoder))
        return torch.addmm(self.b_enc, x, self.encoder.T, out=self._buffer[: len(x)])

    def top_k(self, x: Float[Tensor, "n d_model"], k: int) -> Selected:
        """The k largest pre-activations of each position, those above 0 only."""
        values, indices = top_k(self.pre_acts(x), k)
        acts = SparseActs.from_topk(values, indices, len(self.encoder), ordered=False)
        return Selected(acts=acts, candidates=values.numel(), fallback_rows=0)

    def above(
        self, x: Float[Tensor, "n d_model"], bound: float, limit: int
    ) -> Selected | Float[Tensor, "n d_sae"]:
        """All pre-activations above a bound of 0 or more; where they are more than `limit`, `pre_acts(x)` instead."""
        pre_acts = self.pre_acts(x)
        acts = scores_above(pre_acts, bound, limit)
        if acts is None:
            return pre_acts
        return Selected(acts=acts, candidates=acts.nnz, fallback_rows=0)


def scores_above(scores: Float[Tensor, "n d_sae"], bound: float, limit: int) -> SparseActs | None:
    """The scores above a bound of 0 or more (1e-38 and less count as 0); None where they are more than `limit`."""
    d_sae, tiny = scores.shape[1], torch.finfo(scores.dtype).tiny
    next_up = torch.nextafter(torch.tensor(bound), torch.tensor(torch.inf))  # the kernels look for >=
    smallest = torch.full((len(scores),), max(tiny, float(next_up)), device=scores.device)
    if not native.fits(scores):
        found = GroupedScores(scores).at_least(smallest, limit)
        if found is None:
            return None
        values = scores[found.rows, found.columns]
        return SparseActs(offsets=found.offsets, indices=found.columns, values=values, d_sae=d_sae)
    counts = torch.empty(len(scores), dtype=torch.int64)
    native.call("count", scores, len(scores), d_sae, smallest, counts)
    offsets = ends_of(counts)
    if int(offsets[-1]) > limit:
        return None
    values = scores.new_empty(int(offsets[-1]))
    columns = torch.empty(len(values), dtype=torch.int64)
    native.call("collect", scores, len(scores), d_sae, smallest, offsets, columns, values)
    return SparseActs(offsets=offsets, indices=columns, values=values, d_sae=d_sae)
