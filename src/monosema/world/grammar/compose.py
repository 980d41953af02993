"""Text composed by grammar, for what needs exact truth: every document says what it is about and what stands where.

Document n depends on the seed and n only. Makers take turns, two documents each, so that twins stand side by side.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from monosema.errors import UsageError, lookup
from monosema.world.catalogue import Catalogue
from monosema.world.grammar.code import code
from monosema.world.grammar.facts import facts
from monosema.world.grammar.feelings import feelings
from monosema.world.grammar.lists import lists
from monosema.world.grammar.pairs import pairs
from monosema.world.grammar.parallel import parallel
from monosema.world.grammar.session import session
from monosema.world.grammar.text import Composed, Make
from monosema.world.grammar.unnamed import unnamed


@dataclass(frozen=True)
class Maker:
    """One kind of document."""

    prepare: Callable[[Catalogue], Make | None]
    """Does once what can be done before the first document; None where the catalogue lacks what it needs."""
    twins: bool = False
    """Whether documents 2k and 2k + 1 come from one draw, as the two sides of a pair."""


MAKERS: Mapping[str, Maker] = {
    "code": Maker(code, twins=True),
    "session": Maker(session),
    "facts": Maker(facts),
    "feelings": Maker(feelings),
    "parallel": Maker(parallel),
    "lists": Maker(lists),
    "pairs": Maker(pairs, twins=True),
    "unnamed": Maker(unnamed),
}
"""Makers by name."""


def compose(
    catalogue: Catalogue, *, seed: int, documents: int, makers: Sequence[str] | None = None, start: int = 0
) -> Iterator[Composed]:
    """Documents `start` to `start + documents`; makers None: all that the catalogue has enough for.

    Raises `UsageError` for an unknown maker, and for a named one that the catalogue lacks concepts for.
    """
    return _composed(_prepared(catalogue, makers), seed, range(start, start + documents))


def _composed(chosen: Sequence[tuple[Maker, Make]], seed: int, numbers: range) -> Iterator[Composed]:
    for number in numbers:
        maker, make = chosen[number // 2 % len(chosen)]
        yield make(random.Random(f"{seed}/{number - number % 2 if maker.twins else number}"), number)


def _prepared(catalogue: Catalogue, names: Sequence[str] | None) -> list[tuple[Maker, Make]]:
    found = []
    for name in MAKERS if names is None else names:
        make = _make(catalogue, name)
        if make is not None:
            found.append((MAKERS[name], make))
        elif names is not None:
            raise UsageError(
                f"{name} cannot be composed: this catalogue has no concepts for it; leave it out"
            )
    if not found:
        raise UsageError(f"no maker is named; expected some of {', '.join(MAKERS)}")
    return found


@lru_cache(maxsize=32)
def _make(catalogue: Catalogue, name: str) -> Make | None:
    return lookup(MAKERS, name, "maker").prepare(catalogue)
