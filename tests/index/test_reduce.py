"""Statistics, tags and segments against the obvious way over a dense matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monosema.corpora import SpanTable
from monosema.errors import DamagedError
from monosema.index.segment import Segment, read_segments, write_segment
from monosema.index.statistics import BINS, INTERVALS, NONE, PER_INTERVAL, TOP, bin_edges, bin_of, statistics
from monosema.index.tags import tag_statistics
from monosema.kernels import SparseActs

N, F = 700, 12


def dense(seed: int = 0) -> torch.Tensor:
    """Feature 0 never fires, feature 1 at 3 rows, feature 2 always, with equal values among them."""
    torch.manual_seed(seed)
    acts = torch.rand(N, F).mul(8).exp().div(50) * (torch.rand(N, F) < 0.3)
    acts[:, 0], acts[:, 1] = 0, 0
    acts[[5, 90, 600], 1] = torch.tensor([2.0, 7.0, 2.0])
    acts[:, 2] = torch.randint(1, 6, (N,)).float()
    return acts


def segments(folder: Path, acts: torch.Tensor, cuts: list[int]) -> list[Segment]:
    places = np.stack([np.arange(N) // 50, np.arange(N) % 50, np.arange(N) % 7], axis=1).astype(np.int32)
    folder.mkdir()
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, N], strict=True)):
        write_segment(folder, number, SparseActs.from_dense(acts[begin:end]), places[begin:end])
    return read_segments(folder)


def test_statistics_are_those_of_the_dense_matrix(tmp_path: Path) -> None:
    acts = dense()
    found = statistics(segments(tmp_path / "s", acts, [300, 301, 550]), F, seed=1)
    values = acts.numpy()
    assert np.array_equal(found.count, (values > 0).sum(0))
    assert np.allclose(found.sum, values.sum(0, dtype=np.float64))
    assert np.array_equal(found.maximum, values.max(0))
    for feature in range(F):
        column = values[:, feature]
        fired = np.flatnonzero(column)
        best = sorted(fired, key=lambda row: (-column[row], row))[:TOP]
        assert found.top_rows[feature].tolist() == best + [NONE] * (TOP - len(best))
        assert np.array_equal(found.top_values[feature, : len(best)], column[best])
        edges = bin_edges()
        edges[0], edges[-1] = 0, np.inf
        assert found.histogram[feature].tolist() == np.histogram(column[fired], edges)[0].tolist()


def test_a_sample_holds_rows_of_its_interval_only_and_as_many_as_there_are(tmp_path: Path) -> None:
    acts = dense().numpy()
    found = statistics(segments(tmp_path / "s", torch.from_numpy(acts), [111]), F, seed=1)
    for feature in range(F):
        top = acts[:, feature].max()
        for interval in range(INTERVALS):
            rows = found.sample_rows[feature, interval]
            rows = rows[rows != NONE]
            share = acts[:, feature] / top * INTERVALS if top else np.zeros(N)
            inside = np.flatnonzero((share > interval) & (share <= interval + 1) & (acts[:, feature] > 0))
            assert set(rows) <= set(inside)
            assert len(set(rows)) == min(PER_INTERVAL, len(inside))


def test_how_rows_are_cut_into_segments_changes_nothing(tmp_path: Path) -> None:
    acts = dense()
    one = statistics(segments(tmp_path / "one", acts, []), F, seed=3)
    many = statistics(segments(tmp_path / "many", acts, [1, 64, 65, 400]), F, seed=3)
    for name in ("count", "maximum", "histogram", "top_rows", "top_values", "sample_rows", "sample_values"):
        assert np.array_equal(getattr(one, name), getattr(many, name)), name


def test_another_seed_draws_another_sample_and_each_row_has_its_chance(tmp_path: Path) -> None:
    acts = torch.zeros(N, F)
    acts[:, 3] = 1.0
    parts = segments(tmp_path / "s", acts, [])
    drawn = np.concatenate(
        [statistics(parts, F, seed=seed).sample_rows[3, INTERVALS - 1] for seed in range(400)]
    )
    counts = np.histogram(drawn, bins=7, range=(0, N))[0]
    assert abs(counts - len(drawn) / 7).max() < 5 * np.sqrt(len(drawn) / 7)


def test_bins_are_half_powers_of_two() -> None:
    assert bin_of(np.array([1e-9, 1.0, 1.5, 2.0, 1e9])).tolist() == [
        0,
        BINS // 2,
        BINS // 2 + 1,
        BINS // 2 + 2,
        BINS - 1,
    ]


def test_tags_count_firings_inside_their_spans(tmp_path: Path) -> None:
    acts = dense()
    spans = SpanTable(
        document=np.array([0, 0, 3, 13, 2]),
        start=np.array([4, 6, 0, 49, 10]),
        end=np.array([9, 8, 50, 50, 12]),
        tag=("bridge", "bridge", "fog", "fog", "bridge"),
    )
    found = tag_statistics(segments(tmp_path / "s", acts, [120, 160]), spans, F)
    inside = {
        "bridge": [4, 5, 6, 7, 8, 110, 111],  # overlapping spans count a row once
        "fog": [*range(150, 200), 699],
    }
    assert found.tags == ("bridge", "fog")
    for number, tag in enumerate(found.tags):
        rows = acts[inside[tag]].numpy()
        assert found.rows[number] == len(rows)
        assert np.array_equal(found.count[number], (rows > 0).sum(0))
        assert np.allclose(found.mean[number], rows.mean(0))


def test_a_segment_that_was_cut_short_is_named(tmp_path: Path) -> None:
    segments(tmp_path / "s", dense(), [])
    path = tmp_path / "s" / "00000.values.npy"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DamagedError, match=r"00000\.values\.npy"):
        read_segments(tmp_path / "s")
