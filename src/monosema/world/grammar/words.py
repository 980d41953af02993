"""Numbers and words for the slots of code: every slot of a template gets one that no other slot of its kind has."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monosema.world.grammar.text import Piece
from monosema.world.tables import Data


@dataclass(frozen=True)
class Words:
    """What may stand in a slot, by the slot's name without its digit."""

    choices: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, data: Data) -> Words:
        """From the tables [words] and [numbers], which holds first and last ones."""
        words, numbers = data.inner("words"), data.inner("numbers")
        choices: dict[str, Sequence[str]] = {key: words.strings(key) for key in words.table}
        for key in numbers.table:
            first, last = numbers.numbers(key)
            choices[key] = [str(number) for number in range(first, last + 1)]
        return cls(choices)

    def kinds(self, slots: Sequence[str]) -> dict[str, list[str]]:
        """Slots by kind, each once."""
        kinds: dict[str, list[str]] = {}
        for slot in dict.fromkeys(slots):
            kinds.setdefault(slot.rstrip("0123456789"), []).append(slot)
        return kinds

    def draw(self, rng: random.Random, kinds: Mapping[str, Sequence[str]]) -> dict[str, Piece]:
        """A word for every slot, different ones within a kind."""
        values: dict[str, Piece] = {}
        for kind, slots in kinds.items():
            for slot, word in zip(slots, rng.sample(self.choices[kind], len(slots)), strict=True):
                values[slot] = Piece(word)
        return values
