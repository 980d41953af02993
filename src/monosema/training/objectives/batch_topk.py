"""BatchTopK: the n · k largest pre-activations of a batch, however they fall on its positions (Bussmann et al. 2024).

1. Every chunk gives what lies above a guess that stands a little below the last batch's threshold.
2. The n · k largest of all these are kept. They are those of the batch if the smallest of them is not below any guess
   that a chunk was looked through with; else the guess was too high, and all chunks are looked through again with a
   lower one. So the guess costs or saves time and changes no result.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.kernels import Encoder, Selected, SparseActs, scores_above
from monosema.sae import BatchTopK, Weights
from monosema.training.objectives.objective import Moment
from monosema.training.objectives.topk import TopKObjective

BELOW = 0.9
"""The guess, as a share of the last threshold."""
ROOM = 4
"""Entries that a chunk may give, as a multiple of k a position."""
SAMPLED = 1 << 18
"""Pre-activations of a chunk from which a guess is made where there is none."""


class BatchTopKObjective(TopKObjective):
    """Codes of BatchTopK."""

    def __init__(self, weights: Weights, kind: BatchTopK, threshold: Float[Tensor, " d_sae"] | None) -> None:
        super().__init__(weights, kind, threshold)
        self.threshold = weights.encoder.new_zeros(())  # the smallest code of the last batch; 0: none yet
        self._guess: float | None = None
        self._highest = 0.0  # guess that any chunk of this batch was looked through with
        self._room = ROOM

    def begin(self, moment: Moment) -> None:
        """Forget the last batch but for its threshold."""
        super().begin(moment)
        last = float(self.threshold)
        self._guess = BELOW * last if last > 0 else None
        self._highest, self._room = 0.0, ROOM

    def select(self, product: Encoder, inputs: Float[Tensor, "n d_model"], limit: int) -> Selected:
        """What lies above the guess, which is raised where that is far too much."""
        n, d_sae = len(inputs), len(self.weights.encoder)
        room = min(n * d_sae, max(self._room * self.k * n, d_sae))
        found: Selected | Tensor
        found = product.pre_acts(inputs) if self._guess is None else product.above(inputs, self._guess, room)
        while isinstance(found, Tensor):
            self._guess = self._raised(found)
            acts = scores_above(found, self._guess, room)
            if acts is not None:
                found = Selected(acts=acts, candidates=acts.nnz, fallback_rows=0)
        assert self._guess is not None
        self._highest = max(self._highest, self._guess)
        return found

    def _raised(self, pre_acts: Float[Tensor, "n d_sae"]) -> float:
        """A guess that leaves about twice k entries a position; higher than the one before."""
        flat = pre_acts.reshape(-1)
        sample = flat[:: max(1, len(flat) // SAMPLED) | 1]  # an odd stride passes through all columns
        share = min(1.0, 2 * self.k / pre_acts.shape[1])
        guess = float(sample.topk(max(1, round(share * len(sample)))).values[-1])
        higher = 0.0 if self._guess is None else max(1.5 * self._guess, 1e-6)
        return max(guess, higher)

    def settle(self, chunks: Sequence[SparseActs]) -> Sequence[SparseActs] | None:
        """Keep the n · k largest of the batch, of equals the first; None where a guess was too high for that."""
        values = torch.cat([chunk.values for chunk in chunks])
        wanted = self.k * self.moment.n
        enough = len(values) >= wanted
        smallest = values.kthvalue(len(values) - wanted + 1).values if enough else values.new_zeros(())
        if self._highest > 0 and not float(smallest) > self._highest:
            self._guess = 0.5 * self._highest if self._highest > 1e-6 else 0.0
            self._highest, self._room = 0.0, 4 * self._room
            return None
        self.threshold.copy_(smallest if enough or not len(values) else values.min())
        if not enough:
            return chunks
        keep = values > smallest
        ties = (values == smallest).nonzero().flatten()
        keep[ties[: wanted - int(keep.sum())]] = True
        parts = keep.split([chunk.nnz for chunk in chunks])
        return [chunk.where(part) for chunk, part in zip(chunks, parts, strict=True)]

    def state(self) -> dict[str, Tensor]:
        """The last threshold."""
        return {"batch_threshold": self.threshold}
