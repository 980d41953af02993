"""The catalogue: which concepts there are, what they are called in six languages, and what is true of them.

One TOML file a category in `concepts/`; a table is a concept, and the order of a file is from frequent to rare.
Another domain is another folder of such files (`Catalogue.load`), without code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from monosema.errors import DamagedError, lookup, nearest

LANGUAGES = ("en", "fr", "de", "es", "ko", "zh")
REFERENCE = "@"
_ID = re.compile(r"[a-z][a-z0-9_]*")
_KEYS = ("topic", *LANGUAGES, "ambiguous", "about", *(f"about_{code}" for code in LANGUAGES[1:]), "facts")


@dataclass(frozen=True, kw_only=True)
class Concept:
    """A thing that text can be about."""

    id: str
    """Its tag."""
    category: str
    """Category, such as landmark."""
    topic: str
    """As it stands in a sentence: "the Golden Gate Bridge"."""
    names: Mapping[str, tuple[str, ...]]
    """Names and aliases by language, the usual one first."""
    ambiguous: frozenset[str] = frozenset()
    """Those of the names that count only in documents about this concept."""
    about: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Descriptions by language that never name it."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Relation: answer; `@id` where the answer is another concept."""

    @property
    def name(self) -> str:
        """The usual English name."""
        return self.names["en"][0]

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name in every language, each once."""
        return tuple(dict.fromkeys(name for names in self.names.values() for name in names))


def data_files(folder: Path | None = None) -> list[Path]:
    """The data files of a folder; None: those of the package. Raises `DamagedError` where there is none."""
    folder = folder or Path(str(files("monosema.world") / "concepts"))
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise DamagedError(f"{folder} holds no data file of concepts (*.toml); restore it")
    return paths


class Catalogue:
    """Concepts by id, in the order of their files.

    Raises `DamagedError` that names file and line of the first fault.
    """

    def __init__(self, concepts: Iterable[Concept]) -> None:
        self._by_id = {concept.id: concept for concept in concepts}

    @classmethod
    def load(cls, folder: Path | None = None) -> Catalogue:
        """Read all data files of a folder; None: those that come with the package."""
        found: dict[str, tuple[Concept, _File]] = {}
        for file in map(_File.read, data_files(folder)):
            for concept in file.concepts():
                if concept.id in found:
                    other = found[concept.id][1].path.name
                    raise file.fault(concept.id, f"{concept.id} stands in {other} too; ids are unique")
                found[concept.id] = (concept, file)
        for concept, file in found.values():
            for relation, answer in concept.facts.items():
                if answer.startswith(REFERENCE) and answer[1:] not in found:
                    raise file.fault(
                        concept.id, f"{relation} is {answer}, no concept{nearest(answer[1:], found)}"
                    )
        return cls(concept for concept, _ in found.values())

    def __iter__(self) -> Iterator[Concept]:
        """All concepts."""
        return iter(self._by_id.values())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_id)

    def __contains__(self, name: str) -> bool:
        """Whether there is a concept of this id."""
        return name in self._by_id

    def __getitem__(self, name: str) -> Concept:
        """The concept of an id; raises `UsageError` with the nearest one."""
        return lookup(self._by_id, name, "concept")

    @cached_property
    def categories(self) -> dict[str, tuple[Concept, ...]]:
        """Concepts by category, from frequent to rare."""
        return {
            category: tuple(concept for concept in self if concept.category == category)
            for category in dict.fromkeys(concept.category for concept in self)
        }

    @cached_property
    def topics(self) -> dict[str, Concept]:
        """Concepts by the phrase that stands for them in a sentence."""
        return {concept.topic: concept for concept in self}

    def answer(self, concept: Concept, relation: str) -> str:
        """What is true of a concept, in words; raises `UsageError` for a relation that it lacks."""
        value = lookup(concept.facts, relation, f"fact of {concept.id}")
        return self[value[1:]].name if value.startswith(REFERENCE) else value


@dataclass(frozen=True)
class _File:
    """One data file: its text, to name lines, and its tables."""

    path: Path
    text: str
    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> _File:
        try:
            text = path.read_text(encoding="utf-8")
            return cls(path, text, tomllib.loads(text))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DamagedError(f"{path}: {error}; restore or mend it") from None

    def fault(self, table: str, what: str) -> DamagedError:
        """An error that names the line where a table begins."""
        head = re.search(rf"^\[{re.escape(table)}\]", self.text, re.MULTILINE)
        line = self.text.count("\n", 0, head.start()) + 1 if head else 1
        return DamagedError(f"{self.path} line {line}: {what}")

    def concepts(self) -> Iterator[Concept]:
        category = self.tables.get("category")
        if not isinstance(category, str) or not isinstance(self.tables.get("title"), str):
            raise self.fault(
                "", "category and title are missing; expected them as strings on the first lines"
            )
        for name, table in self.tables.items():
            if name not in ("category", "title"):
                yield self._concept(name, table, category)

    def _concept(self, name: str, table: Any, category: str) -> Concept:
        if not isinstance(table, dict) or not _ID.fullmatch(name):
            raise self.fault(name, f"{name} is no table of a concept; ids are of a-z, 0-9 and _")
        for key in table:
            if key not in _KEYS:
                raise self.fault(name, f'{name} has an unknown key "{key}"{nearest(key, _KEYS)}')
        names = {code: self._strings(name, table, code) for code in LANGUAGES if code in table}
        about = {"en": self._strings(name, table, "about")}
        about |= {
            code: self._strings(name, table, f"about_{code}")
            for code in LANGUAGES[1:]
            if f"about_{code}" in table
        }
        if not names.get("en") or not isinstance(table.get("topic"), str):
            raise self.fault(name, f"{name} lacks topic or en; expected a phrase and a list of English names")
        facts = table.get("facts", {})
        if not isinstance(facts, dict) or not all(isinstance(value, str) for value in facts.values()):
            raise self.fault(name, f"facts of {name} are {facts!r:.60}; expected strings by relation")
        return Concept(
            id=name,
            category=category,
            topic=table["topic"],
            names=names,
            ambiguous=frozenset(self._strings(name, table, "ambiguous")),
            about=about,
            facts=facts,
        )

    def _strings(self, name: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.fault(name, f"{key} of {name} is {value!r:.60}; expected strings")
        return tuple(value)
