"""`map` and `neighbours`: the features of one SAE, or of several at one hook point, by what their directions say.

A map is made once and kept as the artifact map/NAME (map/A+B for several):

    points.parquet   a row for every feature: sae, feature, x, y, cluster, central, neighbours, cosines
    across.parquet   a row for every feature and SAE next in size: sae, feature, other, nearest, cosine, class
    map.json         figures beside what chance reaches
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from monosema.activations import derive_seed
from monosema.artifact import Draft
from monosema.errors import UsageError
from monosema.index.across import splitting_tree
from monosema.index.chance import best_of_random, chance
from monosema.index.clusters import centrality, clusters
from monosema.index.codes import NONE
from monosema.index.map import NEIGHBOURS, layout, quality, versions
from monosema.index.neighbours import nearest, neighbours
from monosema.index.points import FeatureMap, cluster_figures
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.read_asked import read_asked
from monosema.progress import Reporter, Silent
from monosema.sae import SAE


def feature_map(
    study: OpenStudy,
    saes: Sequence[str] = ("main",),
    *,
    remake: bool = False,
    reporter: Reporter | None = None,
) -> FeatureMap:
    """The map of one SAE's features, or of several SAEs' together: read where it is fresh, else made and kept.

    Raises `UsageError` for SAEs that do not share a model and a hook point.
    """
    loaded = _loaded(study, saes)
    place = study.place("map", "+".join(loaded))
    asked = {"saes": list(loaded)}
    parents = {f"sae/{name}": study.open("sae", name, verify=False).hash for name in loaded}
    if not remake and study.status("map", place.name, asked, parents).state == "fresh":
        return FeatureMap.read(study.open("map", place.name).path)
    seed = read_asked(study.settings, study.path).seed
    with study.making("map", "map", place.name, asked=asked, parents=parents, seed=seed) as draft:
        _make(loaded, derive_seed(seed, f"map/{place.name}"), draft, reporter or Silent())
    return FeatureMap.read(place)


def neighbours_across(
    study: OpenStudy, feature: int, other: str, *, sae: str = "main", n: int = 10
) -> tuple[tuple[tuple[int, float], ...], float]:
    """The features of another SAE nearest to one of `sae`, with cosines, nearest first; and what chance reaches.

    Chance: 1 of 100 random directions would have a nearer one among as many even random directions. Raises
    `UsageError` for SAEs that do not share a model and a hook point, and for an unknown feature.
    """
    loaded = _loaded(study, (sae, other))
    if not 0 <= feature < loaded[sae].d_sae:
        raise UsageError(f"there is no feature {feature}; saes.{sae} has 0 to {loaded[sae].d_sae - 1}")
    W = loaded[other].W_dec
    names, cosines = nearest(loaded[sae].W_dec[feature : feature + 1], W, n)
    pairs = zip(names[0].tolist(), cosines[0].tolist(), strict=True)
    found = tuple((name, cosine) for name, cosine in pairs if name != NONE)
    return found, best_of_random(W.shape[1], len(W), 0.99)


def _loaded(study: OpenStudy, saes: Sequence[str]) -> dict[str, SAE]:
    """SAEs by name, smallest first, of equals by name."""
    for name in saes:
        study.asked_sae(name)
    loaded = {name: study.sae(name) for name in sorted(set(saes))}
    places = {(sae.config.model_hash, sae.output) for sae in loaded.values()}
    if len(places) > 1:
        at = ", ".join(f"{name} at {sae.output}" for name, sae in loaded.items())
        raise UsageError(
            f"directions of different places cannot be compared: {at}; take SAEs of one hook point"
        )
    return dict(sorted(loaded.items(), key=lambda item: item[1].d_sae))


def _make(saes: dict[str, SAE], seed: int, draft: Draft, reporter: Reporter) -> None:
    W = torch.cat([sae.W_dec for sae in saes.values()])
    with reporter.stage("map", 4, "steps") as progress:
        found, near = neighbours(W, NEIGHBOURS)
        names, cosines = found.numpy(), near.numpy()
        progress.update(1)
        floor = chance(W, W, seed=seed)
        cluster = clusters(W, names, cosines, least=floor.high)
        progress.update(1)
        tree = splitting_tree([(name, sae.W_dec) for name, sae in saes.items()], seed=seed)
        progress.update(1)
        xy = layout(W, names, cosines, seed=seed)
        kept = quality(names, xy)
        progress.update(1)
    figures = {
        "quality": kept.to_dict(),
        "chance": floor.to_dict(),
        **cluster_figures(cluster),
        "across": [
            {
                "small": small,
                "large": large,
                "threshold": pair.threshold,
                "counts": pair.counts(),
                "chance": pair.chance.to_dict(),
            }
            for small, large, pair in zip(tree.names, tree.names[1:], tree.pairs, strict=False)
        ],
        "versions": versions(),
    }
    ends = np.cumsum([sae.d_sae for sae in saes.values()]).tolist()
    FeatureMap(
        saes=tuple(saes),
        starts=(0, *ends[:-1]),
        xy=xy,
        cluster=cluster,
        central=centrality(W, cluster),
        neighbours=names,
        cosines=cosines,
        figures=figures,
    ).write(draft.path, tree.pairs)
    draft.measured |= {"kept": kept.kept, "clusters": figures["clusters"]}
