"""Packing of postings: exact inverses, and the precision that is stated."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monosema.index.codes import (
    BINS,
    PRECISION,
    ROWS,
    bin_edges,
    bins_of,
    codes_of,
    pack_rows,
    unpack_list,
    unpack_rows,
    values_of,
)

ROW_SETS = st.lists(st.sets(st.integers(0, ROWS - 1), max_size=40), max_size=12)


@given(ROW_SETS, st.lists(st.tuples(st.integers(0, 999), st.integers(1, 300)), max_size=3))
def test_lists_of_rows_come_back(sets: list[set[int]], dense: list[tuple[int, int]]) -> None:
    lists = [sorted(some) for some in sets] + [list(range(first, ROWS, step)) for first, step in dense]
    counts = np.array([len(some) for some in lists], dtype=np.int64)
    rows = np.array([row for some in lists for row in some], dtype=np.int64)
    packed, starts = pack_rows(rows, counts)
    assert np.array_equal(unpack_rows(packed, counts, np.diff(starts)), rows)
    for number, some in enumerate(lists):  # each by itself too
        alone = packed[starts[number] : starts[number + 1]]
        assert unpack_list(alone, len(some)).tolist() == some
        assert len(alone) <= 2 * len(some)


def test_a_feature_that_fires_at_every_row_takes_one_byte_a_row() -> None:
    packed, _ = pack_rows(np.arange(ROWS), np.array([ROWS]))
    assert len(packed) == ROWS


@given(st.floats(2.0**-16, 65_000, width=32))
def test_an_activation_comes_back_within_the_stated_precision(value: float) -> None:
    back = float(values_of(codes_of(np.array([value])))[0])
    assert abs(back / value - 1) <= PRECISION + 1e-7


@given(st.lists(st.floats(2.0**-30, 2.0**30, width=32), min_size=1))
def test_the_bin_of_a_code_is_the_bin_of_its_activation(values: list[float]) -> None:
    edges = bin_edges()
    edges[0], edges[-1] = 0, np.inf
    codes = codes_of(np.array(values))
    expected = np.searchsorted(edges, np.clip(values, 2.0**-16, 2.0**16), side="right") - 1
    assert bins_of(codes).tolist() == np.minimum(expected, BINS - 1).tolist()


def test_equal_activations_have_equal_codes_and_larger_ones_never_smaller() -> None:
    values = np.sort(np.random.default_rng(0).lognormal(0, 2, 5000))
    assert (np.diff(codes_of(values).astype(np.int64)) >= 0).all()
