"""The route of cards: some features by their numbers, each with what a small picture of it needs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from monosema.index import bin_edges
from monosema.server.access import Index, Served
from monosema.server.feature_records import Example, FeatureRow, Histogram
from monosema.server.features import examples_of, strongest_rows
from monosema.server.fresh import Unchanged, Versioned
from monosema.server.record import Record
from monosema.server.records import Coverage
from monosema.server.rows import feature_rows

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["features"])
MOST_CARDS = 200


class CardsQuery(Versioned):
    """Which features."""

    numbers: str = Field(pattern=rf"^\d{{1,9}}(,\d{{1,9}}){{0,{MOST_CARDS - 1}}}$")
    """Their numbers, joined by commas, 200 at most."""


class FeatureCard(FeatureRow):
    """A feature with what a small picture of it needs."""

    histogram: Histogram
    example: Example | None
    """Where it fires most strongly; null where it never fires."""


class FeatureCards(Record):
    """Some features."""

    features: list[FeatureCard]
    """In the order in which they were asked for."""
    version: str
    """Version of the SAE."""
    coverage: Coverage
    """What is told is of."""


@router.get("/cards", dependencies=[Unchanged])
def get_cards(served: Served, index: Index, query: Annotated[CardsQuery, Query()]) -> FeatureCards:
    """Features by their numbers, each with its histogram and its strongest example."""
    numbers = [index.check(int(number)) for number in query.numbers.split(",")]
    edges = bin_edges().tolist()
    cards = []
    for row in feature_rows(served, numbers):
        rows = strongest_rows(index, row.number, 1)
        examples = examples_of(index, rows, index.contexts(row.number, rows))
        histogram = Histogram(edges=edges, counts=index.table.row(row.number)["histogram"].tolist())
        cards.append(FeatureCard(**dict(row), histogram=histogram, example=examples[0] if examples else None))
    return FeatureCards(features=cards, version=served.version, coverage=served.coverage())
