"""The route of features to begin with: the best ones of the most common tags, then the strongest."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pydantic import Field

from monosema.index import Candidate, FeatureIndex, find_by_tag
from monosema.server.access import Index, Served
from monosema.server.feature_records import FeatureRow
from monosema.server.fresh import Unchanged, Versioned
from monosema.server.reading import ReadRoute
from monosema.server.record import Record
from monosema.server.records import Coverage
from monosema.server.rows import feature_rows, tag_rows

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["features"], route_class=ReadRoute)
MOST = 50
TAGS_A_FEATURE = 2
"""Tags that are looked at for each feature: some share their best one."""


class BeginningsQuery(Versioned):
    """How many."""

    limit: int = Field(8, ge=1, le=MOST)
    """Most features."""


class Beginning(Record):
    """A feature to begin with."""

    feature: FeatureRow
    tag: str | None
    """The tag that it was chosen for; null for one that was chosen for its largest activation."""
    f1: float | None
    """How well its firing tells the spans of that tag."""


class Beginnings(Record):
    """Features to begin with: those of tags by F1, then others by their largest activation."""

    features: list[Beginning]
    version: str
    """Version of the SAE."""
    coverage: Coverage
    """What they were chosen by."""


@router.get("/beginnings", dependencies=[Unchanged])
def list_beginnings(served: Served, index: Index, query: Annotated[BeginningsQuery, Query()]) -> Beginnings:
    """Features to begin with: the best one of each of the most common tags, else those that fire most strongly."""
    names, rows = tag_rows(served)
    common = np.argsort(-rows, kind="stable")[: TAGS_A_FEATURE * query.limit]
    chosen = _of_tags(index, [names[tag] for tag in common])[: query.limit]
    others = _strongest(index, query.limit, without=[one.feature for _, one in chosen])
    features = feature_rows(served, [*(one.feature for _, one in chosen), *others])
    reasons: list[tuple[str, float] | tuple[None, None]] = [(tag, one.score) for tag, one in chosen]
    reasons += [(None, None)] * len(others)
    return Beginnings(
        features=[
            Beginning(feature=feature, tag=tag, f1=f1)
            for feature, (tag, f1) in list(zip(features, reasons, strict=True))[: query.limit]
        ],
        version=served.version,
        coverage=served.coverage(),
    )


def _of_tags(index: FeatureIndex, tags: list[str]) -> list[tuple[str, Candidate]]:
    """The best feature of each tag, by F1; one that is the best of several is there once, for the one it fits best."""
    found = [(tag, one) for tag in tags for one in find_by_tag(index, tag, n=1)]
    found.sort(key=lambda pair: -pair[1].score)
    once: dict[int, tuple[str, Candidate]] = {}
    for tag, one in found:
        once.setdefault(one.feature, (tag, one))
    return list(once.values())


def _strongest(index: FeatureIndex, n: int, *, without: list[int]) -> list[int]:
    """Living features by their largest activation."""
    order = np.argsort(-np.asarray(index.table["maximum"], dtype=np.float64), kind="stable")
    order = order[(index.table["count"] > 0)[order] & ~np.isin(order, without)]
    found: list[int] = order[:n].tolist()
    return found
