"""The route of distributions: how a statistic is spread over the features of an SAE."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from jaxtyping import Float
from pydantic import Field

from monosema.server.access import Index, Served
from monosema.server.fresh import Unchanged, Versioned
from monosema.server.reading import ReadRoute
from monosema.server.record import Record
from monosema.server.records import Coverage

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["features"], route_class=ReadRoute)
Statistic = Literal["density", "count", "mean", "maximum"]
Scale = Literal["log", "linear"]


class DistributionQuery(Versioned):
    """Of what, and how finely."""

    statistic: Statistic = "density"
    scale: Scale = "log"
    """Whether the bins are equally wide, or as ratios."""
    bins: int = Field(20, ge=1, le=200)


class Distribution(Record):
    """How a statistic is spread over the features that fire in the index."""

    statistic: Statistic
    scale: Scale
    edges: list[float]
    """Of the bins, from the least to the largest value, one more than counts; none where no feature fires."""
    counts: list[int]
    """Features in each bin; a bin holds its lower edge, the last one its upper edge, too."""
    median: float | None
    """Over the features that fire."""
    fires: int
    """Features that fire in the index."""
    dead: int
    """Features that never fire in it; they are in no bin."""
    coverage: Coverage
    """What the index has seen."""


@router.get("/distribution", dependencies=[Unchanged])
def get_distribution(
    served: Served, index: Index, query: Annotated[DistributionQuery, Query()]
) -> Distribution:
    """How a statistic is spread over the features of an SAE."""
    alive = index.table["count"] > 0
    values = np.asarray(index.table[query.statistic], dtype=np.float64)[alive]
    edges = bin_edges_of(values, query.scale, query.bins)
    counts = np.histogram(values, edges)[0] if len(values) else np.zeros(0, dtype=np.int64)
    return Distribution(
        statistic=query.statistic,
        scale=query.scale,
        edges=edges.tolist(),
        counts=counts.tolist(),
        median=float(np.median(values)) if len(values) else None,
        fires=len(values),
        dead=int((~alive).sum()),
        coverage=served.coverage(),
    )


def bin_edges_of(values: Float[np.ndarray, " n"], scale: Scale, bins: int) -> Float[np.ndarray, " edges"]:
    """Edges from the least to the largest of values above 0; where all are equal, one bin that holds them."""
    if not len(values):
        return np.zeros(0)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low, np.nextafter(high, np.inf)])
    edges = np.geomspace(low, high, bins + 1) if scale == "log" else np.linspace(low, high, bins + 1)
    edges[0], edges[-1] = low, high  # exactly, so that the extremes are inside
    return edges
