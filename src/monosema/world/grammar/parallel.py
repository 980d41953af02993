"""The same sentences in six languages, with the name of one concept: in one language or in all of them."""

from __future__ import annotations

import random
from functools import cache

from monosema.world.catalogue import LANGUAGES, Catalogue, Concept
from monosema.world.grammar.draw import Pool
from monosema.world.grammar.text import Composed, Make, Piece, Template, finish, held_out, join
from monosema.world.tables import Data

_ALL = "all"
"""Tag of a document in all languages."""
_ALL_SHARE = 0.3
_SENTENCES = (3, 4, 5)
"""How many sentences a document in one language may have."""

Sentence = dict[str, Template]
"""A sentence by language."""


def parallel(catalogue: Catalogue) -> Make | None:
    """Prepare the maker; None where no concept has names in all languages."""
    sides, headings, skip = _load()
    named = {one.id for one in catalogue if all(one.names.get(language) for language in LANGUAGES)}
    pool = Pool(catalogue, named - {one.id for one in catalogue if one.category in skip})
    if not len(pool):
        return None
    shares = [len(sides[False]), len(sides[True])]

    def make(rng: random.Random, number: int) -> Composed:
        (side,) = rng.choices((False, True), shares)
        concept = pool.draw(rng)
        if rng.random() < _ALL_SHARE:
            sentence = rng.choice(sides[side])
            heading = rng.choice(headings)
            said = [
                join([Piece(heading.replace("{code}", language)), _say(sentence, concept, language)])
                for language in rng.sample(LANGUAGES, len(LANGUAGES))
            ]
            return _finish([sentence["en"]], join(said, "\n"), concept, _ALL)
        language = rng.choice(LANGUAGES)
        chosen = rng.sample(sides[side], min(rng.choice(_SENTENCES), len(sides[side])))
        piece = join(
            (_say(sentence, concept, language) for sentence in chosen), "" if language == "zh" else " "
        )
        return _finish([sentence["en"] for sentence in chosen], piece, concept, language)

    return make


def _say(sentence: Sentence, concept: Concept, language: str) -> Piece:
    return sentence[language].fill({"name": Piece.tagged(concept.names[language][0], concept.id)})


def _finish(sentences: list[Template], piece: Piece, concept: Concept, language: str) -> Composed:
    others = "".join(f"+{one.id.rpartition('/')[2]}" for one in sentences[1:])
    tags = {"concept": concept.id, "category": concept.category, "language": language}
    return finish(sentences[0], piece, **tags | {"templates": sentences[0].id + others})


@cache
def _load() -> tuple[dict[bool, list[Sentence]], tuple[str, ...], tuple[str, ...]]:
    data = Data.read("parallel.toml")
    tables = data.tables("template")
    kept_back = held_out([table.string("en") for table in tables])
    sides: dict[bool, list[Sentence]] = {False: [], True: []}
    for place, table in enumerate(tables):
        side = table.string("en") in kept_back
        sides[side].append({
            language: Template.parse(f"parallel/{place}", table.string(language), held_out=side)
            for language in LANGUAGES
        })  # fmt: skip
    return sides, data.strings("headings"), data.strings("skip")
