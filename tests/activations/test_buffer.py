"""The swap buffer: every row once, uniform, the same after a resume."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monosema.activations import SwapBuffer
from monosema.activations.buffer import distinct
from monosema.errors import UsageError


def buffer(capacity: int, seed: int = 0) -> SwapBuffer:
    return SwapBuffer(capacity, 1, dtype=torch.float32, generator=torch.Generator().manual_seed(seed))


def numbered(begin: int, n: int) -> torch.Tensor:
    return torch.arange(begin, begin + n, dtype=torch.float32)[:, None]


@given(
    capacity=st.integers(1, 40),
    blocks=st.lists(st.integers(0, 60), max_size=12),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=60)
def test_every_row_is_handed_out_exactly_once(capacity: int, blocks: list[int], seed: int) -> None:
    mixed, out, given_rows = buffer(capacity, seed), [], 0
    for n in blocks:
        out.append(mixed.push(numbered(given_rows, n)))
        given_rows += n
        assert sum(map(len, out)) == max(0, given_rows - capacity)
    out.append(mixed.drain())
    assert torch.cat(out).flatten().sort().values.tolist() == list(range(given_rows))


def test_rows_leave_at_a_uniform_rate() -> None:
    """A row's stay, in blocks, is geometric with p = n / capacity."""
    capacity, n, blocks = 200, 10, 2000
    mixed = buffer(capacity)
    mixed.push(numbered(-capacity, capacity))
    stays = []
    for block in range(blocks):
        came = mixed.push(torch.full((n, 1), float(block))).flatten()
        stays.append(block - came[came >= 0])
    stay = torch.cat(stays[blocks // 2 :])
    assert stay.mean() == pytest.approx(capacity / n, rel=0.05)
    assert (stay == 1).float().mean() == pytest.approx(n / capacity, abs=0.007)


def test_places_drawn_are_distinct_and_uniform() -> None:
    generator = torch.Generator().manual_seed(0)
    for n, below in ((3, 50), (30, 50)):
        counts = torch.zeros(n, below)
        for _ in range(4000):
            places = distinct(n, below, generator)
            assert len(places.unique()) == n
            counts[torch.arange(n), places] += 1
        expected = 4000 / below
        statistic = float(((counts - expected) ** 2 / expected).sum(1).max())
        assert statistic < 100  # chi squared with 49 degrees of freedom: p below 1e-4 even once in 30


def test_a_resumed_buffer_goes_on_to_the_bit() -> None:
    whole = buffer(16)
    whole.push(numbered(0, 30))
    state = whole.state()
    expected = [whole.push(numbered(30, 9)), whole.drain()]
    resumed = buffer(16, seed=5)
    resumed.load(state)
    assert all(map(torch.equal, [resumed.push(numbered(30, 9)), resumed.drain()], expected))


def test_a_state_of_another_size_is_refused() -> None:
    with pytest.raises(UsageError, match="same settings"):
        buffer(16).load(buffer(15).state())
    with pytest.raises(UsageError, match="1 or more"):
        buffer(0)
