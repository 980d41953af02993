"""Emotions that are felt but not named: a quotation that implies one, in a frame that does not name it either."""

from __future__ import annotations

import random
from functools import cache

from monosema.world.catalogue import Catalogue
from monosema.world.grammar.asides import Asides
from monosema.world.grammar.draw import Namings, Pool
from monosema.world.grammar.text import Composed, Make, Piece, Template, finish, parse_group
from monosema.world.tables import Data

CATEGORY = "emotion"


def feelings(catalogue: Catalogue) -> Make | None:
    """Prepare the maker; None where the catalogue has none of the emotions."""
    who, frames, quotes = _load()
    emotions = [concept for concept in catalogue.categories.get(CATEGORY, ()) if concept.id in quotes]
    namings = Namings(emotions)
    asides = Asides(namings)
    frames = tuple(frame for frame in frames if not namings.of(frame.text))
    said: dict[tuple[bool, str], list[Template]] = {}
    for emotion in emotions:
        for quote in quotes[emotion.id]:
            if emotion.id not in namings.of(quote.text):
                said.setdefault((quote.held_out, emotion.id), []).append(quote)
    pools = {
        side: Pool(catalogue, {emotion for held_out, emotion in said if held_out == side})
        for side in (False, True)
    }
    usable = [frame for frame in frames if len(pools[frame.held_out])]
    if not usable:
        return None

    def make(rng: random.Random, number: int) -> Composed:
        frame = rng.choice(usable)
        concept = pools[frame.held_out].draw(rng)
        quote = rng.choice(said[frame.held_out, concept.id])
        values = {
            "quote": Piece.tagged(quote.text, f"feeling:{concept.id}"),
            "who": Piece(rng.choice(who)),
        }
        tags = {"concept": concept.id, "category": concept.category, "quote": quote.id}
        return finish(frame, asides.add(rng, frame, frame.fill(values)), **tags)

    return make


@cache
def _load() -> tuple[tuple[str, ...], tuple[Template, ...], dict[str, tuple[Template, ...]]]:
    data = Data.read("feelings.toml")
    quotes = data.inner("quotes")
    said = {emotion: parse_group(f"feelings/{emotion}", quotes.strings(emotion)) for emotion in quotes.table}
    return data.strings("who"), parse_group("feelings/frame", data.strings("frames")), said
