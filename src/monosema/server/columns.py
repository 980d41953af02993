"""Long columns as answers: JSON that is written piece by piece, or an Arrow stream for whoever asks for one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

ARROW = "application/vnd.apache.arrow.stream"
CHUNK = 1 << 16
"""Values that are written at once."""
ARROW_TOO: dict[int | str, dict[str, Any]] = {
    200: {"content": {ARROW: {"schema": {"type": "string", "format": "binary"}}}}
}
"""Among the `responses` of a route."""


def wants_arrow(request: Request) -> bool:
    """Whether the client names Arrow among what it accepts."""
    kinds = request.headers.get("accept", "").split(",")
    return ARROW in [kind.partition(";")[0].strip().lower() for kind in kinds]


def form_of(request: Request) -> str:
    """Which form the answer has, for its ETag."""
    return "arrow" if wants_arrow(request) else "json"


def arrow(head: Mapping[str, Any], table: pa.Table, headers: Mapping[str, str]) -> Response:
    """A table as an Arrow stream; what else is told is JSON among its metadata, under "monosema"."""
    about = table.replace_schema_metadata({"monosema": json.dumps(head, ensure_ascii=False)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, about.schema) as stream:
        stream.write_table(about, max_chunksize=CHUNK)
    return Response(sink.getvalue().to_pybytes(), media_type=ARROW, headers={**headers, "Vary": "Accept"})


def compact_json(
    head: Mapping[str, Any], columns: Mapping[str, np.ndarray], headers: Mapping[str, str]
) -> Response:
    """One JSON object: what is in `head`, then each column as an array.

    NaN and integers below 0 are null; what is no integer has 6 figures.
    """
    return StreamingResponse(
        _pieces(head, columns), media_type="application/json", headers={**headers, "Vary": "Accept"}
    )


def _pieces(head: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> Iterator[str]:
    yield "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in head.items())
    for name, column in columns.items():
        yield f",{json.dumps(name)}:["
        for start in range(0, len(column), CHUNK):
            yield ("," if start else "") + ",".join(_values(column[start : start + CHUNK]))
        yield "]"
    yield "}"


def _values(column: np.ndarray) -> Iterator[str]:
    if column.dtype.kind == "i":
        return ("null" if value < 0 else str(value) for value in column.tolist())
    return ("null" if math.isnan(value) else format(value, ".6g") for value in column.tolist())
