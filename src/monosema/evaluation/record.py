"""The record of an evaluation: what `evaluate` returns, what is saved as JSON, what a report shows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from monosema.errors import DamagedError
from monosema.evaluation.bootstrap import Figure


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How densities are spread over the features that are not dead."""

    edges: tuple[float, ...]
    """log10 of density: edges of the bins; a density below the first counts in the first bin."""
    shares: tuple[Figure, ...]
    """Share of all features in each bin; with the dead share they add up to 1."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Positions that were left out, or untouched in every run of the model."""

    massive: Figure
    """Massive ones among the kept positions."""
    excluded: float
    """Positions of special tokens and the like among those that are not padding."""


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Next-token loss in nats a prediction, with the activations of touched positions replaced."""

    positions: int
    """Kept positions in the rows that were run; their massive ones stay untouched in every run."""
    predictions: int
    """Predictions counted: see `evaluate`."""
    documents: int
    """Documents that they are in."""
    plain: Figure
    """Loss of the model as it is."""
    sae: Figure
    """Loss with x̂ in place of x."""
    mean_ablated: Figure
    """Loss with the mean activation in place of x."""
    zero_ablated: Figure
    """Loss with zeros in place of x."""
    added: Figure
    """CE added: `sae` less `plain`."""
    recovered_mean: Figure
    """CE recovered against mean ablation."""
    recovered_zero: Figure
    """CE recovered against zero ablation."""
    kl: Figure
    """Mean KL(plain || with x̂), nats a prediction."""


@dataclass(frozen=True, kw_only=True)
class WithMassive:
    """The same figures with massive positions encoded and replaced like all others."""

    positions: int
    """Positions, massive ones among them."""
    l0: Figure
    fvu: Figure
    shrinkage: Figure
    ce_added: Figure


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What something simpler reaches on the same positions."""

    what: str
    """What it is, in words."""
    l0: Figure
    """Numbers that it uses a position."""
    fvu: Figure
    ce_added: Figure
    recovered_mean: Figure
    recovered_zero: Figure


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Figures of one SAE on documents that it was not trained on; definitions in docs/metrics.md."""

    hook: str
    """Hook point at which x̂ stands in for x."""
    model: str
    """Name of the model."""
    model_hash: str
    """Identity of its weights."""
    tokens_hash: str
    """Identity of the tokens."""
    split: str
    """Which documents."""
    seed: int
    """Seed of the intervals and of the untrained SAE."""
    positions: int
    """Kept, unmassive positions that all figures but cross-entropy are over."""
    documents: int
    """Documents that they are in."""
    d_sae: int
    """Features."""
    l0: Figure
    """Mean number of active features a position."""
    l0_quantiles: dict[str, float]
    """Quantiles over positions of the number of active features, and its maximum."""
    fvu: Figure
    """Share of variance unexplained."""
    variance_explained: Figure
    """1 - FVU."""
    shrinkage: Figure
    """Mean of ‖x̂ - b‖/‖x - b‖, b the decoder's bias in raw units."""
    dead_share: Figure
    """Features that were active at none of `positions`."""
    density: Histogram
    """Densities of the others."""
    left_out: LeftOut
    """What was left out, as shares."""
    ce: CrossEntropy
    """Cross-entropy figures."""
    with_massive: WithMassive | None
    """Figures with massive positions; None where there are none."""
    baselines: dict[str, Baseline]
    """Untrained SAE, PCA, neurons; empty where they were not asked for."""
    notes: tuple[str, ...]
    """Plain sentences on what a reader must know: baselines that win, much left out, figures not defined."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values; figures that are not defined are None."""
        return _json(asdict(self))

    def to_json(self) -> str:
        """The record as indented JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Evaluation:
        """Read what `to_dict` gave; raise `DamagedError` where it is no such record."""
        try:
            return TypeAdapter(cls).validate_python(_python(raw))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise DamagedError(
                f"no record of an evaluation: {place}: {first['msg']}; evaluate again"
            ) from None


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _python(value: Any) -> Any:
    if isinstance(value, dict):
        known = {key: _python(entry) for key, entry in value.items()}
        return known | {"value": math.nan} if "value" in known and known["value"] is None else known
    return [_python(entry) for entry in value] if isinstance(value, list) else value
