"""Two SAEs on planted directions: copies, parts of one, strangers; and what chance reaches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monosema.index.across import across, splitting_tree
from monosema.index.chance import HIGH, best_of_random, chance
from monosema.index.clusters import clusters
from monosema.index.codes import NONE
from monosema.index.neighbours import nearest, neighbours

WIDTH = 64


def unit(n: int, seed: int, width: int = WIDTH) -> torch.Tensor:
    rows = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def test_copies_in_another_order_are_matched() -> None:
    small = unit(50, 0)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    found = across(small, 3.0 * small[order], seed=0)
    assert set(found.large) == {"matched"} == set(found.small)
    assert found.parents.tolist() == order.tolist()
    np.testing.assert_allclose(found.parent_cosines, 1.0, atol=1e-6)


def test_a_rotated_copy_has_nothing_in_common_and_stays_within_chance() -> None:
    small = unit(400, 2)
    turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(3)))[0]
    found = across(small, small @ turn, seed=0)
    assert set(found.large) == {"new"}
    assert set(found.small) == {"orphaned"}
    below = (found.partner_cosines <= found.chance.isotropic_high).mean()
    assert below == pytest.approx(HIGH, abs=0.02)
    assert (found.partner_cosines <= found.chance.isotropic_median).mean() == pytest.approx(0.5, abs=0.1)
    assert found.chance.alike_median == pytest.approx(found.chance.isotropic_median, abs=0.01)


def family() -> tuple[torch.Tensor, torch.Tensor]:
    """Small: a copied feature, one that splits in 3, one that is gone, one of norm 0. Large: 1 + 3, 2 new, 1 dead."""
    axes = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(4)))[0].T
    small = torch.cat([axes[:3], torch.zeros(1, WIDTH)])
    parts = axes[1] + 0.4 * axes[10:13]
    large = torch.cat([axes[:1], parts, axes[20:22], torch.zeros(1, WIDTH)])
    return small, large


def test_split_new_orphaned_and_dead_features_are_told_apart() -> None:
    found = across(*family(), seed=0)
    assert found.large.tolist() == ["matched", "split", "split", "split", "new", "new", "dead"]
    assert found.small.tolist() == ["matched", "split", "orphaned", "dead"]
    assert found.children.tolist() == [1, 3, 0, 0]
    assert found.counts()["large"] == {"matched": 1, "split": 3, "near": 0, "new": 2, "dead": 1}
    assert found.parents[-1] == NONE


def test_near_but_second_best_is_neither_matched_nor_split() -> None:
    axes = torch.eye(WIDTH)
    small = torch.stack([axes[0], axes[0] + 0.5 * axes[1]])
    large = torch.stack([axes[0] + 0.55 * axes[1], axes[2]])
    found = across(small, large, seed=0)
    assert found.large.tolist() == ["matched", "new"]
    assert found.small.tolist() == ["near", "matched"]
    back = across(large, small, seed=0)
    assert back.small.tolist() == ["split", "orphaned"]
    assert back.large.tolist() == ["split", "split"]


def test_every_feature_is_of_one_class_and_both_sides_agree() -> None:
    mixed = torch.cat([unit(40, 5), unit(40, 5) + 0.1 * unit(40, 6), unit(60, 7)])
    found = across(unit(60, 5), mixed, threshold=0.5, seed=0)
    counts = found.counts()
    assert sum(counts["large"].values()) == 140
    assert sum(counts["small"].values()) == 60
    assert counts["large"]["matched"] == counts["small"]["matched"]
    assert counts["large"]["split"] == found.children[found.children > 1].sum()
    parents = found.parents[found.large == "matched"]
    assert (found.small[parents] == "matched").all()


def test_a_tree_holds_what_each_feature_went_into() -> None:
    small, middle = family()
    large = torch.cat([middle[1] + 0.3 * torch.eye(WIDTH)[:2], middle[:1]])
    levels = [torch.cat([W, unit(100, 20 + level)]) for level, W in enumerate((small, middle, large))]
    tree = splitting_tree(list(zip("sml", levels, strict=True)), seed=0)
    node = tree.node(0, 1)
    assert (node["sae"], node["feature"], node["cosine"]) == ("s", 1, None)
    assert {child["feature"] for child in node["children"]} == {1, 2, 3}
    cosines = [child["cosine"] for child in node["children"]]
    assert cosines == sorted(cosines, reverse=True)
    assert cosines[0] == pytest.approx(1 / (1 + 0.4**2) ** 0.5, abs=1e-6)
    first = next(child for child in node["children"] if child["feature"] == 1)
    assert {leaf["feature"] for leaf in first["children"]} == {0, 1}
    assert all(leaf["children"] == [] for leaf in first["children"])
    assert tree.node(0, 2)["children"] == []


@pytest.mark.parametrize(("width", "count"), [(8, 30), (64, 1000), (512, 200), (3, 1)])
@pytest.mark.parametrize("quantile", [0.5, 0.99])
def test_the_best_of_random_directions_is_as_the_formula_says(
    width: int, count: int, quantile: float
) -> None:
    draws = 2000
    best = np.array(
        [(unit(count, seed, width) @ torch.eye(width)[0]).max().item() for seed in range(1000, 1000 + draws)]
    )
    share = (best <= best_of_random(width, count, quantile)).mean()
    error = (quantile * (1 - quantile) / draws) ** 0.5
    assert share == pytest.approx(quantile, abs=4 * error)


def test_directions_that_share_a_few_axes_come_nearer_by_chance_than_even_ones() -> None:
    narrow = torch.randn(500, WIDTH, generator=torch.Generator().manual_seed(8)) * torch.linspace(
        3, 0.01, WIDTH
    )
    found = chance(narrow, narrow, seed=0)
    assert found.alike_high > found.isotropic_high + 0.1
    assert found.high == found.alike_high
    other = torch.randn(500, WIDTH, generator=torch.Generator().manual_seed(9)) * torch.linspace(
        3, 0.01, WIDTH
    )
    reached = nearest(narrow, other, 1)[1]
    assert float((reached <= found.alike_high).float().mean()) == pytest.approx(HIGH, abs=0.02)
    assert found == chance(narrow, narrow, seed=0)


def test_random_directions_form_next_to_no_clusters_above_chance() -> None:
    W = unit(1000, 11)
    names, cosines = neighbours(W, 14)
    numbers = clusters(W, names.numpy(), cosines.numpy(), least=chance(W, W, seed=0).high)
    assert (numbers != NONE).mean() < 0.01
