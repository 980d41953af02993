"""Features near mentions: the specific ones first, weaker ones where there are few, none that fires alike elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.planted import PlantedIndex
from monosema.corpora.tokens import SpanTable
from monosema.index import find_near_tag

LENGTH, MENTION, REACH = 3000, 100, 30


@pytest.fixture
def index(tmp_path: Path) -> PlantedIndex:
    """One mention, so .01 of the text is near it: features (firings near it, elsewhere) as in the tests."""
    acts = np.zeros((LENGTH, 5))
    for feature, (inside, elsewhere) in enumerate([(10, 200), (20, 0), (30, 100), (4, 0), (30, 2970)]):
        acts[MENTION : MENTION + inside, feature] = 1.0
        acts[[*range(MENTION), *range(MENTION + REACH, LENGTH)][:elsewhere], feature] = 1.0
    made = PlantedIndex(tmp_path / "i", [["a"] * LENGTH], acts)
    spans = SpanTable(np.array([0]), np.array([MENTION]), np.array([MENTION + 4]), ("bridge",))
    made.tokens.spans = lambda: spans  # type: ignore[method-assign]
    return made


def test_weaker_features_follow_the_specific_ones(index: PlantedIndex) -> None:
    found = find_near_tag(index, "bridge")
    assert [one.feature for one in found] == [1, 2, 0]  # 3: fired too seldom; 4: fires everywhere
    f1 = [2 * 20 / (20 + 30), 2 * 30 / (130 + 30), 2 * 10 / (210 + 30)]
    assert [one.score for one in found] == pytest.approx(f1)
    assert found[0].why == "1.00 of its 20 firings within 30 tokens of a mention"
    assert [one.feature for one in find_near_tag(index, "bridge", n=1)] == [1]
