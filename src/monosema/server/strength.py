"""The route of how strongly a feature fires: in each tenth of its range, at each token, how often not at its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from monosema.index.codes import NONE
from monosema.index.firing import firings_by_interval, firings_by_token
from monosema.server.access import Index, Served
from monosema.server.features import Number, check_number
from monosema.server.fresh import Unchanged, Versioned
from monosema.server.reading import ReadRoute
from monosema.server.record import Record
from monosema.server.records import Coverage

TOKENS = 30
"""Tokens that are told."""

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["features"], route_class=ReadRoute)


class SilentFigure(Record):
    """A token at which a feature often fires, and where it does not."""

    token: int
    """The first of its `tokens`."""
    text: str
    positions: int
    """Positions of this token at which the feature is silent; examples of the group `silent` are drawn from them."""


class TokenMean(Record):
    """How a feature answers to one token."""

    token: int
    text: str
    count: int
    """Positions of the token at which the feature fires."""
    positions: int
    """All positions of the token."""
    mean: float
    """Mean activation over all of them, those where it is silent among them."""
    share: float
    """Share of the feature's summed activation that is at this token."""


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
    tokens: list[TokenMean]
    """Those with the largest shares, largest first."""
    all_tokens: int
    """How many tokens it fires at."""
    coverage: Coverage
    """What was counted."""


@router.get("/features/{number}/firings", dependencies=[Unchanged])
def get_firings(
    served: Served, index: Index, number: Number, query: Annotated[Versioned, Query()]
) -> Firings:
    """How often a feature fires in each tenth of (0, maximum], how strongly at which tokens, and how often it is silent
    at its own first token."""
    check_number(index, number)
    edges, counts = firings_by_interval(index, number)
    by_token = firings_by_token(index, number)
    text_of, figure = served.text_of(), None
    first = int(index.table.row(number)["tokens"][0])
    if first != NONE:
        silent = (by_token.positions - by_token.count)[by_token.token == first]
        figure = SilentFigure(token=first, text=text_of(first), positions=int(silent[0]))
    return Firings(
        number=number,
        edges=edges.tolist(),
        counts=counts.tolist(),
        silent=figure,
        tokens=[TokenMean(text=text_of(int(row["token"])), **row) for row in by_token.rows(TOKENS)],
        all_tokens=len(by_token.token),
        coverage=served.coverage(),
    )
