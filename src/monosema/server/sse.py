"""Server-sent events: records as they are made, an error as the last of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from fastapi.responses import StreamingResponse

from monosema.errors import MonosemaError
from monosema.server.record import Record

EVENTS = "text/event-stream"
DONE = "data: [DONE]\n\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""No proxy keeps them back."""


def streamed(*records: type[Record]) -> dict[int | str, dict[str, Any]]:
    """Among the `responses` of a route that can stream these records."""
    kinds = [{"$ref": f"#/components/schemas/{record.__name__}"} for record in records]
    return {200: {"content": {EVENTS: {"schema": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}}}}


def events_answer(
    records: Iterator[Record], error_of: Callable[[MonosemaError], Record], end: str = ""
) -> StreamingResponse:
    """An answer of one event a record."""

    def events() -> Iterator[str]:
        try:
            for record in records:
                yield _event(record)
        except MonosemaError as error:
            yield _event(error_of(error))
        yield end

    return StreamingResponse(events(), media_type=EVENTS, headers=HEADERS)


def _event(record: Record) -> str:
    """What was not said of a record is left out: other programs' clients take a null for a value."""
    said = record.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return f"data: {json.dumps(said, ensure_ascii=False)}\n\n"
