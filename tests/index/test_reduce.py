"""Segments, statistics and tags against the obvious way over a dense matrix."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monosema.corpora import SpanTable
from monosema.errors import DamagedError, UsageError
from monosema.index.codes import BINS, NONE, PRECISION, ROWS, bin_edges, codes_of, values_of
from monosema.index.reduce import (
    INTERVALS,
    PER_INTERVAL,
    PER_QUANTILE,
    QUANTILES,
    TOKENS,
    blocks,
    reduce_block,
    totals,
)
from monosema.index.runs import Runs
from monosema.index.segment import TOP, Segment, read_segments, write_segment
from monosema.index.tags import TaggedRows, TagPairs, TagStatistics
from monosema.kernels import SparseActs

N, F = 700, 12
NO_SPANS = SpanTable.empty()


def dense(seed: int = 0) -> torch.Tensor:
    """Feature 0 never fires, feature 1 at 3 rows, feature 2 always, with equal values among them."""
    torch.manual_seed(seed)
    acts = torch.rand(N, F).mul(8).exp().div(50) * (torch.rand(N, F) < 0.3)
    acts[:, 0], acts[:, 1] = 0, 0
    acts[[5, 90, 600], 1] = torch.tensor([2.0, 7.0, 2.0])
    acts[:, 2] = torch.randint(1, 6, (N,)).float()
    return acts


PLACES = np.stack([np.arange(N) // 50, np.arange(N) % 50, np.arange(N) % 7], axis=1).astype(np.int32)


def segments(folder: Path, acts: torch.Tensor, cuts: list[int]) -> list[Segment]:
    folder.mkdir()
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(acts)], strict=True)):
        write_segment(folder, number, SparseActs.from_dense(acts[begin:end]), PLACES[begin:end])
    return read_segments(folder)


def reduced(parts: list[Segment], seed: int = 1, cuts: tuple[int, ...] = (0, F)) -> dict[str, Any]:
    tagged = TaggedRows(parts, NO_SPANS)
    found = [reduce_block(parts, begin, end, seed=seed, tagged=tagged)[0] for begin, end in pairwise(cuts)]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def stored(acts: torch.Tensor) -> np.ndarray:
    """A dense matrix as it is read back from an index."""
    values = acts.numpy().astype(np.float64)
    values[values > 0] = values_of(codes_of(values[values > 0]))
    return values


def test_statistics_are_those_of_the_dense_matrix(tmp_path: Path) -> None:
    acts = dense()
    parts = segments(tmp_path / "s", acts, [300, 301, 550])
    found, values = reduced(parts), acts.numpy()
    sums = totals(parts, F)
    assert np.array_equal(sums.count, (values > 0).sum(0))
    assert np.allclose(sums.sum, values.sum(0, dtype=np.float64), rtol=1e-12)
    assert np.array_equal(sums.maximum, values.max(0))
    for feature in range(F):
        column = values[:, feature]
        fired = np.flatnonzero(column)
        best = sorted(fired, key=lambda row: (-column[row], row))[:TOP]
        assert found["top_rows"][feature].tolist() == best + [NONE] * (TOP - len(best))
        assert np.array_equal(found["top_values"][feature, : len(best)], column[best])
        edges = bin_edges()
        edges[0], edges[-1] = 0, np.inf
        assert found["histogram"][feature].tolist() == np.histogram(column[fired], edges)[0].tolist()
        ends = [fired[0], fired[-1]] if len(fired) else [NONE, NONE]
        assert [found["first_row"][feature], found["last_row"][feature]] == ends


def test_a_segment_gives_its_pairs_both_ways(tmp_path: Path) -> None:
    acts = dense()
    for segment in segments(tmp_path / "s", acts, [300, 301, 550]):
        mine = acts[segment.start : segment.start + segment.record.positions].numpy()
        for feature in range(F):
            rows, values = segment.of(feature)
            assert (rows - segment.start).tolist() == np.flatnonzero(mine[:, feature]).tolist()
            assert np.allclose(values, mine[rows - segment.start, feature], rtol=1.01 * PRECISION)
        for row in range(0, len(mine), 37):
            here = segment.at(row)
            assert sorted(here) == np.flatnonzero(mine[row]).tolist()
            assert (np.diff(mine[row][here]) <= 0).all()
        pairs = set(zip(segment.rows.tolist(), segment.features.tolist(), strict=True))
        assert pairs == set(zip(*(axis.tolist() for axis in np.nonzero(mine)), strict=True))
        assert np.array_equal(segment.places, PLACES[segment.start : segment.start + len(mine)])


@pytest.mark.parametrize("d_sae", [ROWS + 5, (1 << 24) + 5])
def test_numbers_of_features_beyond_two_bytes_come_back(tmp_path: Path, d_sae: int) -> None:
    indices = torch.tensor([3, ROWS + 2, d_sae - 1])
    acts = SparseActs(
        offsets=torch.tensor([0, 0, 3]), indices=indices, values=torch.tensor([1.0, 5.0, 2.0]), d_sae=d_sae
    )
    write_segment(tmp_path, 0, acts, PLACES[:2])
    (segment,) = read_segments(tmp_path)
    assert segment.at(1).tolist() == [ROWS + 2, d_sae - 1, 3]
    assert segment.at(0).tolist() == []
    assert segment.of(d_sae - 1)[0].tolist() == [1]


def test_samples_hold_rows_of_their_group_only_and_as_many_as_there_are(tmp_path: Path) -> None:
    acts = dense()
    found, values = reduced(segments(tmp_path / "s", acts, [111])), stored(acts)
    for feature in range(F):
        column = values[:, feature]
        fired = np.flatnonzero(column)
        for interval in range(INTERVALS if len(fired) else 0):
            share = column / column.max() * INTERVALS
            inside = fired[(share[fired] > interval) & (share[fired] <= interval + 1)]
            check(found["sample_rows"][feature, interval], inside, PER_INTERVAL)
        ordered = np.sort(column[fired])
        bounds = [ordered[-(-len(fired) * part // QUANTILES) - 1] for part in range(1, 5) if len(fired)]
        for quantile in range(QUANTILES if len(fired) else 0):
            group = (column[fired][:, None] > bounds).sum(1)
            check(found["quantile_rows"][feature, quantile], fired[group == quantile], PER_QUANTILE)


def check(rows: np.ndarray, inside: np.ndarray, most: int) -> None:
    rows = rows[rows != NONE]
    assert set(rows) <= set(inside)
    assert len(set(rows)) == min(most, len(inside))


def test_tokens_are_those_with_the_largest_summed_activation(tmp_path: Path) -> None:
    acts = dense()
    found, values = reduced(segments(tmp_path / "s", acts, [111])), stored(acts)
    for feature in range(1, F):
        sums = np.array([values[PLACES[:, 2] == token, feature].sum() for token in range(7)])
        order = [token for token in np.argsort(-sums, kind="stable") if sums[token] > 0]
        assert found["tokens"][feature].tolist() == order + [NONE] * (TOKENS - len(order))
        shares = found["token_shares"][feature, : len(order)]
        assert np.allclose(shares, sums[order] / sums.sum(), rtol=1e-6)
        firings = [(values[PLACES[:, 2] == token, feature] > 0).sum() for token in order]
        assert found["token_counts"][feature, : len(order)].tolist() == firings


def test_how_rows_and_features_are_cut_changes_nothing(tmp_path: Path) -> None:
    acts = dense()
    one = reduced(segments(tmp_path / "one", acts, []), seed=3)
    many = reduced(segments(tmp_path / "many", acts, [1, 64, 65, 400]), seed=3, cuts=(0, 1, 3, 4, 11, F))
    for name, column in one.items():
        assert np.array_equal(column, many[name]), name


def test_blocks_hold_about_as_many_postings_as_asked() -> None:
    count = np.array([5, 0, 5, 11, 2, 2, 0])
    assert list(blocks(count, 10)) == [(0, 3), (3, 4), (4, 7)]


def test_another_seed_draws_another_sample_and_each_row_has_its_chance(tmp_path: Path) -> None:
    acts = torch.zeros(N, F)
    acts[:, 3] = 1.0
    parts = segments(tmp_path / "s", acts, [])
    drawn = np.concatenate([reduced(parts, seed)["sample_rows"][3, INTERVALS - 1] for seed in range(400)])
    counts = np.histogram(drawn, bins=7, range=(0, N))[0]
    assert abs(counts - len(drawn) / 7).max() < 5 * np.sqrt(len(drawn) / 7)


def test_tags_count_firings_inside_their_spans(tmp_path: Path) -> None:
    acts = dense()
    spans = SpanTable(
        document=np.array([0, 0, 3, 13, 2]),
        start=np.array([4, 6, 0, 49, 10]),
        end=np.array([9, 8, 50, 50, 12]),
        tag=("bridge", "bridge", "fog", "fog", "bridge"),
    )
    parts = segments(tmp_path / "s", acts, [120, 160])
    tagged = TaggedRows(parts, spans)
    assert tagged._first.dtype == np.int64  # more than 2^31 rows may be tagged
    pairs = [reduce_block(parts, *cut, seed=0, tagged=tagged)[1] for cut in ((0, 5), (5, F))]
    found = TagStatistics(tagged.names, tagged.rows, TagPairs.joined(pairs), F)
    inside = {
        "bridge": [4, 5, 6, 7, 8, 110, 111],  # overlapping spans count a row once
        "fog": [*range(150, 200), 699],
    }
    assert found.tags == ("bridge", "fog")
    for number, tag in enumerate(found.tags):
        rows = acts[inside[tag]].numpy()
        assert found.rows[number] == len(rows)
        assert np.array_equal(found.counts(number), (rows > 0).sum(0))
        assert np.allclose(found.means(number), rows.mean(0), rtol=2 * PRECISION)
    for feature in range(F):
        numbers, counts, means = found.of(feature)
        tags = numbers.tolist()
        assert counts.tolist() == [found.counts(tag)[feature] for tag in tags]
        assert means.tolist() == [found.means(tag)[feature] for tag in tags]
        assert all(found.counts(tag)[feature] == 0 for tag in {0, 1} - set(tags))


def test_places_of_documents_lead_to_their_rows_and_back(tmp_path: Path) -> None:
    runs = Runs(segments(tmp_path / "s", dense(), [120, 160]))
    whole = np.arange(N)
    assert runs.rows(whole // 50, whole % 50).tolist() == whole.tolist()
    documents, positions = runs.places(whole)
    assert np.array_equal(documents, whole // 50)
    assert np.array_equal(positions, whole % 50)
    assert runs.rows(np.full(5, 3), np.arange(48, 53)).tolist() == [198, 199, NONE, NONE, NONE]
    assert runs.rows(np.full(2, N // 50), np.arange(2)).tolist() == [NONE, NONE]


def test_a_segment_that_was_cut_short_or_changed_is_named(tmp_path: Path) -> None:
    (segment,) = segments(tmp_path / "s", dense(), [])
    segment.verify()
    path = tmp_path / "s" / "00000.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DamagedError, match=r"00000\.safetensors was changed"):
        read_segments(tmp_path / "s")[0].verify()
    path.write_bytes(whole[:-40])
    with pytest.raises(DamagedError, match=r"00000\.safetensors cannot be read"):
        read_segments(tmp_path / "s")


def test_more_rows_than_two_bytes_count_are_refused(tmp_path: Path) -> None:
    places = np.zeros((ROWS + 1, 3), dtype=np.int32)
    with pytest.raises(UsageError, match="at most 65536"):
        write_segment(tmp_path, 0, SparseActs.empty(ROWS + 1, F), places)


def test_the_last_bins_take_what_lies_outside(tmp_path: Path) -> None:
    acts = torch.zeros(4, F)
    acts[:, 0] = torch.tensor([1e-7, 1.0, 1.5, 1e6])
    counts = reduced(segments(tmp_path / "s", acts, []))["histogram"][0]
    assert np.flatnonzero(counts).tolist() == [0, BINS // 2, BINS // 2 + 1, BINS - 1]
