"""The catalogue: which concepts there are, what they are called in six languages, and what is true of them.

One TOML file a category in `concepts/`; a table is a concept, and the order of a file is from frequent to rare.
Another domain is another folder of such files (`Catalogue.load`), without code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from monosema.errors import DamagedError, lookup, nearest
from monosema.world.tables import Data

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
        found: dict[str, tuple[Concept, Data]] = {}
        for file in map(Data.open, data_files(folder)):
            for concept in _concepts(file):
                if concept.id in found:
                    other = found[concept.id][1].path.name
                    raise file.fault(concept.id, f"{concept.id} stands in {other} too; ids are unique")
                found[concept.id] = (concept, file)
        for concept, file in found.values():
            for relation, answer in concept.facts.items():
                if answer.startswith(REFERENCE) and answer[1:] not in found:
                    facts = file.inner(concept.id).inner("facts")
                    raise facts.fault(
                        relation, f"{relation} is {answer}, no concept{nearest(answer[1:], found)}"
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


def _concepts(file: Data) -> Iterator[Concept]:
    """The concepts of a data file."""
    category = file.string("category")
    file.string("title")
    for name in file.table:
        if name not in ("category", "title"):
            yield _concept(file, name, category)


def _concept(file: Data, name: str, category: str) -> Concept:
    if not isinstance(file.table[name], dict) or not _ID.fullmatch(name):
        raise file.fault(name, f"{name} is no table of a concept; ids are of a-z, 0-9 and _")
    data = file.inner(name)
    for key in data.table:
        if key not in _KEYS:
            raise data.fault(key, f'{name} has an unknown key "{key}"{nearest(key, _KEYS)}')
    if not data.words("en"):
        raise data.fault("en", f"{name} lacks en; expected a list of English names")
    about = {code: "about" if code == "en" else f"about_{code}" for code in LANGUAGES}
    facts = data.inner("facts") if "facts" in data.table else None
    return Concept(
        id=name,
        category=category,
        topic=data.string("topic"),
        names={code: data.words(code) for code in LANGUAGES if code in data.table},
        ambiguous=frozenset(data.words("ambiguous")),
        about={code: data.words(key) for code, key in about.items() if code == "en" or key in data.table},
        facts={relation: facts.string(relation) for relation in facts.table} if facts else {},
    )
