"""Numbered and bulleted lists: concepts of one category, or the steps of a task."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from monosema.world.catalogue import Catalogue, Concept
from monosema.world.grammar.asides import Asides
from monosema.world.grammar.draw import Namings, Pool, phrase
from monosema.world.grammar.text import Composed, Make, Piece, Template, finish, join, parse_group
from monosema.world.tables import Data

_FEWEST = 3
_MOST_WITH_GLOSS = 4
"""How many items a list may have whose items are explained."""
_GLOSS_SHARE = 0.35
_GLOSSES = (": ", " (", ", ", " – ")
"""What stands between a name and its description."""


@dataclass(frozen=True)
class _Data:
    markers: dict[str, tuple[str, ...]]
    """By kind of list."""
    counts: tuple[str, ...]
    nouns: dict[str, str]
    fallback: str
    concepts: tuple[Template, ...]
    steps: tuple[Template, ...]
    procedures: dict[bool, list[tuple[str, tuple[str, ...]]]]
    """Tasks with their steps, by side."""


def lists(catalogue: Catalogue) -> Make | None:
    """Prepare the maker; None where no category has enough concepts."""
    data = _load()
    large = [concepts for concepts in catalogue.categories.values() if len(concepts) >= _FEWEST]
    pool = Pool(catalogue, {concept.id for concepts in large for concept in concepts})
    if not large:
        return None
    frames = data.concepts + data.steps
    asides = Asides(Namings(catalogue))

    def make(rng: random.Random, number: int) -> Composed:
        frame = rng.choice(frames)
        kind = rng.choice(list(data.markers))
        marker = rng.choice(data.markers[kind])
        if "task" in frame.slots:
            task, steps = rng.choice(data.procedures[frame.held_out])
            items = _mark([Piece(step) for step in steps], marker)
            told = asides.add(rng, frame, frame.fill({"task": Piece(task), "list": items}))
            return finish(frame, told, list=kind, of="steps")
        items_of, concepts = _items(rng, pool, len(data.counts))
        values = {
            "list": _mark(items_of, marker),
            "noun": Piece(data.nouns.get(concepts[0].category, data.fallback)),
            "count": Piece(data.counts[len(concepts) - _FEWEST]),
        }
        tags = {"list": kind, "of": "concepts", "category": concepts[0].category}
        return finish(frame, frame.fill(values), **tags)

    return make


def _items(rng: random.Random, pool: Pool, counts: int) -> tuple[list[Piece], list[Concept]]:
    glossed = rng.random() < _GLOSS_SHARE
    most = _MOST_WITH_GLOSS if glossed else _FEWEST + counts - 1
    concepts = pool.draw_several(rng, rng.randint(_FEWEST + (not glossed), most))
    sign = rng.choice(_GLOSSES)
    items = []
    for concept in concepts:
        item = phrase(concept.topic, concept.id)
        about = concept.about.get("en")
        if glossed and about:
            item = join([item, Piece(f"{sign}{rng.choice(about)}{')' * (sign == ' (')}")])
        items.append(item)
    return items, concepts


def _mark(items: Sequence[Piece], marker: str) -> Piece:
    """The items below one another, each behind its marker."""
    return join(
        (
            join([Piece.tagged(marker.replace("{n}", str(place)), "list_marker"), Piece(" "), item])
            for place, item in enumerate(items, 1)
        ),
        "\n",
    )


@cache
def _load() -> _Data:
    data = Data.read("lists.toml")
    nouns, tables = data.inner("nouns"), data.tables("procedure")
    tasks = parse_group("lists/task", [table.string("task") for table in tables])
    procedures: dict[bool, list[tuple[str, tuple[str, ...]]]] = {False: [], True: []}
    for task, table in zip(tasks, tables, strict=True):
        procedures[task.held_out].append((task.text, table.strings("steps")))
    return _Data(
        markers={kind: data.strings(kind) for kind in ("numbered", "bulleted")},
        counts=data.strings("counts"),
        nouns={category: nouns.string(category) for category in nouns.table},
        fallback=data.string("fallback"),
        concepts=parse_group("lists/concepts", data.strings("concepts")),
        steps=parse_group("lists/steps", data.strings("steps")),
        procedures=procedures,
    )
