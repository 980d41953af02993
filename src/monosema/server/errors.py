"""Every error leaves the server in one shape, with one status for each class.

A `MonosemaError` is written for people and is passed on. Anything else is a bug: a line of the log says where, and the
answer tells nothing of the inside.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from monosema.errors import (
    DamagedError,
    MonosemaError,
    RefusedError,
    ResourceError,
    UsageError,
    lookup,
)
from monosema.server.observing import LOG
from monosema.server.openai_errors import PATHS, openai_body
from monosema.server.record import Record

T = TypeVar("T")

# fmt: off
ErrorType = Literal[
    "invalid", "unauthorized", "forbidden", "not_found", "not_allowed", "not_ready", "changed", "refused", "too_large",
    "damaged", "failed", "busy", "late", "gone", "internal",
]
# fmt: on
MOST_PLACES = 12
"""Lines of code that are told of a bug, the innermost ones."""
INPUT_SHOWN = 60
"""Characters of a wrong value that are told."""


class Problem(Record):
    """What went wrong."""

    type: ErrorType
    """For programs; each has one status."""
    message: str
    """One line for people: what, with the value seen, and what was expected."""
    advice: str | None = None
    """What to do, where that is known."""


class ErrorBody(Record):
    """The body of every answer that is no success."""

    error: Problem


class NotFoundError(UsageError):
    """The path names something that is not there."""


class NotMadeError(NotFoundError):
    """The path names what no run makes by itself, and nobody has made it."""

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class NotReadyError(RefusedError):
    """It was not made yet."""

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class ChangedError(RefusedError):
    """The client goes on from something that was remade since."""

    advice = "load it again from its beginning"


class BusyError(ResourceError):
    """Too many wait for the model, or for too long."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.advice = f"ask again in {retry_after} s"


class LateError(ResourceError):
    """The model worked for too long."""

    advice = "ask for less: fewer tokens, a shorter text"


class GoneError(MonosemaError):
    """Nobody waits for the answer any more."""


KINDS: Mapping[type[MonosemaError], tuple[int, ErrorType]] = {
    NotFoundError: (404, "not_found"),
    NotReadyError: (409, "not_ready"),
    ChangedError: (409, "changed"),
    RefusedError: (409, "refused"),
    UsageError: (422, "invalid"),
    BusyError: (429, "busy"),
    LateError: (504, "late"),
    ResourceError: (503, "failed"),
    DamagedError: (500, "damaged"),
    GoneError: (499, "gone"),
    MonosemaError: (500, "failed"),
}
OF_STATUS: Mapping[int, ErrorType] = {
    404: "not_found",
    405: "not_allowed",
    408: "late",
    413: "too_large",
}


def known(table: Mapping[str, T], name: str, what: str) -> T:
    """`table[name]` for a name in a path; raise `NotFoundError` with the nearest one."""
    try:
        return lookup(table, name, what)
    except UsageError as error:
        raise NotFoundError(str(error)) from None


def kind_of(error: MonosemaError) -> tuple[int, ErrorType]:
    """Status and type of an error."""
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def answer(status: int, type_: ErrorType, message: str, advice: str | None = None) -> JSONResponse:
    """The one shape of errors."""
    body = ErrorBody(error=Problem(type=type_, message=" ".join(message.split()), advice=advice))
    return JSONResponse(jsonable_encoder(body, exclude_none=True), status)


def _shaped(
    request: Request,
    status: int,
    type_: ErrorType,
    message: str,
    advice: str | None = None,
    param: str | None = None,
) -> JSONResponse:
    """The one shape, or that of the protocol that the path belongs to."""
    if request.url.path.startswith(PATHS):
        body = openai_body(status, type_, " ".join(message.split()), advice, param)
        return JSONResponse(jsonable_encoder(body), status)
    return answer(status, type_, message, advice)


async def _of_ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MonosemaError)
    found = _shaped(request, *kind_of(error), str(error), getattr(error, "advice", None))
    if isinstance(error, BusyError):
        found.headers["Retry-After"] = str(error.retry_after)
    return found


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    found = _shaped(request, error.status_code, OF_STATUS.get(error.status_code, "invalid"), error.detail)
    found.headers.update(error.headers or {})
    return found


async def _of_input(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"][1:]) or None
    return _shaped(request, 422, "invalid", _sentence(first), param=param)


def _sentence(first: Mapping[str, Any]) -> str:
    """The first thing that is wrong with a request, in one line."""
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return f"the body is no JSON: {first['ctx']['error']}"
    if first["type"] == "missing":
        return f"{where} is missing"
    if first["type"] == "extra_forbidden":
        return f"{where} is not known here"
    reason = str(first["msg"]).removeprefix("Value error, ")
    seen = ascii(first["input"])  # a wrong value may hold what no JSON can
    seen = seen if len(seen) <= INPUT_SHOWN else f"{seen[:INPUT_SHOWN]}..."
    return f"{where} is {seen}; {reason[:1].lower()}{reason[1:]}"


async def _of_bug(request: Request, error: Exception) -> JSONResponse:
    # not its message, which may hold what somebody wrote
    places = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)]
    LOG.error(json.dumps({"fault": type(error).__name__, "at": places[-MOST_PLACES:]}))
    return _shaped(request, 500, "internal", "the server failed; its log says where")


def add_errors(app: FastAPI) -> None:
    """Let every error of an app end in the one shape."""
    app.add_exception_handler(MonosemaError, _of_ours)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_input)
    app.add_exception_handler(Exception, _of_bug)
