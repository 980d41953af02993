"""Marks where documents name the concepts of a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from monosema.corpora.document import Document, Span
from monosema.errors import UsageError
from monosema.files import digest_file
from monosema.world import Catalogue, NameMatcher, data_files

WORLD = "world"


def load_concepts(concepts: str, base: Path | None = None) -> Catalogue:
    """The catalogue that a corpus is marked by; raises `UsageError` for a folder that is not there."""
    return Catalogue.load(_folder(concepts, base))


def concepts_identity(concepts: str, base: Path | None) -> list[tuple[str, str]] | None:
    """What stands for a catalogue's content; None where its folder is gone."""
    folder = _path(concepts, base)
    if folder is not None and not folder.is_dir():
        return None
    return [(file.name, digest_file(file)) for file in data_files(folder)]


def _folder(concepts: str, base: Path | None) -> Path | None:
    folder = _path(concepts, base)
    if folder is not None and not folder.is_dir():
        raise UsageError(
            f'concepts is "{concepts}", no folder; expected a folder of data files, or "{WORLD}"'
        )
    return folder


def _path(concepts: str, base: Path | None) -> Path | None:
    return None if concepts == WORLD else (base or Path()) / Path(concepts).expanduser()


def mark_mentions(documents: Iterable[Document], catalogue: Catalogue) -> Iterator[Document]:
    """Yield documents with a span at every name; the concept that a document is about comes from its tags."""
    matcher = NameMatcher(catalogue)
    for document in documents:
        about = {str(document.tags["concept"])} if "concept" in document.tags else set()
        found = [Span(one.start, one.end, one.concept) for one in matcher.find(document.content, about)]
        yield replace(document, spans=document.spans + tuple(found)) if found else document
