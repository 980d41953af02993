"""`relate`: for a random subset of features, what fires with them and which neurons are like them (paper C14).

Made once and kept as the artifact relations/NAME:

    relations.parquet   a row for each feature of the subset: co-active features with phi and common firings; the
                        neurons of all layers before it and the residual coordinates that correlate most
    relations.json      share of features whose best neuron has |r| of at most .3, with its interval, and chance

Before an SAE at the very beginning there is no MLP: lists of neurons are empty then, and the best |r| counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from monosema.activations import derive_seed
from monosema.artifact import Draft
from monosema.errors import DamagedError, UsageError
from monosema.evaluation.known import wilson
from monosema.files import read_json, write_json
from monosema.index import FeatureIndex
from monosema.index.coactive import Coactive, coactive
from monosema.index.neurons import BestUnits, Correlations, correlations
from monosema.index.table import as_column, write_columns
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.read_asked import read_asked
from monosema.pipeline.work import Plan
from monosema.progress import Reporter

TABLE, FIGURES = "relations.parquet", "relations.json"
FEATURES, POSITIONS = 2000, 100_000
LOW = 0.3
"""Below this the paper calls a feature and a neuron unlike each other."""
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Relations:
    """What was measured of a random subset of features."""

    rows: list[dict[str, Any]]
    """One for each feature of the subset, by its number."""
    figures: dict[str, Any]
    """Shares over the subset, with intervals and chance."""

    @classmethod
    def read(cls, folder: Path) -> Relations:
        """Read a finished artifact."""
        try:
            rows = pq.read_table(folder / TABLE).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise DamagedError(
                f"{folder / TABLE} cannot be read ({error}); remake it with --remake"
            ) from None
        return cls(rows, read_json(folder / FIGURES))


def relations(
    study: OpenStudy,
    *,
    sae: str = "main",
    features: int = FEATURES,
    positions: int = POSITIONS,
    remake: bool = False,
    reporter: Reporter | None = None,
) -> Relations:
    """Relations of `features` random living features: read where they are fresh, else measured and kept.

    Neurons are correlated over about `positions` positions of the text that the SAE was trained on; what fires
    together is counted over all of them.
    """
    if features < 1 or positions < 2:
        raise UsageError(f"features is {features} and positions {positions}; expected 1 and 2 or more")
    settings = read_asked(study.settings, study.path)
    asked = {"features": features, "positions": positions}
    parents = {f"{kind}/{sae}": study.open(kind, sae, verify=False).hash for kind in ("sae", "index")}
    if not remake and study.status("relations", sae, asked, parents).state == "fresh":
        return Relations.read(study.open("relations", sae).path)
    seed = derive_seed(settings.seed, f"relations/{sae}")
    with study.making("relate", "relations", sae, asked=asked, parents=parents, seed=settings.seed) as draft:
        index = study.index(sae)
        subset = _subset(index, features, seed)
        together = coactive(index.segments, subset, index.table["count"])
        found = _neurons(study, sae, subset, positions, seed, reporter)
        _keep(draft, subset, together, found)
    return Relations.read(study.place("relations", sae))


def _subset(index: FeatureIndex, size: int, seed: int) -> np.ndarray:
    alive = np.flatnonzero(index.table["count"])
    if not len(alive):
        raise UsageError("no feature of this index fires; there is nothing to relate")
    drawn = np.random.default_rng(seed).choice(alive, min(size, len(alive)), replace=False)
    return np.sort(drawn)


def _neurons(
    study: OpenStudy, sae: str, subset: np.ndarray, positions: int, seed: int, reporter: Reporter | None
) -> Correlations:
    place = study.asked_sae(sae).place
    plan = Plan.load(study.open("plan", place.model, verify=False).path)
    loaded = study.sae(sae)
    model = study.model(place.model, until=loaded.place)
    batches = study.tokens(sae).batches("train", plan.tokens_per_batch, order=np.random.default_rng(seed))
    return correlations(
        model,
        loaded,
        batches,
        torch.from_numpy(subset),
        positions=positions,
        seed=seed,
        shown=SHOWN,
        reporter=reporter,
    )


def _keep(draft: Draft, subset: np.ndarray, together: Coactive, found: Correlations) -> None:
    *hooks, residual = found.by_hook
    columns = {
        "feature": pa.array(subset.astype(np.int32)),
        **{name: as_column(array) for name, array in together._asdict().items()},
        **_best_neurons([found.by_hook[hook] for hook in hooks], len(subset)),
        "coordinates": as_column(found.by_hook[residual].units.numpy().astype(np.int32)),
        "coordinate_r": as_column(found.by_hook[residual].r.numpy()),
    }
    write_columns(draft.path / TABLE, columns)
    figures = _figures(found)
    write_json(draft.path / FIGURES, figures)
    if hooks:
        draft.measured |= {"low_neuron_share": figures["low_neuron_share"]["value"]}


def _best_neurons(layers: Sequence[BestUnits], features: int) -> dict[str, pa.Array]:
    """Columns of the neurons of all layers that correlate most; lists without an entry where there is no layer."""
    if not layers:
        types = {"neuron_layers": pa.int32(), "neurons": pa.int32(), "neuron_r": pa.float32()}
        return {name: pa.array([[]] * features, pa.list_(of)) for name, of in types.items()}
    units = torch.cat([one.units for one in layers], dim=1)  # [S, layers * shown]
    r = torch.cat([one.r for one in layers], dim=1)
    layer = torch.arange(len(layers)).repeat_interleave(units.shape[1] // len(layers))
    best = r.abs().topk(min(SHOWN, r.shape[1]), dim=1).indices
    return {
        "neuron_layers": as_column(layer[best].numpy().astype(np.int32)),
        "neurons": as_column(units.gather(1, best).numpy().astype(np.int32)),
        "neuron_r": as_column(r.gather(1, best).numpy()),
    }


def _figures(found: Correlations) -> dict[str, Any]:
    """Shares of features whose best unit is unlike them, and deciles of |r|, each beside chance."""
    *layers, residual = found.by_hook
    figures: dict[str, Any] = {"positions": found.positions, "low": LOW, "neuron_layers": len(layers)}
    for name, hooks in {"neuron": layers, "coordinate": [residual]}.items():
        best, chance = (
            _best_r([some[hook] for hook in hooks], len(found.by_hook[residual].r))
            for some in (found.by_hook, found.chance)
        )
        figures |= {
            "features": len(best),
            f"low_{name}_share": asdict(wilson(int((best <= LOW).sum()), len(best))),
            f"best_{name}_r": np.quantile(best, [0.1, 0.5, 0.9]).tolist(),
            f"best_{name}_r_by_chance": np.quantile(chance, [0.1, 0.5, 0.9]).tolist(),
        }
    return figures


def _best_r(units: Sequence[BestUnits], features: int) -> np.ndarray:
    """|r| of each feature with its best unit; 0 where there is no unit."""
    return torch.cat([torch.zeros(features, 1), *(one.r.abs() for one in units)], dim=1).amax(1).numpy()
