"""Firings of one feature counted anew, against the tokens and activations that were planted."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from index.planted import PlantedIndex
from monosema.index.firing import firings_by_interval, firings_by_token, silent_at_its_token

DOCUMENTS = [["a", "b", "c", "d"] * 5] * 4


@pytest.fixture
def planted(tmp_path: Path) -> PlantedIndex:
    """Features 0: dead; 1: at some of the "c", rising; 2: at every "b", and at one "d"."""
    acts = np.zeros((80, 3))
    acts[2:42:4, 1] = np.linspace(0.1, 2.0, 10)
    acts[1::4, 2] = 4.0
    acts[3, 2] = 1.0
    return PlantedIndex(tmp_path / "i", DOCUMENTS, acts)


def test_firings_by_tenth_of_the_range_are_all_firings(planted: PlantedIndex) -> None:
    for feature in range(3):
        edges, counts = firings_by_interval(planted, feature)
        _, values = planted.postings(feature)
        assert counts.sum() == len(values) == planted.table["count"][feature]
        inside = [
            int(((values > low) & (values <= high * (1 + 1e-9))).sum()) for low, high in pairwise(edges)
        ]
        assert counts.tolist() == inside
    assert firings_by_interval(planted, 2)[1].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0, 20]
    assert firings_by_interval(planted, 0)[0].tolist() == [0.0] * 11


def test_firings_by_token_are_all_firings_the_strongest_token_first(planted: PlantedIndex) -> None:
    known = planted.tokens.known  # type: ignore[attr-defined]
    one, two = (firings_by_token(planted, feature) for feature in (1, 2))
    assert [known[token] for token in two.token] == ["b", "d"]
    assert (two.count.tolist(), two.positions.tolist()) == ([20, 1], [20, 20])
    assert two.mean.tolist() == pytest.approx([4.0, 1.0 / 20], rel=2e-4)
    assert ([known[token] for token in one.token], one.count.tolist(), one.positions.tolist()) == (
        ["c"],
        [10],
        [20],
    )
    assert one.mean[0] == pytest.approx(np.linspace(0.1, 2.0, 10).sum() / 20, rel=2e-4)
    assert len(firings_by_token(planted, 0).mean) == 0
    assert planted.token_counts.sum() == planted.positions


def test_a_feature_is_silent_where_its_token_stands_and_it_does_not_fire(planted: PlantedIndex) -> None:
    tokens = [planted.tokens.known.index(token) for document in DOCUMENTS for token in document]  # type: ignore[attr-defined]
    found = silent_at_its_token(planted, 1, 100)
    assert planted.tokens.known[found.token] == "c"  # type: ignore[attr-defined]
    fired = set(planted.postings(1)[0].tolist())
    expected = {row for row, token in enumerate(tokens) if token == found.token and row not in fired}
    assert set(found.rows.tolist()) == expected
    assert found.positions == len(expected) == 10
    few = silent_at_its_token(planted, 1, 4)
    assert few.rows.tolist() == found.rows[:4].tolist()
    assert few.rows.tolist() != sorted(expected)[:4], "drawn, not the first"
    everywhere = silent_at_its_token(planted, 2)
    assert (everywhere.positions, everywhere.rows.tolist()) == (0, [])
    dead = silent_at_its_token(planted, 0)
    assert (dead.token, dead.positions) == (-1, 0)
