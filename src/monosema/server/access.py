"""What routes depend on: the catalog, the SAE that the path names, its index, and who asks.

What is quick is `async`: anything else goes through a thread of its own, which takes longer than it does itself. None
depends on another by `Depends`: FastAPI solves all below a dependency again wherever one is named, and that too took
longer than they do.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request
from fastapi.concurrency import run_in_threadpool

from monosema.index import FeatureIndex
from monosema.server.catalog import Catalog
from monosema.server.presence import Caller
from monosema.server.served import ServedSAE

StudyName = Annotated[str, Path(description="Name of a study.")]
SAEName = Annotated[str, Path(description="Name of an SAE of it.")]


def catalog_of(request: Request) -> Catalog:
    """The studies that the application of a request serves."""
    catalog: Catalog = request.app.state.catalog
    return catalog


async def _catalog(request: Request) -> Catalog:
    return catalog_of(request)


Studies = Annotated[Catalog, Depends(_catalog)]


async def _served(request: Request, study: StudyName, sae: SAEName) -> ServedSAE:
    return served_of(request)  # the names stand here for the description of the API


Served = Annotated[ServedSAE, Depends(_served)]


def served_of(request: Request) -> ServedSAE:
    """The SAE that the path of a request names, one object for all of it. Raises `NotFoundError` with the nearest."""
    found: ServedSAE | None = getattr(request.state, "served", None)
    if found is None:
        names = (request.path_params[name] for name in ("study", "sae"))
        found = request.state.served = catalog_of(request).sae(*names)
    return found


async def _index(request: Request) -> FeatureIndex:
    served = served_of(request)
    found = served.open_index()
    return await run_in_threadpool(served.index) if found is None else found


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
