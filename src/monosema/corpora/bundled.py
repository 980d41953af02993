"""`world:NAME`: text that comes with the package."""

from __future__ import annotations

from collections.abc import Iterator

from monosema.corpora.formats import Record
from monosema.errors import lookup
from monosema.files import digest_file, digest_json
from monosema.world import TEXTS


def read_bundled(name: str) -> Iterator[Record]:
    """Yield the records of a bundled text; raises `UsageError` with the known names."""
    for number, fields in enumerate(lookup(TEXTS, name, "bundled text").records(), 1):
        yield Record(fields, f"line {number}")


def bundled_identity(name: str) -> str:
    """BLAKE2 of all that a bundled text is made from."""
    files = lookup(TEXTS, name, "bundled text").files()
    return digest_json([(file.name, digest_file(file)) for file in files])
