"""The token-major half of a step: encode, select, decode, and the gradient of every active entry, by chunks.

1. Each chunk of positions goes through the encoder's product and the selection of the kind (objectives/). The
   pre-activations of a chunk are overwritten by the next one.
2. A chunk where codes are still dense is finished at once, by matrix products.
3. What was selected elsewhere is settled for the whole batch, decoded, and its gradients taken, pair by pair.

Both ways give the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import lookup
from monosema.kernels import CertifiedEncoder, Encoder, ExactEncoder, SparseActs
from monosema.training.entries import PairEntries
from monosema.training.gradients import Gradients
from monosema.training.objectives import DENSE, Moment, Objective

SPARSE_BELOW = 1 / 16
"""Share of active pairs up to which a chunk is worked on pair by pair; docs/log.md has the crossover."""
MOST_ROWS = 2048  # positions of a chunk: at 1024 the fp32 product is 7% slower
CHUNK_NUMBERS = 1 << 26  # pre-activations that a chunk may hold: 256 MB in fp32

ENCODERS = {"fp32": ExactEncoder, "bf16": CertifiedEncoder}


@dataclass(kw_only=True)
class Pass:
    """What a batch leaves behind; its dense chunks are in the gradients already."""

    pairs: PairEntries
    """Where selected entries stand; values are f."""
    z: Float[Tensor, " nnz"]
    """Gradient in the pre-activation of each pair."""
    active: int
    """Entries above 0, those of dense chunks included."""
    candidates: int
    """Pairs whose value was looked at one by one in fp32."""
    fallback_rows: int
    """Positions that the shortlist's proof did not cover."""


class Forward:
    """Runs batches through the weights of an objective; dense chunks add to `gradients` at once."""

    def __init__(self, objective: Objective, gradients: Gradients, *, encoder_gemm: str, batch: int) -> None:
        make = lookup(ENCODERS, encoder_gemm, "encoder_gemm")
        encoder = objective.weights.encoder
        self.objective, self.gradients = objective, gradients
        self.rows = max(1, min(batch, MOST_ROWS, CHUNK_NUMBERS // len(encoder)))
        self.product: Encoder = make(encoder, objective.bias, self.rows)
        self._codes: Tensor | None = None  # [rows, d_sae], made where codes are dense
        self._active = self._candidates = self._fallback_rows = 0

    def run(
        self,
        x: Float[Tensor, "n d_model"],
        inputs: Float[Tensor, "n d_model"],
        residual: Float[Tensor, "n d_model"],
        moment: Moment,
    ) -> Pass:
        """Leave (2 / n)(x̂ - x) in `residual`; `inputs` is what the encoder reads."""
        self._active = self._candidates = self._fallback_rows = 0
        self.objective.begin(moment)
        parts = [slice(start, min(start + self.rows, len(x))) for start in range(0, len(x), self.rows)]
        settled: Sequence[SparseActs] | None = None
        while settled is None:
            chunks = [self._chunk(x[part], inputs[part], residual[part]) for part in parts]
            settled = self.objective.settle([chunk for chunk in chunks if chunk is not None])
        given = iter(settled)
        chunks = [None if chunk is None else next(given) for chunk in chunks]
        pairs, z = self._by_pairs(parts, chunks, x, residual)
        return Pass(
            pairs=pairs,
            z=z,
            active=self._active,
            candidates=self._candidates,
            fallback_rows=self._fallback_rows,
        )

    def _chunk(self, x: Tensor, inputs: Tensor, residual: Tensor) -> SparseActs | None:
        """The entries of a chunk, values being pre-activations; None where they were dense and are done with."""
        limit = int(SPARSE_BELOW * len(x) * len(self.objective.weights.encoder))
        selected = self.objective.select(self.product, inputs, limit)
        if isinstance(selected, Tensor):
            self._dense(selected, x, inputs, residual)
            return None
        self._candidates += selected.candidates
        self._fallback_rows += selected.fallback_rows
        return selected.acts

    def _dense(self, h: Tensor, x: Tensor, inputs: Tensor, residual: Tensor) -> None:
        """Put a chunk through matrix products and add its gradients."""
        objective = self.objective
        if self._codes is None:
            self._codes = h.new_empty(self.rows, h.shape[1])
        f = objective.codes(h, DENSE)  # [rows, d_sae]
        along = objective.read_out_dense(x, f, h, residual, self._codes[: len(x)])
        self.gradients.add_dense(f, objective.slopes(h, f, along, DENSE), residual, inputs)
        self._active += int(torch.count_nonzero(f))

    def _by_pairs(
        self, parts: Sequence[slice], chunks: Sequence[SparseActs | None], x: Tensor, residual: Tensor
    ) -> tuple[PairEntries, Tensor]:
        """Decode what was selected; return the pairs, with codes, and their z."""
        objective = self.objective
        d_sae = len(objective.weights.encoder)
        acts = SparseActs.cat(
            [
                SparseActs.empty(part.stop - part.start, d_sae, x.device) if chunk is None else chunk
                for part, chunk in zip(parts, chunks, strict=True)
            ]
        )
        pairs = PairEntries(acts)
        h = acts.values
        if not any(chunk is not None for chunk in chunks):
            return pairs, h
        pairs.acts = acts = replace(acts, values=objective.codes(h, pairs))
        along = [
            objective.read_out(x[rows], acts.part(rows), h[acts.pairs_of(rows)], residual[rows], rows)
            for rows in _runs(parts, chunks)
        ]
        z = objective.slopes(h, acts.values, along[0] if len(along) == 1 else torch.cat(along), pairs)
        self._active += int(torch.count_nonzero(acts.values))
        return pairs, z


def _runs(parts: Sequence[slice], chunks: Sequence[SparseActs | None]) -> list[slice]:
    """The chunks that are not dense, neighbours joined."""
    runs: list[slice] = []
    for part, chunk in zip(parts, chunks, strict=True):
        if chunk is None:
            continue
        if runs and runs[-1].stop == part.start:
            runs[-1] = slice(runs[-1].start, part.stop)
        else:
            runs.append(part)
    return runs
