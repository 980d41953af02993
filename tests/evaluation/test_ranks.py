"""The best column and threshold against the slow way: every column at every threshold, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monosema.evaluation.ranks import Match, Ranked, RankedPairs
from monosema.kernels import SparseActs

seeds = st.integers(0, 10_000)


def brute(
    values: torch.Tensor, positive: torch.Tensor, weight: torch.Tensor, above: float
) -> tuple[float, int, float]:
    """F1, column and threshold; of equals the lower column, then the higher threshold."""
    weight = weight.double()
    best = (-1.0, 0, math.inf)
    for column in range(values.shape[1]):
        for threshold in sorted({float(v) for v in values[:, column] if v > above}, reverse=True):
            told = values[:, column] >= threshold
            hits = float(weight[told & positive].sum())
            f1 = 2 * hits / float(weight[told].sum() + weight[positive].sum())
            if f1 > best[0] and hits:
                best = (f1, column, threshold)
    return best


def equal(match: Match, expected: tuple[float, int, float]) -> None:
    assert (match.column, match.threshold) == expected[1:]
    assert match.f1 == pytest.approx(expected[0], rel=1e-12)


@given(seed=seeds, levels=st.integers(2, 30), n=st.integers(2, 60))
def test_dense_columns_of_any_sign_match_as_the_slow_way_does(seed: int, levels: int, n: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(-levels, levels, (n, 7), generator=generator) / 4
    positive = torch.rand(n, generator=generator) < 0.3
    for above in (0.0, -math.inf):
        found = Ranked(values, above=above).match(positive)
        equal(found, brute(values, positive, torch.ones(n), above))


@given(seed=seeds)
def test_a_row_of_weight_w_counts_as_w_rows(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 6, (40, 5), generator=generator).float()
    weight = torch.randint(1, 5, (40,), generator=generator)
    positive = torch.rand(40, generator=generator) < 0.2
    weighted = Ranked(values, weight.double()).match(positive)
    assert weighted == Ranked(values.repeat_interleave(weight, 0)).match(positive.repeat_interleave(weight))


@given(seed=seeds, levels=st.integers(2, 30), density=st.floats(0.0, 0.6))
def test_sparse_features_match_as_the_dense_matrix_does(seed: int, levels: int, density: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(1, levels, (50, 12), generator=generator) / 4
    values = values * (torch.rand(50, 12, generator=generator) < density)
    positive = torch.rand(50, generator=generator) < 0.2
    found = RankedPairs(SparseActs.from_dense(values)).match(positive)
    equal(found, brute(values, positive, torch.ones(50), 0.0))


def test_columns_beyond_the_first_chunk_are_seen() -> None:
    positive = torch.arange(100) % 9 == 0
    values = torch.rand(100, 700, generator=torch.Generator().manual_seed(0))
    values[:, 650] = positive * 2.0
    assert Ranked(values).match(positive) == Match(650, 2.0, 1.0)
