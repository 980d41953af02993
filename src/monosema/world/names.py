"""Where text names a concept: all names of a catalogue found at once.

A name with a capital is matched with its case, one without in any case; where a script writes blanks between words,
a name is matched as whole words only. Of names that overlap, the one that begins first counts, of these the longest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from monosema.world.catalogue import Concept

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Mention:
    """Characters `start` to `end` (not counted) name a concept."""

    start: int
    end: int
    concept: str


@dataclass(frozen=True)
class _Name:
    text: str
    concept: str
    cased: bool
    counts_alone: bool
    """Whether it counts in documents about other things."""
    whole: bool
    """Whether it ends with a letter or digit that no other may follow."""

    def stands_at(self, text: str, start: int) -> bool:
        end = start + len(self.text)
        piece = text[start:end]
        if (piece if self.cased else piece.lower()) != self.text:
            return False
        return not (self.whole and _WORD.match(text[end : end + 1]))


class NameMatcher:
    """Finds every name of some concepts in text: each word of a text is looked up among the first words of names."""

    def __init__(self, concepts: Iterable[Concept]) -> None:
        self._by_word: dict[str, list[_Name]] = {}
        self._anywhere: dict[str, list[_Name]] = {}  # by first character: scripts without blanks, and signs
        for concept in concepts:
            ambiguous = {name.lower() for name in concept.ambiguous}
            for text in concept.all_names:
                spaced = not _UNSPACED.search(text)
                name = _Name(
                    text=text,
                    concept=concept.id,
                    cased=text != text.lower(),
                    counts_alone=text.lower() not in ambiguous,
                    whole=spaced and _WORD.match(text[-1]) is not None,
                )
                first = _WORD.match(text)
                if spaced and first:
                    self._by_word.setdefault(first[0].lower(), []).append(name)
                else:
                    self._anywhere.setdefault(text[0].lower(), []).append(name)
        characters = "".join({c for first in self._anywhere for c in (first, first.upper()) if len(c) == 1})
        self._starts = re.compile(f"[{re.escape(characters)}]") if characters else None

    def find(self, text: str, about: Collection[str] = ()) -> list[Mention]:
        """All mentions in their order; ambiguous names count where `about` has their concept."""
        places = [
            (word.start(), names)
            for word in _WORD.finditer(text)
            if (names := self._by_word.get(word[0].lower())) is not None
        ]
        if self._starts is not None:
            places += [(one.start(), self._anywhere[one[0].lower()]) for one in self._starts.finditer(text)]
        hits = {
            Mention(start, start + len(name.text), name.concept)
            for start, names in places
            for name in names
            if (name.counts_alone or name.concept in about) and name.stands_at(text, start)
        }
        return list(_without_overlaps(sorted(hits, key=lambda hit: (hit.start, -hit.end, hit.concept))))


def _without_overlaps(hits: Iterable[Mention]) -> Iterator[Mention]:
    last = Mention(0, 0, "")
    for hit in hits:
        if hit.start >= last.end or (hit.start, hit.end) == (last.start, last.end):
            last = hit
            yield hit
