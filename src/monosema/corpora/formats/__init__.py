"""File formats of documents: one file each, one row each. A reader yields the records of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from monosema.corpora.formats.jsonl import read_jsonl, read_jsonl_gz
from monosema.corpora.formats.parquet import read_parquet
from monosema.corpora.formats.record import Record
from monosema.corpora.formats.txt import read_txt

FORMATS: dict[str, Callable[[Path], Iterator[Record]]] = {
    ".txt": read_txt,
    ".jsonl": read_jsonl,
    ".jsonl.gz": read_jsonl_gz,
    ".parquet": read_parquet,
}

__all__ = ["FORMATS", "Record"]
