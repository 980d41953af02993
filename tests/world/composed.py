"""Documents of the grammar, over a small catalogue and the real one, for several tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from monosema.world import LANGUAGES, Catalogue, Concept, NameMatcher
from monosema.world.grammar import MAKERS, Composed, compose

DOCUMENTS = 400
SYNTAX = ("missing colon", "unclosed bracket", "unclosed quote", "wrong indentation")
RAISED = {
    "undefined name": "NameError",
    "division by zero": "ZeroDivisionError",
    "wrong index": "IndexError",
    "wrong key": "KeyError",
    "missing argument": "TypeError",
    "wrong type": "TypeError",
    "missing self": "AttributeError",
    "wrong method": "AttributeError",
}


def concept(name: str, category: str, topic: str | None = None, **facts: str) -> Concept:
    return Concept(
        id=name, category=category, topic=topic or name.title(), facts=facts,
        names={language: (name.title(), name.title() + "s") for language in LANGUAGES},
        about={language: tuple(f"what riddle {i} is about" for i in range(2)) for language in LANGUAGES},
    )  # fmt: skip


SMALL = Catalogue([
    concept("gallia", "country", "the Gallia", capital="@lutetia", currency="as"),
    concept("iberia", "country", capital="Toletum", currency="denarius"),
    concept("lutetia", "city", country="@gallia"),
    concept("vercingetorix", "person", birthplace="@gallia"),
    concept("viriathus", "person", birthplace="@iberia", born="180 BC"),
    concept("caesar", "person", birthplace="Roma"),
    concept("sadness", "emotion", "sadness", opposite="@joy"),
    concept("joy", "emotion", "joy", opposite="@sadness", valence="positive"),
])  # fmt: skip
REAL = Catalogue.load()


@cache
def made(name: str, maker: str) -> tuple[Composed, ...]:
    catalogue = {"small": SMALL, "real": REAL}[name]
    return tuple(compose(catalogue, seed=5, documents=DOCUMENTS, makers=[maker]))


def everything() -> Iterator[tuple[Catalogue, Composed]]:
    for name, catalogue in (("small", SMALL), ("real", REAL)):
        for maker in MAKERS:
            yield from ((catalogue, one) for one in made(name, maker))


@cache
def matcher(name: str) -> NameMatcher:
    return NameMatcher([REAL[name]])


def twins(maker: str, documents: tuple[Composed, ...]) -> Iterator[tuple[Composed, Composed]]:
    """The two sides of every pair: right or with the concept first."""
    key, order = {"code": ("twin", "correct"), "pairs": ("pair", "with")}[maker]
    for one, other in zip(documents[::2], documents[1::2], strict=True):
        assert one.tags[key] == other.tags[key]
        assert {one.tags[order], other.tags[order]} == {"yes", "no"}
        yield (one, other) if one.tags[order] == "yes" else (other, one)


def without_spans(one: Composed) -> str:
    """A text without what is marked, and without the articles of that."""
    kept, last = [], 0
    for start, end, _ in one.spans:
        before = one.text[last:start]
        kept.append(
            next((before[: -len(x)] for x in ("the ", "a ", "an ") if before.endswith(f" {x}")), before)
        )
        last = end
    return "\0".join([*kept, one.text[last:]])
