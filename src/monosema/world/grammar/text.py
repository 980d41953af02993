"""Text that knows its places: pieces with spans, templates that are filled with them, and what a maker hands over."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Span = tuple[int, int, str]
"""Characters start to end (not counted), and their tag."""

BRACES = re.compile(r"\{(\w+)\}")
"""A slot in prose: {name}."""
DOLLAR = re.compile(r"\$([a-z]+\d?)")
"""A slot in code, where braces have another meaning: $name."""


@dataclass(frozen=True, kw_only=True)
class Composed:
    """One composed document."""

    text: str
    tags: Mapping[str, str]
    """maker, template, genre; concept and category where it is about one; more by maker."""
    spans: tuple[Span, ...]
    """What stands where, in order of beginning."""
    held_out: bool
    """Whether it is made from a held-out template."""


Make = Callable[[random.Random, int], Composed]
"""Makes the document of a number; all chance comes from the generator."""


@dataclass(frozen=True)
class Piece:
    """A part of a document, with the spans in it."""

    text: str
    spans: tuple[Span, ...] = ()

    @classmethod
    def tagged(cls, text: str, tag: str) -> Piece:
        """A piece that is one span."""
        return cls(text, ((0, len(text), tag),))


def join(pieces: Iterable[Piece], between: str = "") -> Piece:
    """One piece from several; the spans move with their text."""
    texts: list[str] = []
    spans: list[Span] = []
    length = 0
    for piece in pieces:
        if texts and between:
            texts.append(between)
            length += len(between)
        spans.extend((start + length, end + length, tag) for start, end, tag in piece.spans)
        texts.append(piece.text)
        length += len(piece.text)
    return Piece("".join(texts), tuple(spans))


@dataclass(frozen=True)
class Template:
    """A text with slots, taken apart once."""

    id: str
    """Maker, group and number, such as "facts/capital/2"."""
    text: str
    held_out: bool
    """Whether it is of the quarter of its group that is kept for tests; the hash of its text decides."""
    literals: tuple[str, ...]
    """What stands before, between and after the slots."""
    slots: tuple[str, ...]

    @classmethod
    def parse(
        cls, name: str, text: str, slot: re.Pattern[str] = BRACES, *, held_out: bool = False
    ) -> Template:
        """Take a text apart."""
        parts = slot.split(text)
        return cls(name, text, held_out, tuple(parts[::2]), tuple(parts[1::2]))

    def fill(self, values: Mapping[str, Piece]) -> Piece:
        """The text with every slot replaced by its piece; after "D.C." comes no second full stop."""
        pieces = [Piece(self.literals[0])]
        for slot, literal in zip(self.slots, self.literals[1:], strict=True):
            piece = values[slot]
            twice = literal.startswith(".") and piece.text.endswith(".")
            pieces += (piece, Piece(literal[1:] if twice else literal))
        return join(pieces)


def parse_group(name: str, texts: Sequence[str], slot: re.Pattern[str] = BRACES) -> tuple[Template, ...]:
    """Templates that can stand for one another, numbered as they stand; a quarter of them is held out."""
    kept_back = held_out(texts)
    return tuple(
        Template.parse(f"{name}/{place}", text, slot, held_out=text in kept_back)
        for place, text in enumerate(texts)
    )


def held_out(texts: Sequence[str]) -> frozenset[str]:
    """The quarter of some texts, but at least one of several, whose hashes are the smallest."""
    count = max(1, round(len(texts) / 4)) if len(texts) > 1 else 0
    return frozenset(sorted(texts, key=_hash)[:count])


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def finish(template: Template, piece: Piece, **tags: str) -> Composed:
    """The document of a template."""
    maker = template.id.partition("/")[0]
    known = {"maker": maker, "template": template.id, "genre": "composed"}
    spans = tuple(sorted(piece.spans, key=lambda span: span[:2]))
    return Composed(text=piece.text, tags=known | tags, spans=spans, held_out=template.held_out)
