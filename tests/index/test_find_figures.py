"""Finding features by their figures and by labels: against what was planted, and files of labelled texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from index.planted import PlantedIndex
from monosema.errors import DamagedError, UsageError
from monosema.index import Filter, find_by_statistics
from monosema.index.find_labelled import best_single, classify
from monosema.pipeline.finding import labelled_texts


@pytest.mark.parametrize(
    ("where", "features"),
    [
        (Filter(), [1, 2, 3, 4, 0]),
        (Filter(dead=True), [0]),
        (Filter(dead=False), [1, 2, 3, 4]),
        (Filter(density=(0.01, 0.3)), [2, 3, 4]),
        (Filter(density=(0.25, 0.25)), [2, 3]),
        (Filter(maximum=(2.5, 9.0)), [3, 4]),
        (Filter(mean=(1.2, 3.0)), [2, 3]),
        (Filter(top_token=2), [2]),
        (Filter(tag="half"), [3]),
        (Filter(interval=5), [2, 4]),
        (Filter(interval=9, maximum=(0, 2)), [1, 2]),
    ],
)
def test_a_filter_lets_through_what_it_says_the_most_frequent_first(
    where: Filter, features: list[int], planted: PlantedIndex
) -> None:
    assert [one.feature for one in find_by_statistics(planted, where)] == features


def test_a_filter_may_be_ranked_otherwise(planted: PlantedIndex) -> None:
    found = find_by_statistics(planted, Filter(dead=False), rank=lambda index: index.table["maximum"])
    assert [one.feature for one in found] == [4, 3, 2, 1]


def test_a_filter_of_nothing_is_refused(planted: PlantedIndex) -> None:
    with pytest.raises(UsageError, match=r"density from 0\.5 to 0\.1"):
        Filter(density=(0.5, 0.1))
    with pytest.raises(UsageError, match="no interval 10"):
        Filter(interval=10)
    with pytest.raises(UsageError, match=r'unknown tag "hal".*"half"'):
        find_by_statistics(planted, Filter(tag="hal"))


def labelled(seed: int, n: int = 120, d: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Label 1 where feature 5 fires strongly or feature 9 fires; the others are chance."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, d)).astype(np.float32) * (rng.random((n, d)) < 0.3)
    x[:, 39] = 0
    return x, ((x[:, 5] > 0.4) | (x[:, 9] > 0)).astype(int)


def test_a_classifier_finds_the_features_that_the_labels_were_made_of() -> None:
    x, labels = labelled(0, n=400)
    found = classify(x, labels, seed=3)
    assert {one.feature for one in found.features[:2]} == {5, 9}
    assert found.best == 9
    assert found.accuracy.value > found.single.value > found.larger.value
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    assert found.held_out == 120
    assert classify(x, labels, seed=3) == found


def test_labels_that_are_chance_are_told_no_better_than_by_chance() -> None:
    x, _ = labelled(1, n=400)
    found = classify(x, np.random.default_rng(4).integers(0, 2, 400), seed=0)
    assert found.accuracy.low < 0.5 < found.accuracy.high


@given(
    x=arrays.arrays(np.float32, (7, 3), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    y=arrays.arrays(np.bool_, 7),
)
def test_the_best_single_feature_is_the_best_of_all_cuts(x: np.ndarray, y: np.ndarray) -> None:
    column, threshold, above = best_single(x, y)
    right = (((x[:, column] > threshold) == above) == y).sum()
    cuts = [-1.0, 0.1, 0.3, 0.7]
    assert right == max(
        (((x[:, one] > cut) == side) == y).sum() for one in range(3) for cut in cuts for side in (True, False)
    )


def test_labelled_files_are_checked_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text('{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n')
    assert labelled_texts(file) == (["a", "b"], [1, 0])
    file.write_text('{"text": "a", "label": 1}\n{"text": "b", "label": "yes"}\n')
    with pytest.raises(UsageError, match=r"some\.jsonl line 2 is not"):
        labelled_texts(file)
    file.write_text("no\n")
    with pytest.raises(DamagedError, match="line 1 is no JSON"):
        labelled_texts(file)
    with pytest.raises(UsageError, match="is no file"):
        labelled_texts(tmp_path / "none.jsonl")
