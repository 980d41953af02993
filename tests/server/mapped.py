"""A second SAE, maps and relations, added to the small study."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

import monosema as ms
from monosema import pipeline
from monosema.artifact import drafting
from monosema.files import read_json
from monosema.index.points import ACROSS, FeatureMap
from pipeline.small_study import TOML

WIDE = "[saes.wide]\n" + TOML[TOML.index("hook") :].replace("d_sae = 64", "d_sae = 96")
MEASURED = 8
"""Features whose relations are measured."""


def add_maps(path: Path) -> None:
    """Train another SAE of a finished study, and make maps and relations."""
    toml = path / "study.toml"
    toml.write_text(toml.read_text() + WIDE)
    study = ms.open(path)
    pipeline.run(study, goal="sae")
    pipeline.feature_map(study, ["main"])
    pipeline.feature_map(study, ["main", "wide"])
    plant_clusters(path / "map" / "main+wide")
    pipeline.relations(study, features=MEASURED, positions=400)


def plant_clusters(place: Path) -> None:
    """Three clusters of 20, 10 and 5 features, and a feature without a place, in a map that has none of either."""
    found, manifest = FeatureMap.read(place), read_json(place / "manifest.json")
    rng = np.random.default_rng(5)
    inside = rng.permutation(len(found.xy))[:35]
    cluster, central = np.full(len(found.xy), -1), np.zeros(len(found.xy), dtype=np.float32)
    cluster[inside] = np.repeat([0, 1, 2], [20, 10, 5])
    central[inside] = rng.uniform(0.5, 1.0, 35).astype(np.float32)
    xy = found.xy.copy()
    xy[np.flatnonzero(cluster < 0)[0]] = np.nan
    figures = {**found.figures, "clusters": 3, "largest_cluster": 20, "clustered_share": 35 / len(xy)}
    planted = replace(found, xy=xy, cluster=cluster, central=central, figures=figures)
    asked = {name: manifest[name] for name in ("kind", "asked", "parents", "seed")}
    with drafting(place, **asked, old=place.parent.parent / "old") as draft:
        planted.write(draft.path, ())
        shutil.copy(place / ACROSS, draft.path)
