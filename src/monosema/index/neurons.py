"""Correlation of features with the neurons before them and with residual directions (paper C14).

For each feature of a subset, its Pearson correlation over positions with every neuron of every MLP up to the SAE's
layer, and with every coordinate of the residual stream there. Sums are kept less a mean guessed from the first batch,
so that float32 does not cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from monosema.activations import harvest
from monosema.corpora import Batch
from monosema.errors import UsageError
from monosema.kernels import SparseActs
from monosema.models import LanguageModel, deepest
from monosema.progress import Reporter, Silent
from monosema.sae import SAE


class BestUnits(NamedTuple):
    """The units of one hook point that correlate most with each of S features."""

    units: Int[Tensor, "S shown"]
    """Numbers of neurons or coordinates, largest |r| first."""
    r: Float[Tensor, "S shown"]
    """Their correlations."""


@dataclass(frozen=True, eq=False)
class Correlations:
    """What was measured of a subset of features."""

    by_hook: Mapping[str, BestUnits]
    """By hook point: `mlp_act.L` of each layer, and the SAE's own for residual coordinates."""
    chance: Mapping[str, BestUnits]
    """The same with each feature's activations given to random positions of their batch: what nothing in common
    would show."""
    positions: int
    """Positions that were seen."""


def neuron_hooks(sae: SAE) -> list[str]:
    """The MLPs before an SAE: those of all layers whose output its hook point can hold."""
    place = deepest(sae.place)
    last = place.layer if place.kind in ("resid_post", "mlp_out") else place.layer - 1
    return [f"mlp_act.{layer}" for layer in range(last + 1)]


def correlations(
    model: LanguageModel,
    sae: SAE,
    batches: Iterable[Batch],
    subset: Int[Tensor, " S"],
    *,
    positions: int,
    seed: int,
    shown: int = 3,
    reporter: Reporter | None = None,
) -> Correlations:
    """Correlate the features of `subset` over the first kept, unmassive positions, about `positions` of them.

    Memory: 8 x S x (neurons of all layers + d_model) bytes, and the activations of one batch at all hook points.
    Raises `UsageError` where there is no position.
    """
    hooks = [*neuron_hooks(sae), sae.place]
    generator = torch.Generator().manual_seed(seed)
    sums: dict[str, _Sums] = {}
    by_chance: dict[str, _Sums] = {}
    of_feature = _Moments(len(subset))
    with (reporter or Silent()).stage("neurons", positions) as progress:
        for found in harvest(model, batches, hooks):
            usual = found[sae.place].norm <= sae.massive
            acts = _columns(sae.encode(found[sae.place].x[usual].float()), subset)
            of_feature.add(acts)
            shuffled = replace(acts, indices=torch.randperm(acts.d_sae, generator=generator)[acts.indices])
            for hook in hooks:
                x = found[hook].x[usual].float()  # [n, width]
                sums.setdefault(hook, _Sums(len(subset), x)).add(acts, x)
                by_chance.setdefault(hook, _Sums(len(subset), x)).add(shuffled, x)
            progress.update(int(usual.sum()))
            if of_feature.n >= positions:
                break
    if not of_feature.n:
        raise UsageError("there is no position to correlate over; give more text")
    best, chance = (
        {hook: one.best(of_feature, shown) for hook, one in some.items()} for some in (sums, by_chance)
    )
    return Correlations(best, chance, of_feature.n)


def _columns(acts: SparseActs, subset: Int[Tensor, " S"]) -> SparseActs:
    """The columns of a subset, in its order, feature by feature: row i holds where feature subset[i] fires."""
    place = torch.full((acts.d_sae,), -1)
    place[subset] = torch.arange(len(subset))
    owner = place[acts.indices]
    mine = (owner >= 0).nonzero().flatten()
    order = mine[owner[mine].argsort(stable=True)]
    counts = torch.bincount(owner[order], minlength=len(subset))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    return SparseActs(offsets=offsets, indices=acts.rows()[order], values=acts.values[order], d_sae=len(acts))


class _Moments:
    """Sums of each feature's activations and of their squares."""

    def __init__(self, features: int) -> None:
        self.n = 0
        self.sum = torch.zeros(features, dtype=torch.float64)
        self.squares = torch.zeros(features, dtype=torch.float64)

    def add(self, acts: SparseActs) -> None:
        self.n += acts.d_sae
        values = acts.values.double()
        self.sum.index_add_(0, acts.rows(), values)
        self.squares.index_add_(0, acts.rows(), values.square())

    def deviation(self) -> Float[Tensor, " S"]:
        """Root of the sum of squares about the mean."""
        return (self.squares - self.sum.square() / self.n).clamp_min(0).sqrt()


class _Sums:
    """Sums of products of features and the units of one hook point, less a guess of the units' means."""

    def __init__(self, features: int, x: Float[Tensor, "n width"]) -> None:
        self._guess = x.mean(0) if len(x) else x.new_zeros(x.shape[1])
        self._cross = torch.zeros(features, x.shape[1])
        self._sum = torch.zeros(x.shape[1], dtype=torch.float64)
        self._squares = torch.zeros(x.shape[1], dtype=torch.float64)

    def add(self, acts: SparseActs, x: Float[Tensor, "n width"]) -> None:
        x = x - self._guess
        self._cross += embedding_bag(
            acts.indices,
            x,
            acts.offsets,
            mode="sum",
            per_sample_weights=acts.values,
            include_last_offset=True,
        )
        self._sum += x.sum(0, dtype=torch.float64)
        self._squares += x.square().sum(0, dtype=torch.float64)

    def best(self, of_feature: _Moments, shown: int) -> BestUnits:
        n = of_feature.n
        spread = (self._squares - self._sum.square() / n).clamp_min(0).sqrt()  # [width]
        whole = torch.outer(of_feature.deviation(), spread)
        cross = self._cross.double() - torch.outer(of_feature.sum, self._sum) / n
        r = torch.where(whole > 0, cross / whole.clamp_min(1e-300), 0.0).float()
        units = r.abs().topk(min(shown, r.shape[1]), dim=1).indices
        return BestUnits(units, r.gather(1, units))
