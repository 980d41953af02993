"""Documents put together from the examples that show parts of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monosema.index.contexts import TokenTexts
from monosema.server.export.packing import CUT, Documents
from monosema.server.feature_records import Example

TEXT = "a☆☆🍵🍵b🍵cd☆" * 8
BYTES = list(TEXT.encode())
"""A token a byte: each sign but the letters is in pieces of three or four."""


def _decode(ids: object) -> str:
    return bytes(list(ids)).decode(errors="replace")  # type: ignore[call-overload]


def _example(start: int, end: int) -> Example:
    texts = TokenTexts(_decode).of(BYTES[start:end])
    empty = [0.0] * len(texts)
    return Example(
        document=3, position=start, source="", tags=[], tokens=list(texts), activations=empty, peak=0
    )


@given(st.permutations(range(0, len(BYTES), 10)), st.integers(10 + 2 * CUT, 60))
def test_a_character_that_is_cut_in_one_example_is_whole_where_another_has_it_inside(
    starts: list[int], length: int
) -> None:
    documents = Documents()
    for start in starts:
        documents.add(_example(start, min(start + length, len(BYTES))))
    [(first, content)] = documents.shards()
    tokens = content["3"]["tokens"]
    assert (first, content["3"]["from"], len(tokens)) == (3, 0, len(BYTES))
    whole = TokenTexts(_decode).of(BYTES)
    assert tuple(tokens[:-CUT]) == whole[:-CUT]
