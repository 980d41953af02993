"""ETags: what a client has already is not made again, for as long as no artifact behind it was remade.

An answer is a function of its URL and of the content hashes of the artifacts that it is read from. A client that names
in `v` the version that it goes on from may keep the answer for ever; one whose version is not the present one is told.
Of an index that is still being made the version changes with each part, and nothing is kept without asking again.
"""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from monosema.files import digest_json
from monosema.server.access import catalog_of, served_of
from monosema.server.errors import ChangedError
from monosema.server.kept import Source
from monosema.server.record import Record

FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
UNKEPT = {"Cache-Control": "no-store"}
"""Headers of what tells how work stands."""


class Versioned(Record):
    """The query of what depends on finished artifacts alone."""

    v: str | None = None
    """Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
    the present one may be kept for ever."""


class NotModified(Exception):  # noqa: N818 (it is no failure)
    """The client has it."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


def freshness(
    request: Request, version: str, *, what: str, settled: bool = True, form: str = "json"
) -> dict[str, str]:
    """Headers of an answer in one form to a version of something.

    `settled`: whether only remaking changes it. Raises `NotModified` where the client has it, `ChangedError` for an old
    version.
    """
    asked = request.query_params.get("v")
    if asked not in (None, version):
        raise ChangedError(f"{what} was remade or has grown: its version is {version} now")
    tag = digest_json([version, request.url.path, request.url.query, form])[:32]
    headers = {
        "ETag": f'"{tag}"' if settled else f'W/"{tag}"',
        "Cache-Control": FOR_EVER if settled and asked is not None else ASK_AGAIN,
    }
    given = request.headers.get("if-none-match", "")
    if tag in [one.strip().removeprefix("W/").strip('"') for one in given.split(",")]:
        raise NotModified(headers)
    return headers


async def unchanged(request: Request, response: Response) -> None:
    """Put the ETag of an SAE's version on an answer, and let it be kept."""
    served = served_of(request)
    what, version = f"{served.name} of {served.study.name}", served.version
    response.headers.update(freshness(request, version, what=what, settled=served.settled))
    if served.settled:
        catalog = catalog_of(request)
        study, sae = request.path_params["study"], served.name
        request.state.source = Source(version=version, present=lambda: catalog.sae(study, sae).version)


Unchanged: Any = Depends(unchanged)
"""Among the `dependencies` of a route."""


async def _not_modified(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotModified)
    return Response(status_code=304, headers=error.headers)


def add_not_modified(app: FastAPI) -> None:
    """Let `NotModified` end as 304."""
    app.add_exception_handler(NotModified, _not_modified)
