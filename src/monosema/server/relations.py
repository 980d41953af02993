"""The route of relations: what fires together with a feature, and which neurons are like it (`monosema relate`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query

from monosema.errors import RefusedError
from monosema.index import Names
from monosema.pipeline.relating import Relations as Measured
from monosema.server.access import Index, Served
from monosema.server.errors import NotFoundError, NotMadeError
from monosema.server.features import Number, check_number
from monosema.server.fresh import Unchanged, Versioned
from monosema.server.reading import ReadRoute
from monosema.server.records import Interval
from monosema.server.relation_records import Coactive, Coordinate, Neuron, RelationFigures, Relations
from monosema.server.rows import feature_name
from monosema.server.served import ServedSAE

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["features"], route_class=ReadRoute)
Row = Mapping[str, Any]


@router.get("/features/{number}/relations", dependencies=[Unchanged])
def get_relations(
    served: Served, index: Index, number: Number, query: Annotated[Versioned, Query()]
) -> Relations:
    """What goes together with a feature, where it was among those that were measured."""
    check_number(index, number)
    rows, figures = _measured(served)
    if number not in rows:
        raise NotFoundError(
            f"feature {number} was not measured: {len(rows)} were, drawn at random from those that fire"
        )
    row = rows[number]
    return Relations(
        number=number,
        coactive=_coactive(row, served.names()),
        neurons=[
            Neuron(layer=layer, number=neuron, r=r)
            for layer, neuron, r in zip(row["neuron_layers"], row["neurons"], row["neuron_r"], strict=True)
        ],
        coordinates=[
            Coordinate(number=one, r=r)
            for one, r in zip(row["coordinates"], row["coordinate_r"], strict=True)
        ],
        figures=figures,
    )


def _measured(served: ServedSAE) -> tuple[Mapping[int, Row], RelationFigures]:
    found = served.made("relations")
    command = f"monosema relate {served.study.path} --sae {served.name}"
    if found is None:
        raise NotMadeError(
            f"relations of {served.name} were not measured yet", advice=f"make them with: {command}"
        )
    if served.state("relations") == "stale":
        raise RefusedError(
            f"relations/{served.name} are of an earlier SAE or index; make them again with: {command}"
        )

    def opened() -> tuple[Mapping[int, Row], RelationFigures]:
        measured = Measured.read(served.study.open("relations", served.name).path)
        return {row["feature"]: row for row in measured.rows}, _figures(measured.figures)

    return served.kept("relations", found.hash, opened)


def _coactive(row: Row, names: Names | None) -> list[Coactive]:
    together = zip(row["features"], row["phi"], row["together"], strict=True)
    return [
        Coactive(number=number, name=feature_name(names, number), phi=phi, together=count)
        for number, phi, count in together
        if number >= 0
    ]


def _figures(figures: Mapping[str, Any]) -> RelationFigures:
    return RelationFigures(
        features=figures["features"],
        positions=figures["positions"],
        low=figures["low"],
        **{
            f"low_{what}_share": Interval(**figures[f"low_{what}_share"]) for what in ("neuron", "coordinate")
        },
        **{
            f"{what}_{figure}": figures[f"best_{what}_{figure}"][1]  # of the deciles .1, .5, .9
            for what in ("neuron", "coordinate")
            for figure in ("r", "r_by_chance")
        },
    )
