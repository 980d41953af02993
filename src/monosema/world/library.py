"""Text that comes with the package, written by a model about the concepts of the catalogue.

`data/*.jsonl.gz`: answers and continuations of SmolLM2-135M-Instruct (Apache-2.0). A record holds chat, prompt and
text, and what it was asked about: the first slice by topic and form, later parts by concept and genre. `library`
gives all of them alike. `data/*.json` says what each part holds and what was left out; `recipes/` makes them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from monosema.errors import DamagedError
from monosema.world.catalogue import Catalogue, data_files
from monosema.world.forms import load_forms
from monosema.world.grammar import compose

_DATA = "data"
COMPOSED = 20_000
"""Documents of the composed text."""


@dataclass(frozen=True)
class Text:
    """One bundled text."""

    files: Callable[[], list[Path]]
    """What its content depends on."""
    records: Callable[[], Iterator[dict[str, Any]]]
    """Its documents."""


def _data(name: str) -> Path:
    path = Path(str(files("monosema.world") / _DATA / name))
    if not path.is_file():
        raise DamagedError(f"{path} is missing from the installation; install monosema again")
    return path


def parts() -> list[Path]:
    """Paths of all bundled parts, gzipped JSON lines; raises `DamagedError` where the installation lacks them."""
    return sorted(_data("first_slice.jsonl.gz").parent.glob("*.jsonl.gz"))


def first_slice() -> Path:
    """Path of the first part."""
    return _data("first_slice.jsonl.gz")


def first_slice_facts() -> dict[str, Any]:
    """Counts, source and licence of the first part."""
    facts: dict[str, Any] = json.loads(_data("first_slice.json").read_text(encoding="utf-8"))
    return facts


def read_part(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a part; raises `DamagedError` that names file and line."""
    done = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
                done += 1
    except (OSError, EOFError, ValueError) as error:
        raise DamagedError(f"{path} line {done + 1}: {error}; install monosema again") from None


def library() -> Iterator[dict[str, Any]]:
    """All documents: id, chat, prompt, text, and tags (concept, category, genre)."""
    topics = Catalogue.load().topics
    genres = {text: form.genre for form in load_forms() for text in form.texts}
    for path in parts():
        for number, record in enumerate(read_part(path), 1):
            tags = _tags(record, topics, genres)
            kept = {key: record[key] for key in ("chat", "prompt", "text")}
            yield kept | {"id": f"{path.name.removesuffix('.jsonl.gz')}:{number}", "tags": tags}


def _tags(record: Mapping[str, Any], topics: Mapping[str, Any], genres: Mapping[str, str]) -> dict[str, str]:
    if "concept" in record:
        return {key: record[key] for key in ("concept", "category", "genre")}
    genre = genres.get(record["form"], "answer" if record["chat"] else "continuation")
    concept = topics.get(record["topic"])
    if concept is None:
        return {"genre": genre}
    return {"concept": concept.id, "category": concept.category, "genre": genre}


def composed() -> Iterator[dict[str, Any]]:
    """Documents composed by grammar, those of held-out templates marked: text, tags, spans."""
    for number, one in enumerate(compose(Catalogue.load(), seed=0, documents=COMPOSED)):
        spans = [list(span) for span in one.spans]
        record = {"id": str(number), "text": one.text, "tags": dict(one.tags), "spans": spans}
        yield record | {"held_out": one.held_out}


def _library_files() -> list[Path]:
    return [*parts(), _package() / "forms.toml", *data_files()]


def _grammar_files() -> list[Path]:
    return [*sorted((_package() / "grammar").glob("*.*")), _package() / "relations.toml", *data_files()]


def _package() -> Path:
    return Path(str(files("monosema.world")))


TEXTS: Mapping[str, Text] = {
    "first_slice": Text(files=lambda: [first_slice()], records=lambda: read_part(first_slice())),
    "library": Text(files=_library_files, records=library),
    "composed": Text(files=_grammar_files, records=composed),
}
"""Bundled texts by name."""
