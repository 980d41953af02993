"""What is true, told and asked: single facts of the catalogue, and chains of two that need both.

Frame and wording are of one side: a held-out document has neither its frame nor its wording in common with others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from monosema.world.catalogue import REFERENCE, Catalogue, Concept
from monosema.world.grammar.asides import Asides
from monosema.world.grammar.draw import Namings, Pool, phrase
from monosema.world.grammar.text import Composed, Make, Piece, Template, finish, parse_group
from monosema.world.tables import Data

Path = tuple[str, ...]
"""One relation, or two of which the first leads to the subject of the second."""
Key = tuple[bool, str]
"""Held out or not; statement or question."""
_FORMS = ("statement", "question")
_TWO_HOPS = 0.45
"""Share of chains where there are any."""


@dataclass
class _Side:
    """What can be told on one side in one form with so many hops."""

    wordings: dict[Path, list[Template]] = field(default_factory=dict)
    told: dict[str, list[Path]] = field(default_factory=dict)
    """Paths that have a wording and an answer, by concept."""
    pool: Pool | None = None


def facts(catalogue: Catalogue) -> Make | None:
    """Prepare the maker; None where there are no facts to tell."""
    frames, wordings, skip = _load()
    sides: dict[Key, list[_Side]] = {}
    for held_out in (False, True):
        for form in _FORMS:
            found = [_side(catalogue, wordings, (held_out, form), hops, skip) for hops in (1, 2)]
            if any(side.pool for side in found):
                sides[held_out, form] = [side for side in found if side.pool]
    usable = [frame for frame in frames if (frame.held_out, _form(frame)) in sides]
    if not usable:
        return None
    asides = Asides(Namings(catalogue))

    def make(rng: random.Random, number: int) -> Composed:
        frame = rng.choice(usable)
        known = sides[frame.held_out, _form(frame)]
        side = known[-1] if rng.random() < _TWO_HOPS else known[0]
        assert side.pool
        concept = side.pool.draw(rng)
        path = rng.choice(side.told[concept.id])
        wording = rng.choice(side.wordings[path])
        piece, tags = _tell(catalogue, frame, wording, concept, path)
        return finish(wording, asides.add(rng, frame, piece), **tags)

    return make


def answer(catalogue: Catalogue, concept: Concept, path: Path) -> str | Concept | None:
    """Where a path leads from a concept; None where it breaks off or leads back."""
    reached: str | Concept | None = concept
    for relation in path:
        value = reached.facts.get(relation) if isinstance(reached, Concept) else None
        reached = catalogue[value[1:]] if value and value.startswith(REFERENCE) else value
    return None if reached is concept or reached in (concept.name, concept.topic) else reached


def _tell(
    catalogue: Catalogue, frame: Template, wording: Template, concept: Concept, path: Path
) -> tuple[Piece, dict[str, str]]:
    """The text and the tags of its own."""
    reached = answer(catalogue, concept, path)
    assert reached is not None
    said = phrase(reached.topic if isinstance(reached, Concept) else reached, "answer")
    told = wording.fill({"s": phrase(concept.topic, concept.id), "o": said})
    start, end, _ = said.spans[0]
    tags = {
        "frame": frame.id,
        "concept": concept.id,
        "category": concept.category,
        "hops": str(len(path)),
        "relation": ".".join(path),
        "subject": concept.id,
        "answer": said.text[start:end],
    }
    return frame.fill({_form(frame): told, "answer": said}), tags


def _form(frame: Template) -> str:
    return "question" if "question" in frame.slots else "statement"


def _side(
    catalogue: Catalogue, wordings: dict[Path, list[Template]], key: Key, hops: int, skip: tuple[str, ...]
) -> _Side:
    side = _Side()
    for path, templates in wordings.items():
        fitting = [one for one in templates if (one.held_out, _kind(one)) == key]
        if fitting and len(path) == hops:
            side.wordings[path] = fitting
    for concept in catalogue:
        if concept.category not in skip:
            paths = [path for path in side.wordings if answer(catalogue, concept, path) is not None]
            if paths:
                side.told[concept.id] = paths
    if side.told:
        side.pool = Pool(catalogue, side.told)
    return side


def _kind(wording: Template) -> str:
    return wording.id.split("/")[2]


@cache
def _load() -> tuple[tuple[Template, ...], dict[Path, list[Template]], tuple[str, ...]]:
    data = Data.read("facts.toml")
    return parse_group("facts/frame", data.strings("frames")), dict(_wordings(data)), data.strings("skip")


def _wordings(data: Data) -> Iterator[tuple[Path, list[Template]]]:
    tables = [((name,), table) for name, table in Data.read("relations.toml", "monosema.world").groups()] + [
        (chain.strings("path"), chain) for chain in data.tables("chain")
    ]
    for path, table in tables:
        name = f"facts/{'.'.join(path)}"
        yield path, [one for form in _FORMS for one in parse_group(f"{name}/{form}", table.strings(form))]
