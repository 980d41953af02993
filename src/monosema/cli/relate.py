"""`relate`: what fires together with features, and which neurons are like them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from monosema.cli.output import Json, print_json, print_table, reporter, say
from monosema.cli.run import Remake, SAEName, StudyPath


def relate(
    study: StudyPath,
    sae: SAEName = "main",
    features: Annotated[int, typer.Option(help="How many random living features.", min=1)] = 2000,
    positions: Annotated[int, typer.Option(help="Positions to correlate neurons over.", min=2)] = 100_000,
    n: Annotated[int, typer.Option("-n", help="How many features to show.", min=1)] = 10,
    remake: Remake = False,
    json: Json = False,
) -> None:
    """Measure what fires together with random features and which neurons correlate with them (C14); keep it."""
    from monosema import pipeline

    found = pipeline.relations(
        pipeline.open_study(study),
        sae=sae,
        features=features,
        positions=positions,
        remake=remake,
        reporter=reporter(json),
    )
    if json:
        print_json({"figures": found.figures, "features": found.rows})
        return
    likest = sorted(found.rows, key=lambda row: -abs(row["neuron_r"][0] if row["neurons"] else 0))[:n]
    rows = [
        [
            str(row["feature"]),
            _neuron(row),
            f"{row['coordinates'][0]} ({row['coordinate_r'][0]:.2f})",
            ", ".join(_partners(row)),
        ]
        for row in likest
    ]
    print_table(
        "most like a neuron", ["feature", "best neuron (r)", "coordinate (r)", "fires with (phi)"], rows
    )
    if found.rows[0]["neurons"]:
        say(_share(found.figures, "neuron", "neuron before it"))
    else:
        say("no MLP stands before this autoencoder: there is no neuron to be like")
    say(_share(found.figures, "coordinate", "residual coordinate"))


def _neuron(row: Mapping[str, Any]) -> str:
    if not row["neurons"]:
        return "(none before it)"
    return f"layer {row['neuron_layers'][0]} neuron {row['neurons'][0]} ({row['neuron_r'][0]:.2f})"


def _partners(row: Mapping[str, Any]) -> list[str]:
    pairs = zip(row["features"], row["phi"], strict=True)
    return [f"{other} ({phi:.2f})" for other, phi in pairs if other >= 0][:3]


def _share(figures: Mapping[str, Any], what: str, name: str) -> str:
    share, best = figures[f"low_{what}_share"], figures[f"best_{what}_r"][1]
    return (
        f"{share['value']:.0%} ({share['low']:.0%} to {share['high']:.0%}) of {figures['features']} features have no "
        f"{name} with |r| above {figures['low']}; the median best is {best:.2f}, by chance "
        f"{figures[f'best_{what}_r_by_chance'][1]:.2f} (paper, neurons: 82%)"
    )
