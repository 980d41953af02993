"""Where text names a concept: all names of a catalogue found at once.

A name with a capital is matched with its case, one without in any case; where a script writes blanks between words,
a name is matched as whole words only. Of names that overlap, the one that begins first counts, of these the longest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from monosema.world.catalogue import Concept

_WORD = re.compile(r"\w")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Mention:
    """Characters `start` to `end` (not counted) name a concept."""

    start: int
    end: int
    concept: str


class NameMatcher:
    """Finds every name of some concepts in text. A text is read in linear time by one automaton of all names."""

    def __init__(self, concepts: Iterable[Concept]) -> None:
        self._cased: dict[str, list[str]] = {}
        self._uncased: dict[str, list[str]] = {}
        self._ambiguous: dict[str, frozenset[str]] = {}
        for concept in concepts:
            self._ambiguous[concept.id] = frozenset(_folded(name) for name in concept.ambiguous)
            for name in concept.all_names:
                table = self._uncased if name == name.lower() else self._cased
                table.setdefault(name, []).append(concept.id)
        self._patterns: list[tuple[re.Pattern[str] | None, dict[str, list[str]], Callable[[str], str]]] = [
            (_pattern(self._cased, 0), self._cased, str),
            (_pattern(self._uncased, re.IGNORECASE), self._uncased, str.lower),
        ]

    def find(self, text: str, about: Collection[str] = ()) -> list[Mention]:
        """All mentions in their order; ambiguous names count where `about` has their concept."""
        hits = {
            Mention(found.start(), found.end(), concept)
            for pattern, table, fold in self._patterns
            if pattern is not None
            for found in pattern.finditer(text)
            for concept in table.get(fold(found[0]), ())
            if concept in about or _folded(found[0]) not in self._ambiguous[concept]
        }
        return list(_without_overlaps(sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.concept))))


def _folded(name: str) -> str:
    return name.lower()


def _without_overlaps(hits: Iterable[Mention]) -> Iterator[Mention]:
    last = Mention(0, 0, "")
    for hit in hits:
        if hit.start >= last.end or (hit.start, hit.end) == (last.start, last.end):
            last = hit
            yield hit


def _pattern(names: Iterable[str], flags: int) -> re.Pattern[str] | None:
    """One expression for all names, as trees of their characters, so that matching does not try each in turn."""
    trees: dict[tuple[str, str], dict[str, Any]] = {}
    for name in names:
        words = not _UNSPACED.search(name)
        before = r"(?<!\w)" if words and _WORD.match(name[0]) else ""
        after = r"(?!\w)" if words and _WORD.match(name[-1]) else ""
        node = trees.setdefault((before, after), {})
        for character in name:
            node = node.setdefault(character, {})
        node[""] = {}
    parts = [f"{before}{_expression(tree)}{after}" for (before, after), tree in trees.items()]
    return re.compile("|".join(parts), flags) if parts else None


def _expression(node: dict[str, Any]) -> str:
    branches = [re.escape(character) + _expression(rest) for character, rest in node.items() if character]
    if not branches:
        return ""
    joined = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{joined})?" if "" in node else joined
