"""The route of how strongly a feature fires: how often in each tenth of its range, how often not at its own token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from monosema.index.firing import firings_by_interval, silent_at_its_token
from monosema.server.access import Index, Served
from monosema.server.features import Number, check_number
from monosema.server.fresh import Unchanged, Versioned
from monosema.server.reading import ReadRoute
from monosema.server.record import Record
from monosema.server.records import Coverage

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["features"], route_class=ReadRoute)


class SilentFigure(Record):
    """A token at which a feature often fires, and where it does not."""

    token: int
    """The first of its `tokens`."""
    text: str
    positions: int
    """Positions of this token at which the feature is silent; examples of the group `silent` are drawn from them."""


class Firings(Record):
    """How often a feature fires how strongly."""

    number: int
    edges: list[float]
    """Of the tenths of (0, maximum], one more than counts; the maximum is that of the stored activations, which differ
    from the exact ones by 1.7e-4 of their size at most."""
    counts: list[int]
    """Positions at which it fires in each tenth; the examples of the groups `interval` are drawn from them."""
    silent: SilentFigure | None
    """Null for a feature that never fires."""
    coverage: Coverage
    """What was counted."""


@router.get("/features/{number}/firings", dependencies=[Unchanged])
def get_firings(
    served: Served, index: Index, number: Number, query: Annotated[Versioned, Query()]
) -> Firings:
    """How often a feature fires in each tenth of (0, maximum], and how often it is silent at its own first token."""
    check_number(index, number)
    edges, counts = firings_by_interval(index, number)
    silent = silent_at_its_token(index, number, 0)
    figure = None
    if silent.token >= 0:
        text = served.text_of()(silent.token)
        figure = SilentFigure(token=silent.token, text=text, positions=silent.positions)
    return Firings(
        number=number,
        edges=edges.tolist(),
        counts=counts.tolist(),
        silent=figure,
        coverage=served.coverage(),
    )
