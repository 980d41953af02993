"""The route of search: features by each way that the library has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import torch
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from monosema.index import (
    Accuracy,
    Among,
    FeatureIndex,
    Labelled,
    as_set,
    find_at,
    find_by_activation,
    find_by_direction,
    find_by_labels,
    find_by_statistics,
    find_by_tag,
    find_by_texts,
    find_by_token,
    passing,
    search_meaning,
)
from monosema.index import Candidate as FoundFeature
from monosema.models import LanguageModel
from monosema.pipeline.explore import one_token
from monosema.pipeline.notes import find_by_words
from monosema.server.access import Asking, Index, Served, Studies
from monosema.server.asked import Find, way_of
from monosema.server.catalog import Catalog
from monosema.server.errors import NotReadyError
from monosema.server.feature_records import Candidate, Classifier, Found, Weighted
from monosema.server.presence import Caller
from monosema.server.reading import briefly
from monosema.server.records import Interval
from monosema.server.rows import feature_rows
from monosema.server.served import ServedSAE
from monosema.server.shelf import asked_of

T = TypeVar("T")
router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["search"])


@dataclass(frozen=True)
class _Search:
    studies: Catalog
    served: ServedSAE
    index: FeatureIndex
    asked: Find
    caller: Caller

    def with_model(self, work: Callable[[LanguageModel], T]) -> T:
        return self.studies.with_model(self.served, self.caller, work)

    @cached_property
    def among(self) -> Among:
        """Features that may be offered."""
        where = self.asked.where
        return None if where is None else passing(self.index, where.filter())


Answer = Sequence[FoundFeature] | Labelled


def _by_texts(search: _Search) -> Answer:
    sae, asked, among = search.served.autoencoder(), search.asked, search.among
    return search.with_model(
        lambda model: find_by_texts(
            model, sae, search.index, asked.on or (), asked.off, n=asked.n, among=among
        )
    )


def _by_token(search: _Search) -> Answer:
    token = search.with_model(lambda model: one_token(model, search.asked.token or ""))
    return find_by_token(search.index, token, n=search.asked.n, among=search.among)


def _by_tag(search: _Search) -> Answer:
    return find_by_tag(search.index, search.asked.tag or "", n=search.asked.n, among=search.among)


def _by_words(search: _Search) -> Answer:
    if not search.served.settled:
        raise NotReadyError("features have no words before their index is whole", advice="ask again later")
    notes, asked = search.served.notes(), search.asked
    return find_by_words(search.index.folder, notes, asked.text or "", asked.n, among=search.among)


def _by_meaning(search: _Search) -> Answer:
    asked = search.asked
    return search_meaning(*search.served.meaning(), asked.like or "", asked.n, among=search.among)


def _at(search: _Search) -> Answer:
    sae, asked, among = search.served.autoencoder(), search.asked, search.among
    position = -1 if asked.position is None else asked.position
    return search.with_model(
        lambda model: find_at(model, sae, search.index, asked.at or "", position, n=asked.n, among=among)
    )


def _by_vector(search: _Search) -> Answer:
    find = find_by_activation if search.asked.meant == "activation" else find_by_direction
    vector = torch.tensor(search.asked.vector)
    return find(search.served.autoencoder(), vector, n=search.asked.n, among=search.among)


def _by_statistics(search: _Search) -> Answer:
    where = search.asked.where
    assert where is not None
    return find_by_statistics(search.index, where.filter(), n=search.asked.n)


def _by_labels(search: _Search) -> Answer:
    sae, labelled = search.served.autoencoder(), search.asked.labelled or ()
    texts, labels = [one.text for one in labelled], [int(one.label) for one in labelled]
    seed, among = asked_of(search.served.study).seed, search.among
    return search.with_model(
        lambda model: find_by_labels(
            model, sae, search.index, texts, labels, n=search.asked.n, seed=seed, among=among
        )
    )


FINDERS: Mapping[str, Callable[[_Search], Answer]] = {
    "on": _by_texts,
    "token": _by_token,
    "tag": _by_tag,
    "text": _by_words,
    "like": _by_meaning,
    "at": _at,
    "vector": _by_vector,
    "where": _by_statistics,
    "labelled": _by_labels,
}
"""How each way of a `Find` is gone."""
QUICK = ("tag", "text", "where")
"""Ways that need neither a model nor an SAE."""
AS_SET = ("on", "token", "tag")
"""Ways whose scores say what features share."""


@router.post("/find")
async def find_features(studies: Studies, served: Served, index: Index, caller: Asking, asked: Find) -> Found:
    """Features by exactly one way, best first; `where` says which may be found."""
    way = way_of(asked, tuple(FINDERS))
    find = partial(_found, _Search(studies, served, index, asked, caller), way)
    return await (briefly(served, ("find", way), find) if way in QUICK else run_in_threadpool(find))


def _found(search: _Search, way: str) -> Found:
    answer, served = FINDERS[way](search), search.served
    found = answer.features if isinstance(answer, Labelled) else answer
    rows = feature_rows(served, [one.feature for one in found])
    together = as_set(found) if way in AS_SET else {}
    return Found(
        candidates=[
            Candidate(feature=row, score=one.score, why=one.why) for row, one in zip(rows, found, strict=True)
        ],
        together=[Weighted(number=number, weight=weight) for number, weight in together.items()],
        classifier=_classifier(answer) if isinstance(answer, Labelled) else None,
        coverage=served.coverage(),
    )


def _classifier(found: Labelled) -> Classifier:
    return Classifier(
        accuracy=_interval(found.accuracy),
        single=_interval(found.single),
        best=found.best,
        larger=_interval(found.larger),
        held_out=found.held_out,
        used=found.used,
    )


def _interval(accuracy: Accuracy) -> Interval:
    return Interval(value=accuracy.value, low=accuracy.low, high=accuracy.high)
