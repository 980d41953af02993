"""What routes depend on: the catalog, the SAE that the path names, and its index."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from monosema.index import FeatureIndex
from monosema.server.catalog import Catalog
from monosema.server.served import ServedSAE

StudyName = Annotated[str, Path(description="Name of a study.")]
SAEName = Annotated[str, Path(description="Name of an SAE of it.")]


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


Studies = Annotated[Catalog, Depends(_catalog)]


def _served(studies: Studies, study: StudyName, sae: SAEName) -> ServedSAE:
    return studies.sae(study, sae)


Served = Annotated[ServedSAE, Depends(_served)]


def _index(served: Served) -> FeatureIndex:
    return served.index()


Index = Annotated[FeatureIndex, Depends(_index)]
