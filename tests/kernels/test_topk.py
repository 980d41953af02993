from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monosema.errors import UsageError
from monosema.kernels import top_k
from monosema.kernels.topk import GroupedScores, candidate_cap, ranked

pytestmark = pytest.mark.usefixtures("kernels")


def slow_top_k(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Sort whole rows; a stable sort lets the lower column stand first among equals."""
    values, columns = scores.sort(dim=1, descending=True, stable=True)
    return values[:, :k], columns[:, :k]


def assert_same(scores: Tensor, k: int) -> None:
    values, columns = top_k(scores, k)
    expected_values, expected_columns = slow_top_k(scores, k)
    assert torch.equal(values, expected_values)
    assert torch.equal(columns, expected_columns)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(0, 9),
    d_sae=st.integers(1, 700),
    k=st.integers(1, 12),
    levels=st.sampled_from([2, 5, 50, 10_000]),
    seed=st.integers(0, 10**6),
)
def test_values_and_columns_are_those_of_a_stable_sort(
    n: int, d_sae: int, k: int, levels: int, seed: int
) -> None:
    g = torch.Generator().manual_seed(seed)
    scores = torch.randint(-levels, levels, (n, d_sae), generator=g).float()
    assert_same(scores, min(k, d_sae))


@pytest.mark.parametrize("d_sae", [4096, 4097, 4111])
def test_distinct_scores_agree_with_torch(d_sae: int) -> None:
    scores = torch.randn(64, d_sae, generator=torch.Generator().manual_seed(1))
    values, columns = top_k(scores, 32)
    theirs = scores.topk(32, dim=1)
    assert torch.equal(values, theirs.values)
    assert torch.equal(columns, theirs.indices)


ROWS = {
    "all equal": torch.zeros(3, 2000),
    "all negative": -1 - torch.rand(5, 2000, generator=torch.Generator().manual_seed(2)),
    "one large group of equals": torch.cat([torch.zeros(4, 1500), torch.ones(4, 500)], dim=1),
    "infinite": torch.full((2, 2000), -torch.inf).index_fill_(1, torch.tensor([5, 900]), torch.inf),
    "one row of many": torch.cat(
        [torch.randn(30, 2000, generator=torch.Generator().manual_seed(3)), torch.ones(1, 2000)]
    ),
    "rising": torch.arange(6000.0).view(3, 2000),
    "falling": torch.arange(6000.0).flip(0).view(3, 2000),
    "beside each other": torch.zeros(2, 2000).index_fill_(1, torch.arange(40, 60), 1.0),
    "in one group": torch.zeros(2, 2000).index_fill_(1, torch.arange(3, 2000, 125), 1.0),
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("k", [1, 8, 33])
def test_awkward_rows_are_exact(name: str, k: int) -> None:
    assert_same(ROWS[name], k)


def test_nan_is_larger_than_all() -> None:
    scores = torch.randn(4, 2000, generator=torch.Generator().manual_seed(4))
    scores[1, 77] = torch.nan
    values, columns = top_k(scores, 8)
    expected_values, expected_columns = slow_top_k(scores, 8)
    assert torch.equal(columns, expected_columns)
    torch.testing.assert_close(values, expected_values, equal_nan=True, rtol=0, atol=0)
    assert torch.isnan(top_k(torch.full((2, 2000), torch.nan), 8)[0]).all()


def test_candidates_are_all_that_reach_the_bound_and_few() -> None:
    scores = torch.randn(40, 2055, generator=torch.Generator().manual_seed(5))
    grouped = GroupedScores(scores)
    bound = grouped.lower_bound(8)
    assert (bound <= scores.topk(8, dim=1).values[:, -1]).all()
    found = grouped.at_least(bound)
    assert found is not None
    rows, columns = (scores >= bound[:, None]).nonzero(as_tuple=True)
    assert set(zip(found.rows.tolist(), found.columns.tolist(), strict=True)) == set(
        zip(rows.tolist(), columns.tolist(), strict=True)
    )
    assert torch.equal(found.rows, rows)
    assert found.counts().max() < candidate_cap(8) / 2
    assert grouped.at_least(bound, limit=len(rows)) is not None
    assert grouped.at_least(bound, limit=len(rows) - 1) is None


def test_looking_at_whole_rows_gives_the_same() -> None:
    scores = torch.randn(40, 2055, generator=torch.Generator().manual_seed(6)).round(decimals=1)
    for mine, whole in zip(top_k(scores, 8), ranked(scores, 8), strict=True):
        assert torch.equal(mine, whole)


@pytest.mark.parametrize("k", [0, 6])
def test_k_out_of_range_is_named(k: int) -> None:
    with pytest.raises(UsageError, match=f"k is {k}; expected 1 to 5"):
        top_k(torch.zeros(2, 5), k)
