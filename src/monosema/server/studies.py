"""Routes of studies and their SAEs. They read manifests only, so that they answer while anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from monosema.artifact import Artifact
from monosema.errors import MonosemaError
from monosema.files import read_json
from monosema.pipeline import STAGES
from monosema.pipeline.finding import MEANING
from monosema.pipeline.table import EVALUATION
from monosema.pipeline.work import PLAN
from monosema.sae import place_of
from monosema.sae.formats.monosema import RECORD
from monosema.server.access import Served, Studies, StudyName
from monosema.server.catalog import Catalog
from monosema.server.figures import evaluation_record
from monosema.server.fresh import UNKEPT, Unchanged, Versioned
from monosema.server.reading import ReadRoute, brief
from monosema.server.records import (
    ArtifactState,
    CorpusSource,
    EvaluationRecord,
    IndexFacts,
    ModelSource,
    SAEList,
    SAERecord,
    SAESummary,
    Setting,
    StudyList,
    StudyRecord,
    StudySummary,
)
from monosema.server.rows import tag_rows
from monosema.server.served import ServedSAE
from monosema.server.shelf import Shelf, Standing, asked_of
from monosema.server.writer import writer_of

router = APIRouter(prefix="/studies", tags=["studies"], route_class=ReadRoute)


@router.get("")
def list_studies(studies: Studies, response: Response) -> StudyList:
    """The studies that are served."""
    response.headers.update(UNKEPT)
    return StudyList(studies=[_listed(studies, name) for name in studies.names])


def _listed(studies: Catalog, name: str) -> StudySummary:
    """A study in the list: a broken one does not take the others down."""
    try:
        opened, _ = studies.study(name)
        saes = list(asked_of(opened).saes)
    except (MonosemaError, OSError) as error:
        return StudySummary(name=name, saes=[], writer=None, error=" ".join(str(error).split()))
    return StudySummary(name=name, saes=saes, writer=writer_of(opened), error=None)


@router.get("/{study}")
@brief
def get_study(studies: Studies, study: StudyName, response: Response) -> StudyRecord:
    """What a study asks and how each of its artifacts stands."""
    response.headers.update(UNKEPT)
    opened, shelf = studies.study(study)
    asked, standing = asked_of(opened), Standing(opened, shelf)
    artifacts = []
    for kind, stage in STAGES.items():
        for name in stage.names(asked):
            found = standing.made(kind, name)
            artifacts.append(
                ArtifactState(
                    kind=kind,
                    name=name,
                    state=standing.state(kind, name),
                    hash=None if found is None else found.hash,
                    made=None if found is None else found.manifest.made,
                )
            )
    return StudyRecord(
        name=study,
        seed=asked.seed,
        minutes=asked.minutes,
        models=[
            _model(name, model.source, standing.made("plan", name), shelf)
            for name, model in asked.models.items()
        ],
        corpora=[
            CorpusSource(name=name, sources=list(corpus.sources)) for name, corpus in asked.corpora.items()
        ],
        saes=list(asked.saes),
        artifacts=artifacts,
        writer=writer_of(opened),
    )


def _model(name: str, source: str, plan: Artifact | None, shelf: Shelf) -> ModelSource:
    facts = (
        {} if plan is None else shelf.get(f"facts of {name}", plan.hash, lambda: read_json(plan.path / PLAN))
    )
    return ModelSource(name=name, source=source, layers=facts.get("n_layers"), d_model=facts.get("d_model"))


@router.get("/{study}/saes")
def list_saes(studies: Studies, study: StudyName, response: Response) -> SAEList:
    """The SAEs of a study, trained or not."""
    response.headers.update(UNKEPT)
    opened, _ = studies.study(study)
    return SAEList(saes=[_summary(studies.sae(study, name)) for name in asked_of(opened).saes])


def _summary(served: ServedSAE) -> SAESummary:
    place, trained = served.asked.place, served.made("sae")
    kind, d_sae = (place.kind, place.d_sae) if trained is None else _kind_and_size(trained)
    return SAESummary(
        name=served.name,
        kind=kind,
        hook=place.at,
        model=place.model,
        corpus=place.corpus,
        d_sae=d_sae,
        sae=served.state("sae"),
        evaluation=served.state("evaluation"),
        index=served.state("index"),
        version=served.version,
    )


def _kind_and_size(trained: Artifact) -> tuple[str, int]:
    """Of an SAE that is there: one that was given, not trained, has them in its own record alone."""
    record = read_json(trained.path / RECORD)
    return record["kind"]["name"], record["config"]["d_sae"]


@router.get("/{study}/saes/{sae}", dependencies=[Unchanged])
def get_sae(served: Served, query: Annotated[Versioned, Query()]) -> SAERecord:
    """An SAE: its settings, its figures with intervals and baselines, the histogram of densities."""
    trained = served.need("sae")
    manifest, (kind, d_sae) = trained.manifest, _kind_and_size(trained)
    return SAERecord(
        name=served.name,
        study=served.study.name,
        kind=kind,
        hook=place_of(manifest.asked["hook"], manifest.asked.get("output")),
        model=served.asked.place.model,
        d_sae=d_sae,
        settings=_settings(manifest.asked),
        measured=_settings(manifest.measured),
        evaluation=_evaluation(served),
        index=_index_facts(served),
        relations=served.state("relations"),
        meanings=served.state(MEANING),
        version=served.version,
    )


def _settings(values: Mapping[str, Any]) -> list[Setting]:
    return [Setting(name=name, value=value) for name, value in values.items()]


def _evaluation(served: ServedSAE) -> EvaluationRecord | None:
    found = served.made("evaluation")
    if found is None or served.state("evaluation") == "stale":
        return None
    return evaluation_record(read_json(found.path / EVALUATION))


def _index_facts(served: ServedSAE) -> IndexFacts | None:
    if served.place is None or (served.place.finished and served.state("index") == "stale"):
        return None
    names, _ = tag_rows(served)
    return IndexFacts(**dict(served.coverage()), tags=len(names))
