"""From sums over documents to figures with intervals, and to the sentences that go with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.activations import derive_seed
from monosema.evaluation.bootstrap import Bootstrap, Figure, Sums, jackknife
from monosema.evaluation.crossentropy import CrossEntropySums
from monosema.evaluation.fidelity import Fidelity
from monosema.evaluation.record import Baseline, CrossEntropy, Histogram, LeftOut, WithMassive

EDGES = tuple(-7 + 0.25 * i for i in range(29))
"""log10 of density: edges of the bins of the histogram."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LARGEST_LEFT_OUT = 0.01
"""metrics.md: a larger massive share needs a reason."""
BASELINES = {
    "untrained": "an untrained SAE of the same kind and size",
    "pca": "PCA with {k} directions",
    "neurons": "the {k} largest neurons of each position",
}

Statistic = Callable[[Sums], Tensor]


def figures(
    fidelity: Fidelity, losses: CrossEntropySums, number: int, *, k: int, seed: int, baselines: bool
) -> dict[str, Any]:
    """All fields of `Evaluation` that are measured; `number`: of the SAE among those whose losses were summed; `k`
    directions or neurons for the baselines.
    """
    usual = Bootstrap(fidelity.table(k), seed=derive_seed(seed, "evaluation-positions"))
    everywhere = fidelity.usual.plus(fidelity.massive).table()
    merged = Bootstrap(everywhere, seed=derive_seed(seed, "evaluation-positions"))
    ce = Bootstrap(losses.table(number), seed=derive_seed(seed, "evaluation-losses"))
    dead, *shares = jackknife(fidelity.firings, _density_shares)
    found: dict[str, Any] = {
        "positions": fidelity.usual.positions,
        "documents": fidelity.documents,
        "l0": usual.figure(_mean("l0")),
        "l0_quantiles": _quantiles(fidelity.l0_counts),
        "fvu": usual.figure(_fvu("error")),
        "variance_explained": usual.figure(lambda sums: 1 - _fvu("error")(sums)),
        "shrinkage": usual.figure(_mean("shrinkage")),
        "dead_share": dead,
        "density": Histogram(edges=EDGES, shares=tuple(shares)),
        "left_out": LeftOut(
            massive=merged.figure(_mean("massive")),
            excluded=(fidelity.real - fidelity.kept) / fidelity.real,
        ),
        "ce": _cross_entropy(ce, losses),
        "with_massive": _with_massive(merged, ce, fidelity),
        "baselines": {name: _baseline(name, k, usual, ce) for name in BASELINES} if baselines else {},
    }
    return found | {"notes": _notes(found)}


def _mean(name: str) -> Statistic:
    return lambda sums: sums[name] / sums["n"]


def _fvu(error: str) -> Statistic:
    return lambda sums: sums[error] / sums["deviation"]


def _added(run: str) -> Statistic:
    return lambda sums: (sums[run] - sums["plain"]) / sums["n"]


def _recovered(run: str, ablated: str) -> Statistic:
    """CE recovered; not defined where the ablation does no harm."""

    def statistic(sums: Sums) -> Tensor:
        harm = sums[ablated] - sums["plain"]
        return torch.where(harm > 0, (sums[ablated] - sums[run]) / harm, torch.nan)

    return statistic


def _density_shares(counts: Int[Tensor, " columns"]) -> Float[Tensor, " shares"]:
    """Share of dead features, then that of each bin of densities; `counts` end with the positions."""
    active, positions = counts[:-1], counts[-1]
    density = active[active > 0].double() / positions.clamp(min=1)
    edges = torch.tensor(EDGES, dtype=torch.float64)
    bins = torch.bucketize(density.log10(), edges, right=True).clamp(1, len(EDGES) - 1) - 1
    shares = torch.bincount(bins, minlength=len(EDGES) - 1)
    return torch.cat([(active == 0).sum()[None], shares]) / len(active)


def _quantiles(counts: Int[Tensor, " values"]) -> dict[str, float]:
    """Quantiles of values 0, 1, ... that were counted, and the largest."""
    total = counts.cumsum(0)
    n = int(total[-1])
    at = {f"{q:g}": float(torch.searchsorted(total, max(1.0, q * n))) for q in QUANTILES}
    return at | {"max": float(counts.nonzero().max())}


def _cross_entropy(ce: Bootstrap, losses: CrossEntropySums) -> CrossEntropy:
    return CrossEntropy(
        positions=losses.positions,
        predictions=losses.predictions,
        documents=losses.units.documents,
        plain=ce.figure(_mean("plain")),
        sae=ce.figure(_mean("sae")),
        mean_ablated=ce.figure(_mean("mean")),
        zero_ablated=ce.figure(_mean("zero")),
        added=ce.figure(_added("sae")),
        recovered_mean=ce.figure(_recovered("sae", "mean")),
        recovered_zero=ce.figure(_recovered("sae", "zero")),
        kl=ce.figure(_mean("kl")),
    )


def _with_massive(merged: Bootstrap, ce: Bootstrap, fidelity: Fidelity) -> WithMassive | None:
    if not fidelity.massive.positions:
        return None
    return WithMassive(
        positions=fidelity.usual.positions + fidelity.massive.positions,
        l0=merged.figure(_mean("l0")),
        fvu=merged.figure(_fvu("error")),
        shrinkage=merged.figure(_mean("shrinkage")),
        ce_added=ce.figure(_added("with_massive")),
    )


def _baseline(name: str, k: int, usual: Bootstrap, ce: Bootstrap) -> Baseline:
    return Baseline(
        what=BASELINES[name].format(k=k),
        l0=usual.figure(_mean("l0_untrained")) if name == "untrained" else Figure(float(k)),
        fvu=usual.figure(_fvu(f"error_{name}")),
        ce_added=ce.figure(_added(name)),
        recovered_mean=ce.figure(_recovered(name, "mean")),
        recovered_zero=ce.figure(_recovered(name, "zero")),
    )


def _notes(found: dict[str, Any]) -> tuple[str, ...]:
    ce: CrossEntropy = found["ce"]
    own = {"fvu": found["fvu"], "ce_added": ce.added}
    own |= {"recovered_mean": ce.recovered_mean, "recovered_zero": ce.recovered_zero}
    words = {
        "fvu": "FVU",
        "ce_added": "CE added",
        "recovered_mean": "CE recovered against mean ablation",
        "recovered_zero": "CE recovered against zero ablation",
    }
    notes = []
    for baseline in found["baselines"].values():
        for name, mine in own.items():
            theirs: Figure = getattr(baseline, name)
            sign = 1 if name in ("fvu", "ce_added") else -1
            if sign * theirs.value < sign * mine.value:
                notes.append(
                    f"{baseline.what} beats the SAE in {words[name]}: {theirs.value:.3g}, SAE {mine.value:.3g}."
                )
    for name, mine in own.items():
        if mine.value != mine.value:  # NaN
            notes.append(f"{words[name]} is not defined: there is nothing that could be lost.")
    massive: Figure = found["left_out"].massive
    if massive.value > LARGEST_LEFT_OUT:
        notes.append(
            f"{massive.value:.2%} of the kept positions are massive and left out; more than "
            f"{LARGEST_LEFT_OUT:.0%} needs a reason: look at the figures with them."
        )
    if found["documents"] < 2 or ce.documents < 2:
        notes.append("Figures over a single document have no interval.")
    return tuple(note[:1].upper() + note[1:] for note in notes)
