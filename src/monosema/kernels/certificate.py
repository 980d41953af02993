"""Selection by a bf16 product that is proven to lose no feature, then ranked in fp32.

With ŵ, x̂ the bf16 roundings of weights and inputs, dw and dx what they lost, the exact score s = w·x + b and the
bf16 output y of a position differ by

    |s - acc| ≤ e = |dx|·|ŵ| + |x|·|dw| + |db| + rounding,        |y - acc| ≤ 2⁻⁸ |acc| and ≤ 2⁻⁸ |y|

where acc is the fp32 accumulator, `rounding` the usual bound of fp32 sums of d_model + 2 products (taken twice:
the fp32 ranking rounds as well), and norms of weights are the largest of all features. b_enc rides as two bf16
columns, high and low part. If t bounds the k-th largest y from below, k features have s ≥ t - 2⁻⁸|t| - e; so
every feature of the true top k has y ≥ u - 2⁻⁸|u| with u = t - 2⁻⁸|t| - 2e. All of those are the shortlist, and
their scores are computed again in fp32: the result is that of a full fp32 product, ties and all.
A position whose shortlist overflows, or whose bound is not finite, gets its whole fp32 row instead.
"""

from __future__ import annotations

import torch
from jaxtyping import BFloat16, Float
from torch import Tensor

from monosema.kernels import native
from monosema.kernels.encoders import ExactEncoder, Selected
from monosema.kernels.products import row_dots
from monosema.kernels.sparse import SparseActs, ends_of
from monosema.kernels.topk import Candidates, GroupedScores, best_of, candidate_cap, enough_columns, top_k

HALF_ULP = 2.0**-8  # of bf16: 8 significant bits, rounded to nearest
ROUND_UP = 1 + 2.0**-10  # norms are themselves computed in fp32
TINY = 1e-30  # covers what flushing of denormal numbers may lose
_BLOCK = 1024  # rows of the encoder that are rounded at a time
_ROWS = 64  # oneDNN compiles, and keeps, one product for each number of rows: .6 MB each


def has_bf16_units() -> bool:
    """Whether this processor multiplies bf16 by instructions of its own (x86: AVX-512 BF16 or AMX)."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class CertifiedEncoder:
    """A bf16 twin of an encoder, the bounds of its error, and the fp32 ranking of what it proposes.

    `cap` is the number of candidates of a position above which its fp32 row is computed; None: 8 k + 64.
    """

    def __init__(
        self,
        encoder: Float[Tensor, "d_sae d_model"],
        b_enc: Float[Tensor, " d_sae"],
        rows: int,
        *,
        cap: int | None = None,
    ) -> None:
        self.encoder, self.b_enc, self.cap = encoder, b_enc, cap
        self.exact = ExactEncoder(encoder, b_enc, rows)
        d_sae, d_model = encoder.shape
        self._weights = encoder.new_zeros(d_sae, d_model + 2, dtype=torch.bfloat16)
        self._inputs = encoder.new_ones(rows, d_model + 2, dtype=torch.bfloat16)
        self._scores = encoder.new_empty(rows, d_sae, dtype=torch.bfloat16)
        self.weight_norms = encoder.new_zeros(d_sae)  # |ŵ| of each feature
        self.weight_losses = encoder.new_zeros(d_sae)  # |dw|
        self.refresh()

    def refresh(self) -> None:
        """Round the weights again and measure what that lost."""
        d_sae, d_model = self.encoder.shape
        if native.fits(self.encoder):
            native.call(
                "round",
                self.encoder,
                d_sae,
                d_model,
                d_model + 2,
                self._weights,
                self.weight_norms,
                self.weight_losses,
            )
        else:
            self._round()
        high = self.b_enc.bfloat16()
        low = (self.b_enc - high.float()).bfloat16()
        self._weights[:, d_model], self._weights[:, d_model + 1] = high, low
        self._bias = self.b_enc.abs().max()
        self._bias_loss = (self.b_enc - high.float() - low.float()).abs().max()
        self._norm, self._loss = self.weight_norms.max(), self.weight_losses.max()

    def _round(self) -> None:
        d_model = self.encoder.shape[1]
        for start in range(0, len(self.encoder), _BLOCK):
            part = slice(start, start + _BLOCK)
            rounded = self._weights[part, :d_model]
            rounded.copy_(self.encoder[part])
            widened = rounded.float()
            torch.linalg.vector_norm(widened, dim=1, out=self.weight_norms[part])
            torch.linalg.vector_norm(widened.sub_(self.encoder[part]), dim=1, out=self.weight_losses[part])

    def pre_acts(self, x: Float[Tensor, "n d_model"]) -> Float[Tensor, "n d_sae"]:
        """encoder · x + b_enc in fp32, in a buffer that the next call overwrites."""
        return self.exact.pre_acts(x)

    def top_k(self, x: Float[Tensor, "n d_model"], k: int) -> Selected:
        """The k largest pre-activations of each position, those above 0 only."""
        if not enough_columns(len(self.encoder), k):  # a shortlist would not be short
            return self.exact.top_k(x, k)
        cap = candidate_cap(k) if self.cap is None else self.cap
        scores, error = self._score(x)
        if native.fits(scores, x):
            return self._ranked(x, scores, error, k, cap)
        grouped = GroupedScores(scores)
        lowest = self._reach(grouped.lower_bound(k).float(), 2 * error)
        found = grouped.at_least(lowest, limit=len(x) * cap)
        if found is None:
            return self._by_rows(x, k)
        counts = found.counts()
        failed = ((counts < k) | (counts > cap) | ~error.isfinite()).nonzero().flatten()
        matrix, names = found.padded(self._exact_scores(x, found), max(k, min(cap, int(counts.max()))))
        values, indices = best_of(matrix, names, k)
        if len(failed):
            values[failed], indices[failed] = top_k(self.pre_acts(x[failed]), k)
        acts = SparseActs.from_topk(values, indices, len(self.encoder), ordered=False)
        return Selected(acts=acts, candidates=len(found.rows), fallback_rows=len(failed))

    def _ranked(self, x: Tensor, scores: Tensor, error: Tensor, k: int, cap: int) -> Selected:
        """`top_k` by the kernels."""
        (n, d_model), d_sae = x.shape, len(self.encoder)
        names, counts = torch.empty(n, cap, dtype=torch.int32), torch.empty(n, dtype=torch.int32)
        native.call("shortlist", scores, n, d_sae, k, error, cap, names, counts)
        values, indices = x.new_empty(n, k), torch.empty(n, k, dtype=torch.int64)
        native.call("rank", x, self.encoder, self.b_enc, n, d_model, k, names, counts, cap, values, indices)
        failed = (counts < k).nonzero().flatten()
        if len(failed):
            values[failed], indices[failed] = top_k(self.pre_acts(x[failed]), k)
        acts = SparseActs.from_topk(values, indices, d_sae, ordered=False)
        return Selected(acts=acts, candidates=int(counts.clamp(min=0).sum()), fallback_rows=len(failed))

    def above(
        self, x: Float[Tensor, "n d_model"], bound: float, limit: int
    ) -> Selected | Float[Tensor, "n d_sae"]:
        """All pre-activations above a bound of 0 or more; if the shortlist exceeds `limit`, `pre_acts(x)` instead."""
        scores, error = self._score(x)
        if not bool(error.isfinite().all()):
            return self.pre_acts(x)
        acts = self._candidates(x, scores, self._reach(torch.full_like(error, bound), error), limit)
        if acts is None:
            return self.pre_acts(x)
        return Selected(acts=acts.where(acts.values > bound), candidates=acts.nnz, fallback_rows=0)

    def _candidates(self, x: Tensor, scores: Tensor, lowest: Tensor, limit: int) -> SparseActs | None:
        """The pairs whose bf16 score is at least `lowest` [n], with exact scores; None if they exceed `limit`."""
        (n, d_model), d_sae = x.shape, len(self.encoder)
        if not native.fits(scores, x):
            found = GroupedScores(scores).at_least(lowest, limit)
            if found is None:
                return None
            values = self._exact_scores(x, found)
            return SparseActs(offsets=found.offsets, indices=found.columns, values=values, d_sae=d_sae)
        counts = torch.empty(n, dtype=torch.int64)
        native.call("count16", scores, n, d_sae, lowest, counts)
        offsets = ends_of(counts)
        if int(offsets[-1]) > limit:
            return None
        values = x.new_empty(int(offsets[-1]))
        columns = torch.empty(len(values), dtype=torch.int64)
        native.call(
            "collect16",
            scores,
            n,
            d_sae,
            lowest,
            offsets,
            x,
            self.encoder,
            self.b_enc,
            d_model,
            columns,
            values,
        )
        return SparseActs(offsets=offsets, indices=columns, values=values, d_sae=d_sae)

    def _score(self, x: Float[Tensor, "n d_model"]) -> tuple[BFloat16[Tensor, "n d_sae"], Tensor]:
        """The bf16 scores of a chunk and e of each position."""
        d_model = x.shape[1]
        inputs, scores = self._inputs[: len(x)], self._scores[: len(x)]
        inputs[:, :d_model] = x
        whole = slice(-(-len(x) // _ROWS) * _ROWS)  # or the buffer's end; scores past len(x) are not read
        _mm(self._inputs[whole], self._weights, self._scores[whole])
        norm = torch.linalg.vector_norm(x, dim=1)
        lost = torch.linalg.vector_norm(x - inputs[:, :d_model].float(), dim=1)
        rounding = 2 * (d_model + 2) * 2.0**-23 * ((norm + lost) * (self._norm + self._loss) + 2 * self._bias)
        error = lost * self._norm + norm * self._loss + self._bias_loss + rounding
        return scores, error * ROUND_UP + TINY

    def _reach(self, bound: Float[Tensor, " n"], error: Float[Tensor, " n"]) -> BFloat16[Tensor, " n"]:
        """The score below which nothing can have a true score of `bound` less the error."""
        u = bound - HALF_ULP * bound.abs() - error
        exact = u - HALF_ULP * u.abs() * ROUND_UP - 2.0**-20 * (bound.abs() + error)
        rounded = exact.bfloat16()
        below = torch.nextafter(rounded, torch.full_like(rounded, -torch.inf))
        return torch.where(rounded.float() > exact, below, rounded)

    def _exact_scores(self, x: Float[Tensor, "n d_model"], found: Candidates) -> Float[Tensor, " m"]:
        scores = row_dots(x, self.encoder, found.offsets, found.rows, found.columns)
        return scores + self.b_enc[found.columns]

    def _by_rows(self, x: Float[Tensor, "n d_model"], k: int) -> Selected:
        """Every position by its fp32 row."""
        whole = self.exact.top_k(x, k)
        return Selected(acts=whole.acts, candidates=whole.candidates, fallback_rows=len(x))


def _mm(
    inputs: BFloat16[Tensor, "n d"], weights: BFloat16[Tensor, "d_sae d"], out: BFloat16[Tensor, "n d_sae"]
) -> None:
    """inputs · weightsᵀ with fp32 accumulation all the way, which the bound relies on."""
    if inputs.device.type != "cuda":
        torch.mm(inputs, weights.T, out=out)
        return
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_bf16_reduced_precision_reduction
    matmul.allow_bf16_reduced_precision_reduction = False
    try:
        torch.mm(inputs, weights.T, out=out)
    finally:
        matmul.allow_bf16_reduced_precision_reduction = before
