"""Routes for whoever runs the server: whether it answers, its figures, a link for one more browser.

All are `async`, so that they answer also while every thread of the server is at work.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

import monosema
from monosema.errors import RefusedError
from monosema.server.door import Door
from monosema.server.fresh import UNKEPT
from monosema.server.observing import Figures
from monosema.server.records import Health, Link

router = APIRouter(tags=["server"])
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz")
async def health() -> Health:
    """Whether the server answers."""
    return Health(version=monosema.__version__)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Counts, times and gauges for Prometheus."""
    figures: Figures = request.app.state.figures
    return Response(figures.text(), media_type=PROMETHEUS)


@router.post("/api/v1/link")
async def make_link(request: Request, response: Response) -> Link:
    """A link that lets one more browser in; for whoever knows the token, or is in already."""
    response.headers.update(UNKEPT)
    door: Door = request.app.state.door
    if not door.is_locked:
        raise RefusedError("this server asks for no token: a browser on this machine needs no link")
    return Link(path=door.link())
