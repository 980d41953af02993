"""`map`: all features on a plane, and what lies together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from monosema.cli.output import Json, print_json, print_table, reporter, say
from monosema.cli.run import Remake, StudyPath
from monosema.cli.show import peaks

MEMBERS = 5
"""Features of a cluster that are named, the most central first."""


def map(
    study: StudyPath,
    sae: Annotated[
        list[str] | None,
        typer.Option(
            "--sae", help="Name among [saes] of study.toml (main); again for others at its hook point."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="How many clusters to show.", min=1)] = 10,
    remake: Remake = False,
    json: Json = False,
) -> None:
    """Lay all features on a plane by their directions, find clusters, compare autoencoders; keep it."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    found = pipeline.feature_map(opened, sae or ["main"], remake=remake, reporter=reporter(json))
    shown = [found.members(number) for number in range(min(n, found.figures["clusters"]))]
    if json:
        clusters = [[_point(found, one) for one in members] for members in shown]
        print_json({"saes": found.saes, "figures": found.figures, "clusters": clusters})
        return
    if shown:
        says = _Words(opened)
        rows = [[str(number), str(len(one)), says.of(found, one)] for number, one in enumerate(shown)]
        print_table("largest clusters, the most central features first", ["cluster", "features", ""], rows)
    for sentence in (*_figures(found.figures), *_across(found.figures["across"])):
        say(sentence)


def _point(found: Any, point: int) -> dict[str, Any]:
    name, feature = found.feature(point)
    return {"sae": name, "feature": feature, "central": float(found.central[point])}


class _Words:
    """What features fire on, where their SAE has an index."""

    def __init__(self, study: Any) -> None:
        self._study = study
        self._indices: dict[str, Any] = {}

    def of(self, found: Any, members: list[int]) -> str:
        """The first members of a cluster: numbers and the best peak of each."""
        told = []
        for point in members[:MEMBERS]:
            name, feature = found.feature(point)
            index = self._index(name)
            number = str(feature) if len(found.saes) == 1 else f"{name}/{feature}"
            told.append(number if index is None else f"{number} {peaks(index, feature, 1)}")
        return "; ".join(told) + (" ..." if len(members) > MEMBERS else "")

    def _index(self, name: str) -> Any:
        if name not in self._indices:
            made = (self._study.place("index", name) / "manifest.json").is_file()
            self._indices[name] = self._study.index(name) if made else None
        return self._indices[name]


def _figures(figures: Mapping[str, Any]) -> list[str]:
    quality, chance = figures["quality"], figures["chance"]
    return [
        f"the map keeps {quality['kept']:.1%} of each feature's 10 nearest among its 10 nearest "
        f"(at random {quality['random']:.1%}), {quality['kept_wide']:.1%} among its 30 nearest "
        f"(at random {quality['random_wide']:.1%}); what lies together need not be alike: see the neighbours",
        f"{figures['clustered_share']:.1%} of the features lie in {figures['clusters']} clusters whose parts have a "
        f"mean cosine of {chance['high']:.2f} or more; of {chance['count']} random directions of the same covariance "
        f"the best comes that near to 1 feature in 100, of even ones {chance['isotropic_high']:.2f}",
    ]


def _across(pairs: list[dict[str, Any]]) -> list[str]:
    told = []
    for pair in pairs:
        large, small = pair["counts"]["large"], pair["counts"]["small"]
        told.append(
            f"{pair['large']} beside {pair['small']} (near is a cosine of {pair['threshold']} or more; by chance 1 "
            f"feature in 100 comes within {pair['chance']['high']:.2f}): {large['matched']} matched, {small['split']} "
            f"split into {large['split']}, {large['new']} new in {pair['large']}, {small['orphaned']} of "
            f"{pair['small']} have nothing near"
        )
    return told
