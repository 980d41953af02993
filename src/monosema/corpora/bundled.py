"""`world:NAME`: text that comes with the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from monosema.corpora.formats import Record
from monosema.corpora.formats.jsonl import read_jsonl_gz
from monosema.errors import lookup
from monosema.world import first_slice

BUNDLED: dict[str, Callable[[], Path]] = {"first_slice": first_slice}


def bundled_file(name: str) -> Path:
    """Path of a bundled text; raises `UsageError` with the known names."""
    return lookup(BUNDLED, name, "bundled text")()


def read_bundled(name: str) -> Iterator[Record]:
    """Yield the records of a bundled text."""
    return read_jsonl_gz(bundled_file(name))
