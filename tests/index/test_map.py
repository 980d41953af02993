"""Clusters, the map and their floors, on planted directions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monosema.errors import UsageError
from monosema.index.clusters import centrality, clusters
from monosema.index.codes import NONE
from monosema.index.map import NEIGHBOURS, layout, plane, quality
from monosema.index.neighbours import neighbours

WIDTH = 48


def planted(groups: list[int], alone: int, noise: float = 0.5) -> torch.Tensor:
    """Groups of directions about a common one each, then directions of their own, then one of norm 0."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for size in groups:
        centre = torch.nn.functional.normalize(torch.randn(1, WIDTH, generator=generator), dim=1)
        rows.append(centre + noise * torch.randn(size, WIDTH, generator=generator) / WIDTH**0.5)
    own = (
        torch.linalg.qr(torch.randn(WIDTH, alone, generator=generator))[0].T
        if alone
        else torch.empty(0, WIDTH)
    )
    return torch.cat([*rows, own, torch.zeros(1, WIDTH)])


def near(W: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    names, cosines = neighbours(W, NEIGHBOURS)
    return names.numpy(), cosines.numpy()


def slow_clusters(W: torch.Tensor, least: float) -> set[frozenset[int]]:
    """Average linkage over all pairs, by looking at all clusters before every step."""
    unit = torch.nn.functional.normalize(W.double(), dim=1).numpy()
    found = [[row] for row in range(len(W))]
    while True:
        means = [
            (float((unit[a] @ unit[b].T).mean()), i, j)
            for i, a in enumerate(found)
            for j, b in enumerate(found[:i])
        ]
        mean, i, j = max(means, default=(-1.0, 0, 0))
        if mean < least:
            return {frozenset(members) for members in found if len(members) >= 3}
        found[j] += found.pop(i)


def test_planted_groups_are_the_clusters_largest_first() -> None:
    groups = [12, 20, 4, 2]
    W = planted(groups, alone=30)
    numbers = clusters(W, *near(W), least=0.5)
    expected = [1] * 12 + [0] * 20 + [2] * 4 + [NONE] * (2 + 30 + 1)
    assert numbers.tolist() == expected
    assert not centrality(W, numbers)[38:].any()
    assert (centrality(W, numbers)[:36] > 0.7).all()


@pytest.mark.parametrize("least", [0.3, 0.45, 0.6, 0.75])
def test_clusters_are_those_of_average_linkage_over_all_pairs(least: float) -> None:
    W = planted([7, 5, 9, 3], alone=4, noise=0.9)[:-1]
    names, cosines = neighbours(W, len(W) - 1)
    numbers = clusters(W, names.numpy(), cosines.numpy(), least=least)
    found = {frozenset(np.flatnonzero(numbers == one).tolist()) for one in range(numbers.max() + 1)}
    assert found == slow_clusters(W, least)


def test_the_middle_of_a_cluster_is_the_most_central() -> None:
    axes = torch.linalg.qr(torch.randn(WIDTH, 5, generator=torch.Generator().manual_seed(1)))[0].T
    W = torch.cat([axes[:1], axes[0] + 0.5 * axes[1:], axes[0] - 0.5 * axes[1:]])
    values = centrality(W, np.zeros(len(W), dtype=np.int64))
    assert values[0] == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(values[1:], 1 / 1.25**0.5, rtol=1e-6)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    W = planted([15, 15, 15], alone=20)
    first, again, other = (layout(W, *near(W), seed=seed) for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert np.isnan(first[-1]).all()
    assert np.isfinite(first[:-1]).all()


def test_planted_groups_lie_apart_and_the_figures_say_so() -> None:
    W = planted([20, 20, 20, 20], alone=0)
    names, cosines = near(W)
    xy = layout(W, names, cosines, seed=0)
    group = np.arange(80) // 20
    distance = np.linalg.norm(xy[:80, None] - xy[None, :80], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(1)] == group).all()
    found = quality(names, xy)
    assert found.kept > 3 * found.random
    assert found.kept_wide > found.kept
    strewn = quality(names, np.random.default_rng(0).random((81, 2), dtype=np.float32))
    assert strewn.kept == pytest.approx(strewn.random, abs=0.05)


def test_quality_counts_neighbours_one_by_one() -> None:
    generator = np.random.default_rng(3)
    W = torch.from_numpy(generator.normal(size=(60, 8)))
    names, _ = near(W)
    xy = generator.normal(size=(60, 2)).astype(np.float32)
    kept = {10: 0, 30: 0}
    for row in range(60):
        order = np.argsort(((xy - xy[row]) ** 2).sum(1), kind="stable")
        order = order[order != row]
        for shown in kept:
            kept[shown] += len({*order[:shown].tolist()} & {*names[row, :10].tolist()})
    found = quality(names, xy)
    assert found.kept == kept[10] / 600
    assert found.kept_wide == kept[30] / 600
    assert found.random == 10 / 59
    assert found.random_wide == 30 / 59


def test_points_at_the_same_place_are_neighbours_of_each_other_and_not_of_themselves() -> None:
    places = np.random.default_rng(4).random((40, 2), dtype=np.float32)
    partner = np.concatenate([np.arange(40) + 40, np.arange(40)])
    found = quality(partner[:, None], np.concatenate([places, places]))
    assert found.kept == found.kept_wide == 1.0


def test_what_holds_all_neighbours_where_they_were_keeps_all() -> None:
    angle = torch.linspace(0, 1.5, 40)
    W = torch.stack([angle.cos(), angle.sin()], dim=1)
    names, _ = neighbours(W, 10)
    assert quality(names.numpy(), np.stack([angle, 0 * angle], axis=1)).kept > 0.97
    assert plane(W).shape == (40, 2)


def test_too_few_directions_for_a_map_are_refused() -> None:
    W = torch.zeros(30, 6)
    W[:4] = torch.eye(6)[:4]
    with pytest.raises(UsageError, match="4 directions says nothing"):
        layout(W, *near(W), seed=0)
