from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monosema.corpora.packing import MOST_PADDING, PACKINGS, Layout, plan_batches, shuffled_rows


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    lengths = np.array(draw(st.lists(st.integers(1, 40), min_size=1, max_size=30)), dtype=np.int64)
    count = len(lengths)
    prefix = draw(st.integers(0, 2))
    return Layout(
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        opens=np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool),
        splits=np.array(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), dtype=np.int64),
        prefix=prefix,
        context=draw(st.integers(prefix + 1, 12)),
    )


@given(layouts())
def test_separate_rows_hold_every_token_once_in_order_behind_a_prefix(layout: Layout) -> None:
    packing = PACKINGS["separate"]
    for split in range(4):
        rows = packing.rows(layout, split)
        positions = packing.expand(layout, rows)
        seen = []
        for document, offset, real in zip(positions.document, positions.offset, positions.real, strict=True):
            (owner,) = set(document[real].tolist())  # attention never crosses documents
            put = int((offset[real] < 0).sum())
            first = offset[real][put] == 0
            assert put == (0 if first and layout.opens[owner] else layout.prefix)
            assert offset[real][:put].tolist() == list(range(-put, 0))
            assert real.sum() <= layout.context
            seen += [(owner, place) for place in offset[real][put:].tolist()]
        members = layout.members(split)
        assert seen == [(d, place) for d in members.tolist() for place in range(int(layout.lengths[d]))]


@given(layouts())
def test_joined_rows_are_the_split_end_to_end_but_for_its_last_piece(layout: Layout) -> None:
    packing = PACKINGS["joined"]
    for split in range(4):
        stream = [
            (d, place)
            for d in layout.members(split).tolist()
            for place in range(0 if layout.opens[d] else -layout.prefix, int(layout.lengths[d]))
        ]
        rows = packing.rows(layout, split)
        positions = packing.expand(layout, rows)
        assert positions.real.all()
        found = list(zip(positions.document.ravel().tolist(), positions.offset.ravel().tolist(), strict=True))
        assert found == stream[: len(stream) // layout.context * layout.context]


@pytest.mark.parametrize("name", list(PACKINGS))
@given(layout=layouts(), seed=st.integers(0, 9))
def test_rows_expand_the_same_in_any_order(name: str, layout: Layout, seed: int) -> None:
    packing = PACKINGS[name]
    rows = shuffled_rows(packing, layout, 0, np.random.default_rng(seed))
    together = packing.expand(layout, rows)
    for number in range(len(rows)):
        alone = packing.expand(layout, rows[number : number + 1])
        length = int(rows[number, 2])
        assert (alone.document[0] == together.document[number, :length]).all()
        assert (alone.offset[0] == together.offset[number, :length]).all()


@given(st.lists(st.integers(1, 64), min_size=1, max_size=400), st.integers(64, 700))
def test_batches_hold_every_row_once_within_size_and_padding(lengths: list[int], tokens: int) -> None:
    numbers = np.array(lengths, dtype=np.int64)
    batches = plan_batches(numbers, tokens, 64)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * numbers[batch].max()
        assert padded <= tokens
        assert numbers[batch].sum() >= (1 - MOST_PADDING) * padded
    again = plan_batches(numbers, tokens, 64)
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))
