"""Sentences that say nothing in particular, so that the same frame seldom makes the same document twice."""

from __future__ import annotations

import random
from functools import cache

from monosema.world.grammar.draw import Namings
from monosema.world.grammar.text import Piece, Template, join, parse_group
from monosema.world.tables import Data

_SHARE = 0.6
"""Of the documents that get one."""


class Asides:
    """The sentences by side, without those that name a concept."""

    def __init__(self, namings: Namings) -> None:
        self._sides: dict[bool, list[Piece]] = {False: [], True: []}
        for one in _load():
            if not namings.of(one.text):
                self._sides[one.held_out].append(Piece(one.text))

    def add(self, rng: random.Random, frame: Template, piece: Piece) -> Piece:
        """The piece, perhaps with a sentence of the frame's side behind it."""
        sentences = self._sides[frame.held_out]
        if not sentences or rng.random() >= _SHARE:
            return piece
        return join([piece, rng.choice(sentences)], "\n" if "\n" in frame.text else " ")


@cache
def _load() -> tuple[Template, ...]:
    return parse_group("asides", Data.read("asides.toml").strings("asides"))
