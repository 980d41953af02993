from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monosema.errors import UsageError
from monosema.kernels import ByFeature, SparseActs, energy, row_dots

pytestmark = pytest.mark.usefixtures("kernels")

SLOW = settings(max_examples=60, deadline=None)


@st.composite
def matrices(draw: st.DrawFn) -> Tensor:
    """Small matrices with many zeros, empty rows, equal values, no rows."""
    n, d_sae = draw(st.integers(0, 6)), draw(st.integers(1, 9))
    value = st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 2.0])
    numbers = draw(st.lists(value, min_size=n * d_sae, max_size=n * d_sae))
    return torch.tensor(numbers, dtype=torch.float32).view(n, d_sae)


def same(a: SparseActs, b: SparseActs) -> bool:
    pairs = [(a.offsets, b.offsets), (a.indices, b.indices), (a.values, b.values)]
    return a.d_sae == b.d_sae and all(torch.equal(x, y) for x, y in pairs)


@SLOW
@given(matrices())
def test_dense_and_back_is_the_same(m: Tensor) -> None:
    acts = SparseActs.from_dense(m)
    assert torch.equal(acts.dense(), m)
    assert same(SparseActs.from_dense(acts.dense()), acts)
    assert (len(acts), acts.nnz) == (len(m), int((m != 0).sum()))


@SLOW
@given(matrices())
def test_rows_and_columns_are_those_of_the_matrix(m: Tensor) -> None:
    acts = SparseActs.from_dense(m)
    for i in range(-len(m), len(m)):
        indices, values = acts.row(i)
        assert indices.tolist() == m[i].nonzero().flatten().tolist()
        assert values.tolist() == m[i][m[i] != 0].tolist()
    for f in range(m.shape[1]):
        rows, values = acts.column(f)
        assert rows.tolist() == m[:, f].nonzero().flatten().tolist()
        assert values.tolist() == m[:, f][m[:, f] != 0].tolist()


@SLOW
@given(matrices(), st.integers(0, 5))
def test_top_keeps_the_largest_and_the_first_of_equals(m: Tensor, k: int) -> None:
    kept = torch.zeros_like(m)
    for i, row in enumerate(m):
        best = sorted(row.nonzero().flatten().tolist(), key=lambda f: (-float(row[f]), f))[:k]
        kept[i, best] = row[best]
    top = SparseActs.from_dense(m).top(k)
    assert same(top, SparseActs.from_dense(kept))


@SLOW
@given(matrices(), st.data())
def test_select_is_indexing_and_cat_is_stacking(m: Tensor, data: st.DataObject) -> None:
    acts = SparseActs.from_dense(m)
    rows = torch.tensor(data.draw(st.lists(st.integers(0, max(0, len(m) - 1)), max_size=8 if len(m) else 0)))
    assert same(acts.select(rows.long()), SparseActs.from_dense(m[rows.long()]))
    cut = data.draw(st.integers(0, len(m)))
    parts = [SparseActs.from_dense(part) for part in (m[:cut], m[cut:])]
    assert same(SparseActs.cat(parts), acts)


@SLOW
@given(matrices(), st.floats(0, 3))
def test_where_drops_pairs(m: Tensor, bound: float) -> None:
    acts = SparseActs.from_dense(m)
    assert same(acts.where(acts.values > bound), SparseActs.from_dense(m * (m > bound)))


@SLOW
@given(matrices(), st.integers(1, 4))
def test_decode_is_a_matrix_product(m: Tensor, d: int) -> None:
    g = torch.Generator().manual_seed(d)
    W, b = torch.randn(m.shape[1], d, generator=g), torch.randn(d, generator=g)
    acts = SparseActs.from_dense(m)
    torch.testing.assert_close(acts.decode(W, b), m @ W + b, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(acts.decode(W.double()), m.double() @ W.double())


@SLOW
@given(matrices(), st.integers(1, 4), st.integers(1, 5))
def test_sparse_products_are_those_of_the_matrix(m: Tensor, d: int, block: int) -> None:
    g = torch.Generator().manual_seed(d)
    acts = SparseActs.from_dense(m)
    left, right = torch.randn(len(m), d, generator=g), torch.randn(m.shape[1], d, generator=g)
    dots = row_dots(left, right, acts.offsets, acts.rows(), acts.indices)
    torch.testing.assert_close(dots, (left @ right.T)[acts.rows(), acts.indices])
    pairs = ByFeature.of(acts)
    assert torch.equal(pairs.counts(), (m != 0).sum(0))
    torch.testing.assert_close(pairs.sums(acts.values), m.sum(0))
    torch.testing.assert_close(pairs.row_sums(acts.values, left), m.T @ left)
    blocks = [(part, b.row_sums(acts.values, left)) for part, b in pairs.blocks(block)]
    assert [i for part, _ in blocks for i in range(part.start, part.stop)] == list(range(acts.d_sae))
    torch.testing.assert_close(torch.cat([rows for _, rows in blocks]), m.T @ left)


def test_topk_drops_what_is_not_above_zero_and_orders_indices() -> None:
    values = torch.tensor([[3.0, 1.0, 2.0], [0.0, -1.0, 5.0]])
    indices = torch.tensor([[7, 2, 4], [1, 3, 0]])
    acts = SparseActs.from_topk(values, indices, 8)
    assert acts.indices.tolist() == [2, 4, 7, 0]
    assert acts.values.tolist() == [1.0, 2.0, 3.0, 5.0]
    assert acts.offsets.tolist() == [0, 3, 4]
    loose = SparseActs.from_topk(values, indices, 8, ordered=False)
    assert loose.indices.tolist() == [7, 2, 4, 0]
    assert torch.equal(loose.dense(), acts.dense())


def test_l0_counts_values_above_zero() -> None:
    acts = SparseActs.from_dense(torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]))
    assert acts.l0() == 1.5
    assert SparseActs.empty(4, 3).l0() == 0.0
    assert SparseActs.empty(0, 3).l0() == 0.0


def test_no_positions_and_no_pairs_are_fine() -> None:
    W = torch.ones(3, 2)
    assert SparseActs.empty(4, 3).decode(W, torch.ones(2)).tolist() == [[1.0, 1.0]] * 4
    assert SparseActs.empty(0, 3).decode(W).shape == (0, 2)
    assert SparseActs.empty(4, 3).dense().shape == (4, 3)
    assert len(SparseActs.empty(4, 3).to("cpu").top(2)) == 4


def test_parts_that_do_not_fit_are_named() -> None:
    with pytest.raises(UsageError, match=r"d_sae \[3, 5\]"):
        SparseActs.cat([SparseActs.empty(1, 3), SparseActs.empty(1, 5)])
    with pytest.raises(IndexError):
        SparseActs.empty(2, 3).row(2)
    with pytest.raises(IndexError):
        SparseActs.empty(2, 3).column(3)


def test_the_energy_of_millions_of_numbers_is_exact() -> None:
    x = torch.randn(6000, 513, generator=torch.Generator().manual_seed(0))
    assert float(energy(x)) == pytest.approx(float(x.double().square().sum()), rel=1e-7)
