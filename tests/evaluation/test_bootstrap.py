"""Intervals: they cover what they should, and ratios are recomputed from sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monosema.evaluation import Bootstrap, Figure, jackknife
from monosema.evaluation.bootstrap import Units, _student


def test_intervals_of_a_ratio_cover_the_truth_about_95_times_in_100() -> None:
    """Documents of random length whose positions have mean 2 and share a document's own offset."""
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        n = rng.integers(20, 200, size=80)
        sums = n * (2 + rng.normal(0, 0.5, size=80)) + rng.normal(size=80) * np.sqrt(n)
        table = {"sum": torch.from_numpy(sums), "n": torch.from_numpy(n)}
        figure = Bootstrap(table, seed=trial, resamples=200).figure(lambda s: s["sum"] / s["n"])
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 2 <= figure.high
    assert 180 <= covered <= 199


def test_the_same_seed_gives_the_same_interval() -> None:
    table = {"x": torch.arange(10.0)}
    figures = [Bootstrap(table, seed=seed).figure(lambda s: s["x"]) for seed in (1, 1, 2)]
    assert figures[0] == figures[1] != figures[2]


def test_a_figure_that_does_not_vary_has_a_narrow_interval_and_one_document_none() -> None:
    same = {"x": torch.full((5,), 3.0), "n": torch.ones(5)}
    assert Bootstrap(same, seed=0).figure(lambda s: s["x"] / s["n"]) == Figure(3.0, 3.0, 3.0)
    one = {"x": torch.tensor([3.0])}
    assert Bootstrap(one, seed=0).figure(lambda s: s["x"]) == Figure(3.0)


def test_a_figure_that_is_not_defined_has_no_interval() -> None:
    figure = Bootstrap({"x": torch.zeros(4)}, seed=0).figure(lambda s: s["x"] / s["x"])
    assert math.isnan(figure.value)
    assert figure.low is None


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    rng = np.random.default_rng(0)
    hits = torch.from_numpy(rng.binomial(500, 0.3, size=20))
    groups = torch.stack([hits, torch.full_like(hits, 500)], dim=1)
    (figure,) = jackknife(groups, lambda total: (total[0].double() / total[1])[None])
    error = float((hits.double() / 500).std()) / math.sqrt(20) * 2.093  # t, 19 degrees of freedom
    assert figure.low == pytest.approx(figure.value - error, rel=1e-3)
    assert figure.high == pytest.approx(figure.value + error, rel=1e-3)


def test_the_jackknife_covers_the_share_of_dead_features() -> None:
    """Truth: the expected dead share over samples of this size."""
    rates = np.geomspace(1e-5, 1e-2, 400)
    truth = float(np.mean((1 - rates) ** 2000))
    covered = 0
    for trial in range(60):
        counts = np.random.default_rng(trial).binomial(100, rates, size=(20, 400))
        groups = torch.from_numpy(np.concatenate([counts, np.full((20, 1), 100)], axis=1))
        (figure,) = jackknife(groups, lambda total: (total[:-1] == 0).double().mean()[None])
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= truth <= figure.high
    assert covered >= 54


@pytest.mark.parametrize(("freedom", "expected"), [(4, 2.7764), (9, 2.2622), (19, 2.0930), (10**6, 1.95996)])
def test_students_quantile_is_close_to_the_tables(freedom: int, expected: float) -> None:
    assert _student(freedom) == pytest.approx(expected, rel=5e-3)


def test_documents_beyond_the_limit_share_units() -> None:
    units = Units(limit=3)
    assert units.of(torch.tensor([7, 7, 2])).tolist()[:2] == [units.of(torch.tensor([7])).item()] * 2
    found = units.of(torch.tensor([2, 7, 9, 11, 12]))
    assert units.documents == 5
    assert found.unique().tolist() == [0, 1, 2]


def test_a_figure_prints_its_interval() -> None:
    assert str(Figure(0.12345, 0.1, 0.2)) == "0.123 (0.1 to 0.2)"
    assert str(Figure(2.0)) == "2"
