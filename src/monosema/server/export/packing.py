"""How answers are packed into shards: texts once, activations without their zeros, numbers with 6 figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monosema.index.index import AFTER, BEFORE
from monosema.server.feature_records import Example

WIDE = 64
"""Tokens on each side of an example whose text and activations are kept."""
CUT = 8
"""Tokens from a cut within which characters may be in pieces: two of four bytes."""
DOCUMENT_TOKENS = 1 << 14
"""Tokens of a shard of documents, unless one has more."""


def rounded(value: Any) -> Any:
    """JSON with 6 figures of every number that is not whole; a whole one loses its point."""
    if isinstance(value, float):
        short = float(f"{value:.6g}")
        return int(short) if short.is_integer() and abs(short) < 1e15 else short
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    return value


class Texts:
    """Texts that are stored once, by the order in which they came."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """Where a text stands."""
        return self._places.setdefault(text, len(self._places))

    def all(self) -> list[str]:
        """All of them."""
        return list(self._places)


class Documents:
    """What examples show of documents, put together again."""

    def __init__(self) -> None:
        self._tokens: dict[int, list[str | None]] = {}

    def add(self, example: Example) -> None:
        """Keep the texts around an example."""
        start = example.position - example.peak
        mine = self._tokens.setdefault(example.document, [])
        mine += [None] * (start + len(example.tokens) - len(mine))
        inside = range(CUT, len(example.tokens) - CUT)
        for offset, text in enumerate(example.tokens):
            # near a cut a character may be in pieces: what another example has inside it counts
            if offset in inside or mine[start + offset] is None:
                mine[start + offset] = text

    def shards(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Documents by number, cut into shards: the first number of each and its content."""
        held: dict[str, Any] = {}
        first, size = 0, 0
        for number in sorted(self._tokens):
            tokens = self._tokens[number]
            begin = next(place for place, text in enumerate(tokens) if text is not None)
            if held and size + len(tokens) - begin > DOCUMENT_TOKENS:
                yield first, held
                held, size = {}, 0
            first = first if held else number
            held[str(number)] = {"from": begin, "tokens": tokens[begin:]}
            size += len(tokens) - begin
        if held:
            yield first, held


def packed_example(example: Example, texts: Texts, about: Texts) -> list[Any]:
    """document, position, source, tags, tokens as `examples` shows them, activations within `WIDE` of the peak.

    Texts are places in `texts`, the source and the tags in `about`; activations are pairs of offset from the peak and
    value, where the feature fires.
    """
    narrow = example.tokens[max(0, example.peak - BEFORE) : example.peak + AFTER + 1]
    fired = [
        (offset - example.peak, rounded(value)) for offset, value in enumerate(example.activations) if value
    ]
    return [
        example.document,
        example.position,
        about.place(example.source),
        [[about.place(tag.name), about.place(tag.value)] for tag in example.tags],
        [texts.place(token) for token in narrow],
        [number for pair in fired for number in pair],
    ]


def lean_record(record: Mapping[str, Any], same: Mapping[str, Any]) -> dict[str, Any]:
    """A feature's record without what all have in common."""
    lean = {key: value for key, value in record.items() if key not in same}
    return rounded(lean | {"histogram": record["histogram"]["counts"]})


def columns_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows as columns."""
    return {name: [rounded(row[name]) for row in rows] for name in names}
