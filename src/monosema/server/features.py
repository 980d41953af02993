"""Routes of features: lists, whole records, examples, contexts, concepts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query
from pydantic import Field

from monosema.errors import UsageError
from monosema.index import Context, FeatureIndex, bin_edges
from monosema.index.codes import NONE
from monosema.index.firing import silent_at_its_token
from monosema.index.index import AFTER, BEFORE
from monosema.index.reduce import INTERVALS, QUANTILES
from monosema.pipeline.notes import Note
from monosema.server.access import Index, Served
from monosema.server.errors import NotFoundError
from monosema.server.feature_records import (
    Concept,
    Concepts,
    DocumentTag,
    Example,
    Examples,
    FeaturePage,
    FeatureRecord,
    Group,
    Histogram,
    Neighbour,
    TokenLogit,
)
from monosema.server.fresh import Unchanged, Versioned
from monosema.server.listing import FeaturesQuery, page, select
from monosema.server.reading import ReadRoute, brief
from monosema.server.rows import feature_name, feature_rows, name_record, tag_figures, tag_rows

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["features"], route_class=ReadRoute)
Number = Annotated[int, Path(description="Number of a feature.")]
COLUMNS = {
    "top": ("top_rows", 1),
    "interval": ("sample_rows", INTERVALS),
    "quantile": ("quantile_rows", QUANTILES),
}
"""Groups of examples: the column with their rows, and how many parts it has."""
MOST_AROUND = 256
"""Tokens on one side of a context."""


@router.get("/features", dependencies=[Unchanged])
def list_features(served: Served, index: Index, query: Annotated[FeaturesQuery, Query()]) -> FeaturePage:
    """Features by their statistics, tags and tokens, a page at a time."""
    numbers = select(index, query, served.text_of())
    version = served.version
    shown, after = page(numbers, query, version)
    return FeaturePage(
        features=feature_rows(served, shown.tolist()),
        total=len(numbers),
        next=after,
        version=version,
        coverage=served.coverage(),
    )


@router.get("/features/{number}", dependencies=[Unchanged])
@brief
def get_feature(
    served: Served, index: Index, number: Number, query: Annotated[Versioned, Query()]
) -> FeatureRecord:
    """All that is known of a feature."""
    check_number(index, number)
    known, names = index.feature(number), served.names()
    (row,) = feature_rows(served, [number])
    said = served.notes().get(number, Note())
    return FeatureRecord(
        **dict(row),
        by_rule=name_record(names.by_rule(number)) if names is not None and said.name else None,
        note=said.text,
        histogram=Histogram(edges=bin_edges().tolist(), counts=list(known.histogram)),
        promoted=[TokenLogit(text=text, logit=logit) for text, logit in known.promoted],
        suppressed=[TokenLogit(text=text, logit=logit) for text, logit in known.suppressed],
        neighbours=[
            Neighbour(number=other, name=feature_name(names, other), cosine=cosine)
            for other, cosine in known.neighbours
        ],
        tags=tag_figures(served, number),
        coverage=served.coverage(),
    )


def check_number(index: FeatureIndex, number: int) -> None:
    """Raise `NotFoundError` for a feature that is not there."""
    try:
        index.check(number)
    except UsageError as error:
        raise NotFoundError(str(error)) from None


class ExamplesQuery(Versioned):
    """Which examples."""

    group: Group = "top"
    limit: int = Field(20, ge=1, le=100)
    """Most examples; an index keeps some tens of each group."""
    before: int = Field(BEFORE, ge=0, le=MOST_AROUND)
    """Tokens before the peak."""
    after: int = Field(AFTER, ge=0, le=MOST_AROUND)
    """Tokens after it."""


@router.get("/features/{number}/examples", dependencies=[Unchanged])
@brief
def get_examples(
    served: Served, index: Index, number: Number, query: Annotated[ExamplesQuery, Query()]
) -> Examples:
    """Where a feature fires: most strongly, or at random within a tenth of (0, maximum] or a fifth of its firings; and
    where it is silent although its first token stands there."""
    check_number(index, number)
    limits = {query.group: query.limit}
    return Examples(
        feature=number,
        group=query.group,
        maximum=index.maximum(number),
        examples=examples_by_group(index, number, limits, before=query.before, after=query.after)[
            query.group
        ],
        coverage=served.coverage(),
    )


def examples_by_group(
    index: FeatureIndex, number: int, limits: Mapping[Group, int], *, before: int, after: int
) -> dict[Group, list[Example]]:
    """At most so many examples of each group of a feature; one that stands in several is read once."""
    rows = {group: _rows(index, number, group, limit) for group, limit in limits.items()}
    once = list(dict.fromkeys(chain.from_iterable(rows.values())))
    contexts = index.contexts(number, once, before=before, after=after)
    read = dict(zip(once, examples_of(index, once, contexts), strict=True))
    return {group: [read[row] for row in some] for group, some in rows.items()}


def strongest_rows(index: FeatureIndex, number: int, limit: int) -> list[int]:
    """Rows of the largest activations of a feature, largest first."""
    return _rows(index, number, "top", limit)


def _rows(index: FeatureIndex, number: int, group: Group, limit: int) -> list[int]:
    if group == "silent":
        return silent_at_its_token(index, number, limit).rows.tolist()
    name, _, part = group.partition(":")
    column, parts = COLUMNS[name]
    rows = index.table.row(number)[column].reshape(parts, -1)[int(part or 0)]
    return [int(row) for row in rows if row != NONE][:limit]


def examples_of(index: FeatureIndex, rows: list[int], contexts: list[Context]) -> list[Example]:
    """Rows of an index, and what stands around each, as records."""
    positions = index.places(rows)[:, 1].tolist()
    return [
        Example(
            document=one.document,
            position=position,
            source=one.source,
            tags=[DocumentTag(name=name, value=_text(value)) for name, value in one.tags.items()],
            tokens=list(one.tokens),
            activations=list(one.activations),
            peak=one.peak,
        )
        for one, position in zip(contexts, positions, strict=True)
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class ContextQuery(Versioned):
    """A place at which the feature fires, and how much around it."""

    document: int = Field(ge=0)
    """Number of the document, as examples tell it."""
    position: int = Field(ge=0)
    """Offset of the token in it."""
    before: int = Field(64, ge=0, le=MOST_AROUND)
    after: int = Field(64, ge=0, le=MOST_AROUND)


@router.get("/features/{number}/context", dependencies=[Unchanged])
def get_context(
    served: Served, index: Index, number: Number, query: Annotated[ContextQuery, Query()]
) -> Example:
    """More of the text around one place at which a feature fires."""
    check_number(index, number)
    fired, _ = index.postings(number)
    places = index.places(fired)  # [n, 3]
    here = np.flatnonzero((places[:, 0] == query.document) & (places[:, 1] == query.position))
    if not len(here):
        raise NotFoundError(
            f"feature {number} does not fire at position {query.position} of document {query.document}"
        )
    rows = [int(fired[here[0]])]
    contexts = index.contexts(number, rows, before=query.before, after=query.after)
    return examples_of(index, rows, contexts)[0]


@router.get("/concepts", dependencies=[Unchanged])
def list_concepts(served: Served, query: Annotated[Versioned, Query()]) -> Concepts:
    """The tags that stand in the text of an index."""
    names, rows = tag_rows(served)
    order = np.argsort(-rows, kind="stable")
    return Concepts(
        concepts=[Concept(tag=names[tag], positions=int(rows[tag])) for tag in order],
        coverage=served.coverage(),
    )
