"""Which concepts a document is about: drawn Zipf-like, written as in a sentence, and found where text names them."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Container, Iterable
from itertools import accumulate

from monosema.world.catalogue import Catalogue, Concept
from monosema.world.grammar.text import Piece

EXPONENT = 0.7
"""The concept of rank r within its category is drawn with a weight of r to the power of minus this."""
_ARTICLES = ("the ", "a ", "an ")
_UNSPACED = ("ko", "zh")


class Pool:
    """Concepts to draw from: categories alike, within one by rank; a category of which few are meant is rare."""

    def __init__(self, catalogue: Catalogue, ids: Container[str]) -> None:
        self._ranked: dict[str, tuple[list[Concept], list[float]]] = {}
        shares: list[float] = []
        for category, concepts in catalogue.categories.items():
            weights = [rank**-EXPONENT for rank in range(1, len(concepts) + 1)]
            kept = [(one, weight) for one, weight in zip(concepts, weights, strict=True) if one.id in ids]
            if kept:
                sums = list(accumulate(weight for _, weight in kept))
                self._ranked[category] = [one for one, _ in kept], sums
                shares.append(sums[-1] / sum(weights))
        self._categories = list(self._ranked)
        self._shares = list(accumulate(shares))

    def __len__(self) -> int:
        """How many concepts there are."""
        return sum(len(concepts) for concepts, _ in self._ranked.values())

    def draw(self, rng: random.Random) -> Concept:
        """One concept."""
        return self._draw_of(self._categories[_drawn(self._shares, rng)], rng)

    def draw_like(self, rng: random.Random, concept: Concept) -> Concept | None:
        """Another concept of the same category; None where there is none."""
        if len(self._ranked[concept.category][0]) == 1:
            return None
        while (other := self._draw_of(concept.category, rng)) is concept:
            pass
        return other

    def draw_several(self, rng: random.Random, count: int) -> list[Concept]:
        """Different concepts of one category, at most as many as it has."""
        category = self._categories[_drawn(self._shares, rng)]
        count = min(count, len(self._ranked[category][0]))
        found: dict[str, Concept] = {}
        while len(found) < count:
            one = self._draw_of(category, rng)
            found[one.id] = one
        return list(found.values())

    def _draw_of(self, category: str, rng: random.Random) -> Concept:
        concepts, sums = self._ranked[category]
        return concepts[_drawn(sums, rng)]


def _drawn(sums: list[float], rng: random.Random) -> int:
    """A place, by weights of which these are the running sums."""
    return bisect(sums, rng.random() * sums[-1])


def phrase(topic: str, tag: str) -> Piece:
    """A noun phrase whose span leaves the article out."""
    for article in _ARTICLES:
        if topic.startswith(article):
            return Piece(topic, ((len(article), len(topic), tag),))
    return Piece.tagged(topic, tag)


class Namings:
    """Says which concepts a text names, in any language; rather one too many than one too few.

    Signs do not count, letter case only where a name is all capitals; a name inside a longer one counts too.
    """

    def __init__(self, concepts: Iterable[Concept]) -> None:
        self._words: dict[tuple[str, ...], set[str]] = {}
        self._strings: dict[str, set[str]] = {}
        for concept in concepts:
            for language, names in concept.names.items():
                for name in names:
                    if language in _UNSPACED:
                        self._strings.setdefault(name.lower(), set()).add(concept.id)
                    else:
                        words = _words(name if name.isupper() else name.lower())
                        self._words.setdefault(words, set()).add(concept.id)
        self._words.pop((), None)
        self._lengths = sorted({len(words) for words in self._words})

    def of(self, text: str) -> frozenset[str]:
        """Ids of the concepts that a text names."""
        lower = text.lower()
        found: set[str] = set()
        for words in (_words(text), _words(lower)):
            for length in self._lengths:
                for start in range(len(words) - length + 1):
                    found |= self._words.get(words[start : start + length], set())
        for name, ids in self._strings.items():
            if name in lower:
                found |= ids
        return frozenset(found)


def _words(text: str) -> tuple[str, ...]:
    return tuple("".join(sign if sign.isalnum() else " " for sign in text).split())
