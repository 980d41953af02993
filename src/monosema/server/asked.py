"""What a search may ask: one record with exactly one way to find features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from monosema.errors import UsageError
from monosema.index import Filter
from monosema.server.record import Record, Text

MOST_TEXTS = 32
MOST_LABELLED = 500
WIDEST = 1 << 16
Words = Annotated[Text, StringConstraints(min_length=1)]


class Bounds(Record):
    """A smallest and a largest value, both allowed; null asks nothing."""

    low: float | None = None
    high: float | None = None


class Where(Record):
    """What the index must have counted of a feature. Every condition that is given must hold."""

    dead: bool | None = None
    """Whether it never fires in the index."""
    density: Bounds | None = None
    """Share of positions at which it fires."""
    maximum: Bounds | None = None
    """Its largest activation."""
    mean: Bounds | None = None
    """Mean of its activations where it fires."""
    top_token: int | None = Field(None, ge=0)
    """Number of the token that holds most of its summed activation."""
    tag: Words | None = None
    """Tag whose spans hold at least half of its firings."""
    interval: int | None = None
    """A tenth of (0, maximum], 0 the weakest, in which it fires at least once."""

    def filter(self) -> Filter:
        """The same for the library. Raises `UsageError` for bounds that hold nothing."""
        return Filter(
            dead=self.dead,
            density=_range(self.density),
            maximum=_range(self.maximum),
            mean=_range(self.mean),
            top_token=self.top_token,
            tag=self.tag,
            interval=self.interval,
        )


def _range(bounds: Bounds | None) -> tuple[float, float] | None:
    if bounds is None:
        return None
    return (
        0.0 if bounds.low is None else bounds.low,
        math.inf if bounds.high is None else bounds.high,
    )


class LabelledText(Record):
    """A text of one of two kinds."""

    text: Words
    label: Literal[0, 1]


class Find(Record):
    """What to find features by: exactly one of `on`, `token`, `tag`, `text`, `like`, `at`, `vector`, `labelled`; or
    `where`, alone or beside one of them."""

    on: list[Words] | None = Field(None, min_length=1, max_length=MOST_TEXTS)
    """Texts that should fire it."""
    off: list[Words] = Field(default=[], max_length=MOST_TEXTS)
    """Texts that should not; beside `on` only."""
    token: Words | None = None
    """A text that is one token (mind the blank before a word)."""
    tag: Words | None = None
    """A tag in whose spans it should fire."""
    text: Words | None = None
    """Words of its name, the tokens that it fires on or promotes, or its tags; the last may be the beginning of one."""
    like: Words | None = None
    """A text that means what its words mean; needs an embedding model, and the meanings made once."""
    at: Words | None = None
    """A text at one token of which it should fire."""
    position: int | None = None
    """Which token of `at`, from 0, or from the end; the last (-1) where it is not given."""
    vector: list[float] | None = Field(None, min_length=1, max_length=WIDEST)
    """A vector as wide as the SAE's hook point."""
    meant: Literal["direction", "activation"] | None = None
    """What `vector` is: a direction, to be compared with what features write (where it is not given), or a raw
    activation, on which they fire."""
    where: Where | None = None
    """What the index must have counted of it; beside another way only such features are found."""
    labelled: list[LabelledText] | None = Field(None, max_length=MOST_LABELLED)
    """Texts of two kinds that it should tell apart, 10 or more of each."""
    n: int = Field(10, ge=1, le=100)
    """Most candidates."""


BESIDE = {"off": "on", "position": "at", "meant": "vector"}
"""What says more about one of the ways."""


def way_of(asked: Find, ways: Sequence[str]) -> str:
    """The one of the ways that is asked for; raises `UsageError` for none, several, or what belongs to another one.

    `where` is the way where no other one is given.
    """
    given = [way for way in ways if way != "where" and getattr(asked, way) is not None]
    if asked.where is not None and not given:
        given = ["where"]
    if len(given) != 1:
        raise UsageError(f"give one thing to find by, not {len(given)}: {', '.join(ways[:-1])} or {ways[-1]}")
    for name, way in BESIDE.items():
        if getattr(asked, name) not in (None, []) and given != [way]:
            raise UsageError(f"{name} stands beside {way} only; give {way}, too, or leave {name} out")
    return given[0]
