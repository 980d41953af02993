"""Nearest directions against the slow way: every pair by itself, in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monosema.errors import UsageError
from monosema.index.codes import NONE
from monosema.index.neighbours import Tile, cosines_with, nearest, nearest_to, neighbours


def slow(a: torch.Tensor, b: torch.Tensor, n: int, *, itself: bool) -> tuple[np.ndarray, np.ndarray]:
    """The n nearest by float64 cosines, of equals the lower number; -1 and 0 where there are none."""
    names = np.full((len(a), n), NONE)
    cosines = np.zeros((len(a), n), dtype=np.float32)
    wide = b.double().numpy()
    norms = np.sqrt((wide * wide).sum(1))
    for row, one in enumerate(a.double().numpy()):
        norm = np.sqrt((one * one).sum())
        if norm == 0:
            continue
        found = (wide * one).sum(1) / np.where(norms > 0, norm * norms, 1.0)
        allowed = norms > 0
        if not itself:
            allowed[row] = False
        numbers = np.flatnonzero(allowed)
        order = numbers[np.lexsort((numbers, -found[numbers]))][:n]
        names[row, : len(order)], cosines[row, : len(order)] = order, found[order]
    return names, cosines


def directions(n: int, width: int, seed: int) -> torch.Tensor:
    """Directions of every norm with copies, near copies, opposites and some of norm 0 among them."""
    generator = torch.Generator().manual_seed(seed)
    W = torch.randn(n, width, generator=generator)
    W *= torch.rand(n, 1, generator=generator).mul(8).sub(4).exp()
    pick = torch.randint(n, (n, 2), generator=generator)
    third = n // 3
    W[pick[:third, 0]] = W[pick[:third, 1]] * 2  # exact ties
    W[pick[third : n // 2, 0]] = W[pick[third : n // 2, 1]] * (1 + 1e-7 * torch.randn(width))
    W[: n // 10] = -W[n - n // 10 :] if n >= 10 else W[:0]
    W[pick[: n // 20, 1]] = 0.0
    return W


@pytest.mark.parametrize(("n", "width"), [(700, 24), (1000, 96), (7, 3)])
def test_neighbours_are_those_of_every_pair_in_float64(n: int, width: int) -> None:
    W = directions(n, width, seed=n)
    found, cosines = neighbours(W, 5, tile=Tile(256, 300))
    names, expected = slow(W, W, 5, itself=False)
    np.testing.assert_array_equal(found.numpy(), names)
    np.testing.assert_array_equal(cosines.numpy(), expected)


def test_nearest_between_two_sets_may_be_the_same_direction() -> None:
    W = directions(300, 16, seed=1)
    W[5] = 0.0
    found, cosines = nearest(W[:50], W, 4, tile=Tile(32, 70))
    names, expected = slow(W[:50], W, 4, itself=True)
    np.testing.assert_array_equal(found.numpy(), names)
    np.testing.assert_array_equal(cosines.numpy(), expected)
    assert found[5].tolist() == [NONE] * 4
    assert float(cosines[7, 0]) == 1.0


@given(seed=st.integers(0, 9), rows=st.integers(15, 130), columns=st.integers(15, 130))
def test_the_size_of_a_tile_changes_no_bit(seed: int, rows: int, columns: int) -> None:
    W = directions(120, 20, seed)
    whole = neighbours(W, 6)
    parts = neighbours(W, 6, tile=Tile(rows, columns))
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])


def test_more_copies_than_candidates_still_give_the_lowest_numbers() -> None:
    W = torch.randn(200, 8, generator=torch.Generator().manual_seed(2))
    W[20:170] = W[3]
    found, cosines = neighbours(W, 4, tile=Tile(64, 50))
    assert found[3].tolist() == [20, 21, 22, 23]
    assert found[100].tolist() == [3, 20, 21, 22]
    assert torch.equal(cosines[100], torch.ones(4))
    np.testing.assert_array_equal(found.numpy(), slow(W, W, 4, itself=False)[0])


def test_a_direction_of_norm_0_has_no_neighbours_and_is_none() -> None:
    W = torch.randn(30, 8, generator=torch.Generator().manual_seed(3))
    W[4:] = 0.0
    found, cosines = neighbours(W, 6)
    assert torch.equal(found[4:], torch.full((26, 6), NONE))
    assert not cosines[4:].any()
    assert found[0].tolist()[3:] == [NONE] * 3
    assert set(found[0].tolist()[:3]) == {1, 2, 3}


def test_few_features_have_few_neighbours() -> None:
    W = torch.eye(3)
    assert neighbours(W)[0].shape == (3, 2)
    assert neighbours(W[:1])[0].shape == (1, 0)
    assert nearest(W, W[:1])[0].tolist() == [[0]] * 3


def test_half_precision_and_a_file_on_disk_are_read_as_they_are(tmp_path: Path) -> None:
    W = directions(90, 12, seed=4).half()
    W.numpy().tofile(tmp_path / "rows.bin")
    mapped = torch.from_file(str(tmp_path / "rows.bin"), size=W.numel(), dtype=torch.float16).view(90, 12)
    found, _ = neighbours(mapped, 3, tile=Tile(40, 40))
    np.testing.assert_array_equal(found.numpy(), slow(W, W, 3, itself=False)[0])


def test_directions_of_other_width_are_refused() -> None:
    with pytest.raises(UsageError, match="width 3 and 4"):
        nearest(torch.ones(2, 3), torch.ones(2, 4))


@pytest.mark.parametrize(("n", "width"), [(700, 24), (1000, 96), (7, 3)])
def test_the_nearest_to_one_direction_are_those_of_every_pair_in_float64(n: int, width: int) -> None:
    W = directions(n, width, seed=n)
    names, cosines = slow(W, W, 5, itself=True)
    for row in range(0, n, 7):
        found = nearest_to(W[row], W, 5)
        assert [one for one, _ in found] == [one for one in names[row].tolist() if one != NONE]
        assert [cosine for _, cosine in found] == cosines[row][: len(found)].tolist()


def test_all_cosines_with_one_direction_are_those_of_float64() -> None:
    W = directions(500, 48, seed=1)
    found = cosines_with(W[3], W).double()
    wide = W.double()
    norms = wide.norm(dim=1)
    assert found.isnan().tolist() == (norms == 0).tolist()
    alive = norms > 0
    expected = (wide[alive] @ wide[3]) / (norms[alive] * norms[3])
    torch.testing.assert_close(found[alive], expected, rtol=0, atol=4e-7 * 51)
    assert cosines_with(torch.zeros(48), W).isnan().all()
    with pytest.raises(UsageError, match="width 3 and 48"):
        nearest_to(torch.ones(3), W)
