"""Paragraphs about a thing that never name it in any language: descriptions of the catalogue in many frames."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from monosema.world.catalogue import LANGUAGES, Catalogue, Concept
from monosema.world.grammar.draw import Namings, Pool
from monosema.world.grammar.text import Composed, Make, Piece, Template, finish, parse_group
from monosema.world.tables import Data

_ENGLISH_SHARE = 0.75


@dataclass(frozen=True)
class _Frame:
    """A frame and the concepts that it can be put around."""

    template: Template
    pool: Pool


def unnamed(catalogue: Catalogue) -> Make | None:
    """Prepare the maker; None where no concept has a description."""
    told = {one.id: _told(one) for one in catalogue}
    namings = Namings(catalogue)
    frames = {language: _frames(catalogue, namings, told, language) for language in LANGUAGES}
    others = [language for language in LANGUAGES[1:] if frames[language]]
    if not frames["en"]:
        return None

    def make(rng: random.Random, number: int) -> Composed:
        language = "en" if not others or rng.random() < _ENGLISH_SHARE else rng.choice(others)
        frame = rng.choice(frames[language])
        concept = frame.pool.draw(rng)
        texts = told[concept.id][language]
        values = {
            slot: Piece.tagged(text, f"about:{concept.id}")
            for slot, text in zip(("about", "more"), rng.sample(texts, min(2, len(texts))), strict=False)
        }
        tags = {"concept": concept.id, "category": concept.category, "language": language}
        return finish(frame.template, frame.template.fill(values), **tags)

    return make


def _told(concept: Concept) -> dict[str, list[str]]:
    """The descriptions of a concept by language, without those that name it."""
    namings = Namings([concept])
    return {
        language: [text for text in concept.about.get(language, ()) if not namings.of(text)]
        for language in LANGUAGES
    }


def _frames(
    catalogue: Catalogue, namings: Namings, told: Mapping[str, Mapping[str, list[str]]], language: str
) -> list[_Frame]:
    frames = []
    for template in _load()[language]:
        named, needed = namings.of(template.text), len(set(template.slots))
        fitting = {one for one, texts in told.items() if len(texts[language]) >= needed and one not in named}
        if fitting:
            frames.append(_Frame(template, Pool(catalogue, fitting)))
    return frames


@cache
def _load() -> Mapping[str, tuple[Template, ...]]:
    data = Data.read("unnamed.toml")
    return {language: parse_group(f"unnamed/{language}", data.strings(language)) for language in LANGUAGES}
