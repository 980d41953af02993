from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monosema.errors import UsageError
from monosema.kernels import Moments


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 50), max_size=4), seed=st.integers(0, 1000))
def test_parts_in_any_cut_give_the_moments_of_the_whole(cuts: list[int], seed: int) -> None:
    x = 3 + torch.randn(50, 4, generator=torch.Generator().manual_seed(seed))
    bounds = [0, *sorted(cuts), 50]
    moments = Moments.none(4)
    for start, end in pairwise(bounds):
        moments = moments.merge(Moments.of(x[start:end]))
    wide = x.double()
    assert moments.count == 50
    torch.testing.assert_close(moments.mean, wide.mean(0))
    assert moments.mean_squared_norm == pytest.approx(float(wide.square().sum(1).mean()))
    assert moments.variance == pytest.approx(float((wide - wide.mean(0)).square().sum(1).mean()))


def test_moments_of_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="no positions"):
        _ = Moments.none(3).mean
