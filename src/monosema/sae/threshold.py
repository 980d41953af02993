"""Inference thresholds: per feature at a bounded cost in reconstruction (C3), or one that keeps k in the mean.

The L1 penalty leaves a feature with a tail of weak activations that say little. Dropping one activation a of
feature i at position n adds a² + 2a·(r·d̂) to the squared error there (r = s·x − x̂ in scaled units, d̂ = d/‖d‖).

1. Each feature may spend a share of the error that is allowed, in proportion to the sum of its a².
2. Its threshold is the largest of its activations on the sample up to which (that one included) the summed cost
   is within its budget, and which is at most half of its largest activation.
3. Costs of activations dropped at one position are not independent, so the error with all thresholds is measured;
   while it exceeds what is allowed, the budgets are halved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError
from monosema.kernels import SparseActs, row_dots
from monosema.sae.kinds.kind import Thresholds
from monosema.sae.sae import SAE

DEFAULT_SHARE = 0.005
_HALVINGS = 10
_LOWEST = 1e-3
_ROWS = 2048  # positions that are encoded at a time while BatchTopK's threshold is looked for


def fit_threshold(
    sae: SAE, x: Float[Tensor, "n d_model"], acts: SparseActs | None = None, *, share: float = DEFAULT_SHARE
) -> Float[Tensor, " d_sae"]:
    """Return a threshold for each feature, in the units of a, to be applied as a > threshold.

    `x` is a sample of raw, unmassive activations, `acts` their encoding without thresholds (made here where it
    is None). The sum of squared errors over the sample, and with it FVU, grows by at most `share` of itself.
    A feature that is not active in the sample gets 0. Source: C3, which gives no values; the rule is ours.
    """
    if not 0 <= share < 1:
        raise UsageError(f"share is {share}; expected 0 or more and below 1; try {DEFAULT_SHARE}")
    plain = sae.with_threshold(None)
    acts = plain.encode(x) if acts is None else acts
    x = x.to(acts.values.device, torch.float32)
    residual = plain.residual(x, acts)  # [n, d_model], scaled
    error = _energy(residual)
    pairs = _Sorted(acts, _costs(sae, acts, residual))
    for halving in range(_HALVINGS):
        threshold = pairs.threshold(error * share * 0.5**halving)
        kept = acts.where(acts.values > threshold[acts.indices])
        if _energy(plain.residual(x, kept)) <= error * (1 + share):
            return threshold
    return torch.zeros(sae.d_sae, device=acts.values.device)


def fit_one_threshold(sae: SAE, x: Float[Tensor, "n d_model"]) -> Float[Tensor, " d_sae"]:
    """Return the threshold, the same for all features, that leaves k activations a position in the mean.

    `x` is a sample of raw, unmassive activations. It is what BatchTopK does with the whole sample as one batch: of
    all activations the n · k largest lie above it (up to equals). 0 where there are fewer above 0.
    """
    k = sae.config.kind.k
    assert k is not None

    def above(rows: Tensor, floor: float) -> Tensor:
        return (
            sae.with_threshold(torch.full((sae.d_sae,), floor, device=sae.encoder.device)).encode(rows).values
        )

    floor = 0.5 * _kth_largest(above(x[:_ROWS], 0.0), k * len(x[:_ROWS]))
    while True:
        values = torch.cat([above(part, floor) for part in x.split(_ROWS)])
        found = _kth_largest(values, k * len(x) + 1)  # the largest that is left out
        if found > floor or floor == 0:
            return torch.full((sae.d_sae,), found, device=sae.encoder.device)
        floor = floor / 4 if floor > _LOWEST else 0.0


def _kth_largest(values: Float[Tensor, " m"], k: int) -> float:
    """0 where there are fewer."""
    return float(values.kthvalue(len(values) - k + 1).values) if len(values) >= k else 0.0


def thresholds_of(sae: SAE, sample: Callable[[], Float[Tensor, "n d_model"]]) -> SAE:
    """Return a trained SAE with the inference thresholds of its kind; `sample` gives raw activations to fit them on."""
    fit = FITS[sae.config.kind.thresholds]
    return sae if fit is None else sae.with_threshold(fit(sae, sample()))


def _energy(x: Float[Tensor, "n d_model"]) -> float:
    return float(x.double().square().sum())


def _costs(sae: SAE, acts: SparseActs, residual: Float[Tensor, "n d_model"]) -> Float[Tensor, " nnz"]:
    """Added squared error, in scaled units, of dropping each active pair alone."""
    along = row_dots(residual, sae.W_dec, acts.offsets, acts.rows(), acts.indices)
    norms = sae.decoder_norms
    lengths = torch.linalg.vector_norm(sae.W_dec, dim=1) / norms.clamp_min(torch.finfo(norms.dtype).tiny)
    values = acts.values.double()
    alone = (values * lengths[acts.indices]).square()
    return alone + 2 * values * (along / norms[acts.indices]).double()


class _Sorted:
    """Active pairs by feature, weakest first, with the cost of dropping all up to each."""

    def __init__(self, acts: SparseActs, costs: Float[Tensor, " nnz"]) -> None:
        order = acts.values.argsort(stable=True)
        order = order[acts.indices[order].argsort(stable=True)]
        self.values, self.features = acts.values[order], acts.indices[order]
        counts = torch.bincount(self.features, minlength=acts.d_sae)
        first = counts.cumsum(0) - counts  # place of each feature's weakest pair
        summed = costs[order].cumsum(0)
        before = torch.cat([summed.new_zeros(1), summed])[first]
        self.spent = summed - before[self.features]
        strongest = torch.zeros(acts.d_sae, device=self.values.device)
        strongest.scatter_reduce_(0, self.features, self.values, "amax")
        self.weak = self.values <= strongest[self.features] / 2
        energy = torch.zeros(acts.d_sae, dtype=torch.float64, device=self.values.device)
        energy.index_add_(0, self.features, self.values.double().square())
        self.portion = energy / energy.sum().clamp(min=torch.finfo(torch.float64).tiny)

    def threshold(self, budget: float) -> Float[Tensor, " d_sae"]:
        """The largest affordable weak activation of each feature, 0 where there is none."""
        affordable = self.weak & (self.spent <= budget * self.portion[self.features])
        threshold = torch.zeros_like(self.portion, dtype=torch.float32)
        return threshold.scatter_reduce_(0, self.features[affordable], self.values[affordable], "amax")


FITS: Final[Mapping[Thresholds, Callable[[SAE, Tensor], Tensor] | None]] = {
    "none": None,
    "trained": None,
    "by_cost": fit_threshold,
    "by_l0": fit_one_threshold,
}
"""How thresholds are fitted after training."""
