"""The route of search: features by texts, by a token, by a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from monosema.errors import UsageError
from monosema.index import Candidate as FoundFeature
from monosema.index import FeatureIndex, as_set, find_by_tag, find_by_texts, find_by_token
from monosema.pipeline.explore import one_token
from monosema.server.access import Index, Served, Studies
from monosema.server.catalog import Catalog, ServedSAE
from monosema.server.feature_records import Candidate, Found, Weighted
from monosema.server.features import feature_row
from monosema.server.record import Record, Text

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["search"])
MOST_TEXTS = 32
Words = Annotated[Text, StringConstraints(min_length=1)]


class Find(Record):
    """What to find features by: texts, a token, or a tag; exactly one of them."""

    on: list[Words] = Field(default=[], max_length=MOST_TEXTS)
    """Texts that should fire it."""
    off: list[Words] = Field(default=[], max_length=MOST_TEXTS)
    """Texts that should not; beside `on` only."""
    token: Words | None = None
    """A text that is one token (mind the blank before a word)."""
    tag: Words | None = None
    """A tag in whose spans it should fire."""
    n: int = Field(10, ge=1, le=100)
    """Most candidates."""


@router.post("/find")
def find_features(studies: Studies, served: Served, index: Index, asked: Find) -> Found:
    """Features by texts, a token or a tag, best first."""
    if sum([bool(asked.on), asked.token is not None, asked.tag is not None]) != 1:
        raise UsageError("give one thing to find by: on (and off), token, or tag")
    if asked.off and not asked.on:
        raise UsageError("off stands beside on only; give texts that should fire the feature, too")
    found = _find(studies, served, index, asked)
    text_of = served.text_of()
    return Found(
        candidates=[
            Candidate(feature=feature_row(index, one.feature, text_of), score=one.score, why=one.why)
            for one in found
        ],
        together=[Weighted(number=number, weight=weight) for number, weight in as_set(found).items()],
    )


def _find(studies: Catalog, served: ServedSAE, index: FeatureIndex, asked: Find) -> Sequence[FoundFeature]:
    if asked.tag is not None:
        return find_by_tag(index, asked.tag, n=asked.n)
    with studies.model(served) as model:
        if asked.token is not None:
            return find_by_token(index, one_token(model, asked.token), n=asked.n)
        return find_by_texts(model, served.autoencoder(), index, asked.on, asked.off, n=asked.n)
