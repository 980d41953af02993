"""The shape that errors have on the OpenAI-compatible routes."""

from __future__ import annotations

from typing import Literal

from monosema.server.record import Record

PATHS = ("/v1/models", "/v1/completions", "/v1/chat/")
"""How their paths begin."""
TOO_MANY = 429


class OpenAIProblem(Record):
    """What went wrong, in OpenAI's shape."""

    message: str
    """One line, with what to do where that is known."""
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    param: str | None
    """Field of the request."""
    code: str
    """Our own type of error."""


class OpenAIErrorBody(Record):
    """The body of every answer of these routes that is no success."""

    error: OpenAIProblem


def openai_body(
    status: int, code: str, message: str, advice: str | None = None, param: str | None = None
) -> OpenAIErrorBody:
    """An error in that shape."""
    kind: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    kind = (
        "rate_limit_error"
        if status == TOO_MANY
        else "invalid_request_error"
        if status < 500
        else "server_error"
    )
    said = message if advice is None else f"{message}; {advice}"
    return OpenAIErrorBody(error=OpenAIProblem(message=said, type=kind, param=param, code=code))
