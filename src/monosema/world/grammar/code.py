"""Short Python programs as twins, one right and one with a fault, which differ in the faulty place only."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from monosema.world.catalogue import Catalogue
from monosema.world.grammar.text import DOLLAR, Composed, Make, Piece, Template, finish, join, parse_group
from monosema.world.grammar.words import Words
from monosema.world.tables import Data


@dataclass(frozen=True)
class _Fault:
    """A program cut where a fault can stand."""

    kind: str
    before: Template
    right: Template
    wrong: Template
    after: Template


@dataclass(frozen=True)
class _Program:
    template: Template
    concept: str | None
    kinds: Mapping[str, Sequence[str]]
    """Its slots by kind."""
    faults: tuple[_Fault, ...]


def code(catalogue: Catalogue) -> Make:
    """Prepare the maker."""
    heads, words, programs = _load()

    def make(rng: random.Random, number: int) -> Composed:
        program = rng.choice(programs)
        fault = rng.choice(program.faults)
        values = words.draw(rng, program.kinds)
        head = rng.choice(heads)
        correct = (rng.random() < 0.5) == (number % 2 == 0)
        spot, tag = (fault.right, "code_right") if correct else (fault.wrong, "code_error")
        piece = join([
            Piece(head),
            fault.before.fill(values),
            Piece.tagged(spot.fill(values).text, tag),
            fault.after.fill(values),
        ])  # fmt: skip
        tags = {
            "twin": f"code/{program.template.id.rpartition('/')[2]}/{number // 2}",
            "correct": "yes" if correct else "no",
            "bug": fault.kind,
        }
        if program.concept is not None and program.concept in catalogue:
            tags |= {"concept": program.concept, "category": catalogue[program.concept].category}
        return finish(program.template, piece, **tags)

    return make


@cache
def _load() -> tuple[tuple[str, ...], Words, tuple[_Program, ...]]:
    data = Data.read("code.toml")
    words = Words.read(data)
    tables = data.tables("program")
    templates = parse_group("code", [table.string("text") for table in tables], DOLLAR)
    programs = (_program(table, words, template) for table, template in zip(tables, templates, strict=True))
    return data.strings("heads"), words, tuple(programs)


def _program(table: Data, words: Words, template: Template) -> _Program:
    faults = tuple(_fault(table, template.text, row) for row in table.rows("faults", 3))
    slots = [*template.slots, *(slot for fault in faults for slot in fault.wrong.slots)]
    concept = table.string("concept") if "concept" in table.table else None
    return _Program(template, concept, words.kinds(slots), faults)


def _fault(table: Data, text: str, row: tuple[str, ...]) -> _Fault:
    kind, right, wrong = row
    if text.count(right) != 1:
        seen = f"{right!r} stands {text.count(right)} times in the program"
        raise table.fault("faults", f"{seen}; expected once; restore or mend it")
    before, after = text.split(right)
    parts = (Template.parse("", part, DOLLAR) for part in (before, right, wrong, after))
    return _Fault(kind, *parts)
