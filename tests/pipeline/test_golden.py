"""Store, index and map as they were once written: read as ever, and made anew to the same bytes and values.

Bytes of Parquet depend on its writer's version, the layout of a map on UMAP's and on the machine: of these the values
are compared, of the layout what it keeps.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from monosema.activations import ActivationStore
from monosema.corpora import Tokens
from monosema.files import read_json
from monosema.index import FeatureIndex
from monosema.index.points import FeatureMap
from pipeline.golden import GOLDEN, GROUPS, INDEX, MAP, MEMBERS, STORE, decode, make

LAYOUT = ("x", "y")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    make(folder)
    return folder


def files(*folders: str, under: Path = GOLDEN) -> list[str]:
    found = [path for folder in folders for path in (under / folder).rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(under)) for path in found)


def test_a_store_of_schema_2_is_read_as_ever() -> None:
    store = ActivationStore(GOLDEN / STORE)
    store.verify()
    assert (len(store), store.d_model, store.hook, store.dtype) == (76, 64, "resid_post.0", torch.float32)
    assert [shard.rows for shard in store.shards] == [50, 26]
    rows = torch.tensor([0, 5, 75])
    assert store.rows(rows)[:, :4].tolist() == [
        [-3.4375, 3.6875, 2.3125, 2.3125],
        [-3.75, 1.625, -4.0, -3.6875],
        [56.0, -152.0, 60.0, 88.0],
    ]
    assert [store.column(name)[rows].tolist() for name in ("document", "position", "token")] == [
        [3, 3, 7],
        [0, 5, 26],
        [262, 18, 201],
    ]
    assert (store.stats.n, store.stats.massive) == (73, 3)
    assert store.stats.median_norm == pytest.approx(18.886999)
    assert store.stats.mean_square == pytest.approx(346.526267)


def test_an_index_of_version_2_is_read_as_ever() -> None:
    index = FeatureIndex(GOLDEN / INDEX, Tokens(GOLDEN / "tokens_v1"), decode)
    assert (index.positions, len(index.segments), index.d_sae, index.finished) == (76, 3, 40, True)
    for segment in index.segments:
        segment.verify()
    assert index.table["count"][:12].tolist() == [1, 1, 0, 0, 2, 11, 4, 6, 0, 11, 26, 14]
    known = index.feature(10)
    assert (known.count, known.maximum, known.density) == (26, 5.8828125, 26 / 76)
    assert (known.first_document, known.last_document) == (3, 7)
    assert known.tokens[0] == (" t223", pytest.approx(0.344264, abs=1e-6))
    assert known.promoted[:2] == ((" t138", 107865.125), (" t99", 95940.25))
    assert known.suppressed[0] == (" t183", -117481.0)
    assert known.neighbours[:5] == ((11, 0.96875), (12, 0.96875), (13, 0.96875), (14, 0.96875), (29, 0.25))
    rows, values = index.postings(10)
    assert rows[:6].tolist() == [1, 4, 8, 10, 14, 15]
    np.testing.assert_allclose(values[:3], [1.945586, 2.413690, 2.413690], rtol=1e-6)
    assert index.places(rows[:2]).tolist() == [[3, 1, 381], [3, 4, 223]]
    assert 10 in index.fires(3, 4).tolist()
    context = index.top(10, 1)[0]
    assert (context.document, context.tokens[context.peak], context.source) == (3, " t71", "a.jsonl")
    assert (index.tags.tags, index.tags.rows.tolist()) == (("bridge",), [9])
    assert index.tags.counts(0)[[10, 11, 20, 39]].tolist() == [3, 3, 6, 0]


def test_a_map_is_read_as_ever() -> None:
    found = FeatureMap.read(GOLDEN / MAP)
    assert (found.saes, found.starts) == (("main",), (0,))
    assert found.cluster.tolist() == np.repeat(np.arange(GROUPS), MEMBERS).tolist() + [-1] * 15
    assert found.members(2) == [10, 11, 12, 13, 14]
    assert found.central[10] == pytest.approx(0.995105)
    assert found.neighbours[0, :4].tolist() == [1, 2, 3, 4]
    assert found.cosines[0, :4].tolist() == [0.96875] * 4
    np.testing.assert_allclose(found.xy[0], [-0.766300, 4.654618], rtol=1e-5)
    assert np.isnan(found.xy[39]).all()
    assert found.figures["chance"]["high"] == 0.8607


def test_store_and_segments_are_made_to_the_same_bytes_as_ever(made: Path) -> None:
    assert files(STORE, INDEX, MAP, under=made) == files(STORE, INDEX, MAP)
    names = [name for name in files(STORE, INDEX) if not name.endswith(".parquet")]
    for name in names:
        assert (made / name).read_bytes() == (GOLDEN / name).read_bytes(), name


def test_tables_are_made_with_the_same_values_as_ever(made: Path) -> None:
    names = [name for name in files(INDEX, MAP) if name.endswith(".parquet")]
    for name in names:
        new, old = pq.read_table(made / name), pq.read_table(GOLDEN / name)
        assert new.schema.equals(old.schema, check_metadata=True), name
        for column in set(old.column_names) - set(LAYOUT):
            assert alike(new[column].to_pylist(), old[column].to_pylist()), (name, column)


def test_a_map_is_made_with_the_same_figures_and_keeps_as_much(made: Path) -> None:
    new, old = (read_json(folder / MAP / "map.json") for folder in (made, GOLDEN))
    for changing in ("quality", "versions"):
        assert new.pop(changing).keys() == old.pop(changing).keys()
    assert new == old
    maps = FeatureMap.read(made / MAP), FeatureMap.read(GOLDEN / MAP)
    assert np.array_equal(*(np.isnan(one.xy) for one in maps))
    kept = [one.figures["quality"]["kept"] for one in maps]
    assert kept[0] == pytest.approx(kept[1], abs=0.15)


def alike(one: Any, other: Any) -> bool:
    """Equal; numbers that are not whole but for the rounding of fp32."""
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return math.isclose(one, other, rel_tol=1e-6) if isinstance(one, float) else bool(one == other)
