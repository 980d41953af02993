"""JSON lines, plain or gzipped: one object a line; empty lines are skipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from monosema.corpora.formats.record import Record
from monosema.corpora.formats.txt import undecodable
from monosema.errors import DamagedError


def read_jsonl(path: Path) -> Iterator[Record]:
    """Yield one record a line.

    Raises `DamagedError` that names file and line where a line is no UTF-8, no JSON, or no object.
    """
    with path.open("rb") as file:
        yield from _records(path, file)


def read_jsonl_gz(path: Path) -> Iterator[Record]:
    """Yield one record a line of a gzipped file; raises `DamagedError` as `read_jsonl`, or if it is cut off."""
    try:
        with gzip.open(path, "rb") as file:
            yield from _records(path, file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedError(f"{path} is no whole gzip file ({error}); restore it or pack it again") from None


def _records(path: Path, file: Iterable[bytes]) -> Iterator[Record]:
    offset = 0
    for number, raw in enumerate(file, 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise undecodable(path, number, offset + error.start, error) from None
        offset += len(raw)
        if line.strip():
            yield Record(_object(path, number, line), f"line {number}")


def _object(path: Path, number: int, line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} line {number} is no JSON ({error}); mend or remove that line") from None
    if not isinstance(value, dict):
        raise DamagedError(
            f"{path} line {number} is a JSON {type(value).__name__}; expected an object with fields"
        )
    return value
