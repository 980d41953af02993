"""`create_app`: the routers, the guard and the one shape of errors put together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

import monosema
from monosema.server import features, maps, prompts, relations, search, studies
from monosema.server.catalog import Catalog
from monosema.server.errors import ErrorBody, add_errors
from monosema.server.fresh import add_not_modified
from monosema.server.guard import Guard
from monosema.server.records import Health

PREFIX = "/api/v1"
ROUTERS: Sequence[APIRouter] = (
    studies.router,
    features.router,
    relations.router,
    search.router,
    prompts.router,
    maps.router,
)
"""One for each group of routes; a new group is one file and one entry."""
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "Asked wrongly, not there, or not made yet"},
    "5XX": {"model": ErrorBody, "description": "Damaged files, no memory, or a bug"},
}


def create_app(folders: Sequence[Path | str]) -> FastAPI:
    """The HTTP API of studies, by the names of their folders.

    Nothing is read but their settings until it is asked for. Raises `UsageError` where a folder is no study or two have
    the same name.
    """
    app = FastAPI(
        title="Monosema",
        version=monosema.__version__,
        description="Features of language models: what was made and measured in studies on this machine. Read-only.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the pages that come with it load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation,
        separate_input_output_schemas=False,
        responses=ERRORS,
    )
    app.state.catalog = Catalog([Path(folder) for folder in folders])
    add_errors(app)
    add_not_modified(app)
    app.add_middleware(Guard)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.add_api_route("/healthz", health, methods=["GET"], tags=["server"], response_model=Health)
    return app


def health() -> Health:
    """Whether the server answers."""
    return Health(version=monosema.__version__)


def _operation(route: Any) -> str:
    """The name of a route's function; FastAPI gives an `APIRoute`, or what stands for one."""
    return str(route.name)
