"""Plain text: cut at blank lines into documents of at least 2,000 characters.

A shorter file is one document; a book becomes some hundreds, so that every split gets some. Blank lines between
documents are dropped, all others stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from monosema.corpora.formats.record import Record
from monosema.errors import DamagedError

LEAST = 2000


def read_txt(path: Path) -> Iterator[Record]:
    """Yield a record with field `text` for each document of a UTF-8 file.

    Raises `DamagedError` that names file, line and byte where the bytes are no UTF-8.
    """
    lines: list[str] = []
    first, size = 1, 0
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() and size >= LEAST:
            yield _record(lines, first)
            lines, size = [], 0
        if not lines:
            if not line.strip():
                continue
            first = number
        lines.append(line)
        size += len(line)
    if lines:
        yield _record(lines, first)


def _record(lines: list[str], first: int) -> Record:
    return Record({"text": "".join(lines).rstrip("\n")}, f"line {first}")


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        offset = 0
        for number, raw in enumerate(file, 1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise undecodable(path, number, offset + error.start, error) from None
            yield line.replace("\r\n", "\n")
            offset += len(raw)


def undecodable(path: Path, line: int, offset: int, error: UnicodeDecodeError) -> DamagedError:
    """Return the error for bytes that are no UTF-8."""
    return DamagedError(
        f"{path} is no UTF-8 text: byte 0x{error.object[error.start]:02x} at offset {offset} (line {line}): "
        f"{error.reason}; convert the file to UTF-8"
    )
