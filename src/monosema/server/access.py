"""What routes depend on: the catalog, the SAE that the path names, its index, and who asks.

What is quick is `async`: anything else goes through a thread of its own, which takes longer than it does itself.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from monosema.index import FeatureIndex
from monosema.server.catalog import Catalog
from monosema.server.presence import Caller
from monosema.server.served import ServedSAE

StudyName = Annotated[str, Path(description="Name of a study.")]
SAEName = Annotated[str, Path(description="Name of an SAE of it.")]


async def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


Studies = Annotated[Catalog, Depends(_catalog)]


async def _served(studies: Studies, study: StudyName, sae: SAEName) -> ServedSAE:
    return studies.sae(study, sae)


Served = Annotated[ServedSAE, Depends(_served)]


def _index(served: Served) -> FeatureIndex:
    return served.index()


Index = Annotated[FeatureIndex, Depends(_index)]


async def _caller(
    request: Request,
    x_client: Annotated[
        str | None,
        Header(max_length=64, description="Name of a program, where several ask from one address."),
    ] = None,
) -> Caller:
    address = "" if request.client is None else request.client.host
    return Caller(client=f"{address} {x_client or ''}", presence=request.state.presence)


Asking = Annotated[Caller, Depends(_caller)]
