"""From the sources of a corpus to its documents, in the order in which they stand there.

A folder gives its files of known formats, those of its subfolders too, sorted by path; hidden files and other
kinds (LICENSE, README.md) are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from monosema.corpora.bundled import bundled_identity, read_bundled
from monosema.corpora.document import Document
from monosema.corpora.formats import FORMATS, Record
from monosema.corpora.hub import read_datasets
from monosema.corpora.mentions import concepts_identity, load_concepts, mark_mentions
from monosema.corpora.records import to_document
from monosema.corpora.settings import CorpusSettings
from monosema.errors import UsageError
from monosema.files import digest_file, digest_json


@dataclass(frozen=True)
class Scheme:
    """A kind of source that is named, not a path."""

    read: Callable[[str], Iterator[Record]]
    """Yields the records of a name."""
    identity: Callable[[str], str]
    """What stands for the content of a name, as far as it can be known without reading it."""


SCHEMES = {
    "datasets": Scheme(read=read_datasets, identity=str),
    "world": Scheme(read=read_bundled, identity=bundled_identity),
}
STREAM_CHARACTERS = 8
"""Of a streamed data set so many characters are read for each token asked for; twice what prose needs."""


def read_documents(settings: CorpusSettings, base: Path | None = None) -> Iterator[Document]:
    """Yield the documents of all sources; relative paths count from `base` (default: where we stand).

    Where the settings name concepts, their names are marked. Raises `UsageError` (nothing there, unknown format,
    missing field) and `DamagedError` (undecodable).
    """
    documents = _documents(settings, base)
    if settings.concepts is None:
        return documents
    return mark_mentions(documents, load_concepts(settings.concepts, base))


def _documents(settings: CorpusSettings, base: Path | None) -> Iterator[Document]:
    for number, source in enumerate(settings.sources):
        for document in _documents_of(source, settings, base):
            yield replace(document, origin=number) if number else document


def _documents_of(source: str, settings: CorpusSettings, base: Path | None) -> Iterator[Document]:
    scheme, name = _scheme(source)
    if scheme:
        label = f"{scheme}:{Path(name).name if Path(name).is_absolute() else name}"
        yield from _stream(label, SCHEMES[scheme].read(name), settings)
    else:
        for label, path in _files(_root(source, base)):
            yield from _read(label, path, settings)


def digest_sources(settings: CorpusSettings, base: Path | None = None) -> str | None:
    """BLAKE2 of the files of all sources (of a data set of the hub: of its name); None where one is missing.

    Which weight a source has counts, the order in which sources are listed does not.
    """
    found: list[tuple[str, str]] = []
    for number, source in enumerate(settings.sources):
        files = _identity(source, base)
        if files is None:
            return None
        weight = "" if settings.weights is None else f"{settings.weights[number]:g} of "
        found += [(weight + label, digest) for label, digest in files]
    if settings.concepts is not None:
        marks = concepts_identity(settings.concepts, base)
        if marks is None:
            return None
        found += marks
    return digest_json(sorted(found))


def _identity(source: str, base: Path | None) -> list[tuple[str, str]] | None:
    scheme, name = _scheme(source)
    if scheme:
        return [(scheme, SCHEMES[scheme].identity(name))]
    root = _root(source, base)
    return [(label, digest_file(path)) for label, path in _files(root)] if root.exists() else None


def _scheme(source: str) -> tuple[str, str]:
    scheme, colon, name = source.partition(":")
    return (scheme, name) if colon and scheme in SCHEMES else ("", source)


def _root(source: str, base: Path | None) -> Path:
    return (base or Path()) / Path(source).expanduser()


def _stream(label: str, records: Iterator[Record], settings: CorpusSettings) -> Iterator[Document]:
    left = float("inf") if settings.tokens is None else settings.tokens * STREAM_CHARACTERS
    for record in records:
        document = to_document(record, label, settings)
        yield document
        left -= len(document.content)
        if left <= 0:
            return


def _read(label: str, path: Path, settings: CorpusSettings) -> Iterator[Document]:
    try:
        for record in FORMATS[_format(path)](path):
            yield to_document(record, label, settings)
    except PermissionError:
        raise UsageError(f"source {path} may not be read; change its permissions") from None


def _files(root: Path) -> list[tuple[str, Path]]:
    """Files of a source, each with its name from the source on: a study holds no absolute path."""
    known = ", ".join(FORMATS)
    if not root.exists():
        raise UsageError(f"source {root} does not exist; expected a file, a folder or datasets:NAME")
    if root.is_dir():
        inside = sorted(path for path in root.rglob("*") if _format(path) and not _hidden(path, root))
        if not inside:
            raise UsageError(f"folder {root} holds no file that can be read; known: {known}")
        return [(f"{root.resolve().name}/{path.relative_to(root).as_posix()}", path) for path in inside]
    if not _format(root):
        raise UsageError(f"source {root} is of no known format; known: {known}")
    return [(root.name, root)]


def _format(path: Path) -> str:
    name = path.name.lower()
    return max((suffix for suffix in FORMATS if name.endswith(suffix)), key=len, default="")


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
