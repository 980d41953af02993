"""`create_app`: the routers, the guard and the one shape of errors put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

import monosema
from monosema.server import (
    beginnings,
    cards,
    chances,
    completions,
    directions,
    distribution,
    doses,
    features,
    maps,
    neuronpedia,
    neuronpedia_activation,
    neuronpedia_steer,
    notes,
    operating,
    pages,
    prompts,
    relations,
    runs,
    search,
    strength,
    studies,
    truth,
)
from monosema.server.catalog import Catalog
from monosema.server.completion_records import ChatChunk
from monosema.server.door import Door
from monosema.server.errors import ErrorBody, add_errors
from monosema.server.fresh import add_not_modified
from monosema.server.guard import Guard
from monosema.server.kept import Kept
from monosema.server.observing import Figures, Observed
from monosema.server.pages import WEB, Pages
from monosema.server.presence import Watched
from monosema.server.record import Record

PREFIX = "/api/v1"
ROUTERS: Sequence[APIRouter] = (
    studies.router,
    distribution.router,
    cards.router,
    features.router,
    beginnings.router,
    notes.router,
    strength.router,
    directions.router,
    relations.router,
    search.router,
    prompts.router,
    chances.router,
    doses.router,
    truth.router,
    maps.router,
    runs.router,
)
"""One for each group of routes; a new group is one file and one entry."""
PROTOCOLS: Sequence[APIRouter] = (
    completions.router,
    neuronpedia.router,
    neuronpedia_activation.router,
    neuronpedia_steer.router,
)
"""Those of other programs' protocols, each where such programs look for it."""
STREAMED: Sequence[type[Record]] = (ChatChunk,)
"""Records of streams alone."""
SILENT: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""What FastAPI may tell others of requests: nothing, whatever the environment says. Our own is in observing.py."""
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "Asked wrongly, not there, or not made yet"},
    "5XX": {"model": ErrorBody, "description": "Damaged files, no memory, or a bug"},
}


def create_app(
    folders: Sequence[Path | str], *, door: Door | None = None, log_prompts: bool = False, web: Path = WEB
) -> FastAPI:
    """The HTTP API of studies, by the names of their folders.

    Nothing is read but their settings until it is asked for. `door`: who may come in; None: this machine.
    `log_prompts`: whether the lines of `observing.LOG` tell what was asked. `web`: folder of the built pages. Raises
    `UsageError` where a folder is no study or two have the same name.
    """
    door = door or Door()
    catalog = Catalog([Path(folder) for folder in folders])

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        catalog.models.leave()

    app = _App(
        lifespan=lifespan,
        title="Monosema",
        version=monosema.__version__,
        description="Features of language models: what was made and measured in studies on this machine. "
        "It writes nothing but what people note about features.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the pages that come with it load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation,
        separate_input_output_schemas=False,
        responses=ERRORS,
        telemetry=SILENT,
    )
    app.state.catalog, app.state.door, app.state.pages = catalog, door, Pages(web)
    add_errors(app)
    add_not_modified(app)
    _add_guards(app, catalog, door, log_prompts)
    app.include_router(_joined(PROTOCOLS))
    app.include_router(_joined(ROUTERS), prefix=PREFIX)
    app.include_router(operating.router)
    app.include_router(pages.router)  # the last one: its paths are whatever is left
    return app


def _joined(routers: Sequence[APIRouter]) -> APIRouter:
    """The routes of all in one: each router that an app includes is gone through for each request."""
    return APIRouter(routes=[route for router in routers for route in router.routes])


def _add_guards(app: FastAPI, catalog: Catalog, door: Door, log_prompts: bool) -> None:
    """What stands before all routes; the last one is the outermost."""
    figures = app.state.figures = Figures(
        {
            "monosema_models_held": ("Models in memory.", lambda: catalog.models.held),
            "monosema_model_waiting": ("Requests that wait for a model.", lambda: catalog.models.waiting),
        }
    )
    app.add_middleware(Watched)
    app.add_middleware(Kept)
    app.add_middleware(Guard, door=door)
    app.add_middleware(Observed, figures=figures, log_prompts=log_prompts)


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Its description, with the records of streams, which FastAPI does not look for."""
        described = super().openapi()
        schemas = described["components"]["schemas"]
        for record in STREAMED:
            own = record.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= own.pop("$defs", {}) | {record.__name__: own}
        return described


def _operation(route: Any) -> str:
    """The name of a route's function; FastAPI gives an `APIRoute`, or what stands for one."""
    return str(route.name)
