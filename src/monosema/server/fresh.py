"""ETags: what a client has already is not made again, for as long as no artifact behind it was remade.

An answer is a function of its URL and of the content hashes of the artifacts that it is read from. A client that names
in `v` the version that it goes on from may keep the answer for ever; one whose version is not the present one is told.
"""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from monosema.artifact import digest_json
from monosema.server.access import Served
from monosema.server.errors import ChangedError
from monosema.server.record import Record

FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


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


def unchanged(request: Request, response: Response, served: Served) -> None:
    """Put the ETag on an answer; raise `NotModified` where the client has it, `ChangedError` for an old version."""
    version, asked = served.version, request.query_params.get("v")
    if asked not in (None, version):
        raise ChangedError(f"{served.name} of {served.study.name} was remade: its version is {version} now")
    tag = digest_json([version, request.url.path, request.url.query])[:32]
    headers = {"ETag": f'"{tag}"', "Cache-Control": ASK_AGAIN if asked is None else FOR_EVER}
    given = request.headers.get("if-none-match", "")
    if tag in [one.strip().removeprefix("W/").strip('"') for one in given.split(",")]:
        raise NotModified(headers)
    response.headers.update(headers)


Unchanged: Any = Depends(unchanged)
"""Among the `dependencies` of a route."""


async def _not_modified(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotModified)
    return Response(status_code=304, headers=error.headers)


def add_not_modified(app: FastAPI) -> None:
    """Let `NotModified` end as 304."""
    app.add_exception_handler(NotModified, _not_modified)
