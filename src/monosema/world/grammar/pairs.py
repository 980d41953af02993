"""Minimal pairs: the same paragraph with a concept and, as its twin, with another or a neutral noun in its place."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from monosema.world.catalogue import Catalogue, Concept
from monosema.world.grammar.asides import Asides
from monosema.world.grammar.draw import Namings, Pool, phrase
from monosema.world.grammar.text import Composed, Make, Template, finish, parse_group
from monosema.world.tables import Data

NEUTRAL = "neutral"
"""Tag of a noun that stands for no concept."""
_NEUTRAL_SHARE = 0.35


@dataclass(frozen=True)
class _Paragraph:
    template: Template
    only: frozenset[str]
    never: frozenset[str]

    def fits(self, concept: Concept) -> bool:
        """Whether a concept of this category may stand in it."""
        return concept.category not in self.never and (not self.only or concept.category in self.only)


def pairs(catalogue: Catalogue) -> Make | None:
    """Prepare the maker; None where no paragraph fits any concept."""
    neutral, paragraphs = _load()
    namings = Namings(catalogue)
    asides = Asides(namings)
    usable: list[tuple[_Paragraph, Pool]] = []
    for paragraph in paragraphs:
        fitting = {one.id for one in catalogue if paragraph.fits(one)} - namings.of(paragraph.template.text)
        if fitting:
            usable.append((paragraph, Pool(catalogue, fitting)))
    if not usable:
        return None

    def make(rng: random.Random, number: int) -> Composed:
        paragraph, pool = rng.choice(usable)
        concept = pool.draw(rng)
        noun = rng.choice(neutral.get(concept.category, neutral["fallback"]))
        other = None if rng.random() < _NEUTRAL_SHARE else pool.draw_like(rng, concept)
        shown = (rng.random() < 0.5) == (number % 2 == 0)
        named = concept if shown else other
        piece = phrase(named.topic, named.id) if named else phrase(noun, NEUTRAL)
        template = paragraph.template
        tags = {
            "pair": f"{template.id}/{number // 2}",
            "with": "yes" if shown else "no",
            "pair_concept": concept.id,
        }
        if named:
            tags |= {"concept": named.id, "category": named.category}
        return finish(template, asides.add(rng, template, template.fill({"x": piece})), **tags)

    return make


@cache
def _load() -> tuple[dict[str, tuple[str, ...]], tuple[_Paragraph, ...]]:
    data = Data.read("pairs.toml")
    neutral = data.inner("neutral")
    rows = [(text, group) for group in data.tables("group") for text in group.strings("paragraphs")]
    templates = parse_group("pairs", [text for text, _ in rows])
    return {category: neutral.strings(category) for category in neutral.table}, tuple(
        _Paragraph(template, frozenset(group.strings("only")), frozenset(group.strings("never")))
        for template, (_, group) in zip(templates, rows, strict=True)
    )
