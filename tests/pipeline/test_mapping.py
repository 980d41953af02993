"""`map` and `neighbours --across` on a small study with two SAEs at one hook point."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import monosema as ms
from monosema import pipeline
from monosema.errors import DamagedError, UsageError
from monosema.index.neighbours import nearest
from monosema.index.points import FeatureMap
from monosema.pipeline.loaders import OpenStudy
from pipeline.small_study import TOML, new_study
from pipeline.test_cli import failed, monosema

SAE = TOML[TOML.index("hook") :]
TWO = TOML + "[saes.wide]\n" + SAE.replace("d_sae = 64", "d_sae = 96")
TWO += "[saes.early]\n" + SAE.replace("resid_post.1", "resid_post.0")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    made = new_study(tmp_path_factory.mktemp("mapped") / "study", TWO)
    pipeline.run(made, goal="sae")
    return ms.open(made.path)


@pytest.fixture(scope="module")
def both(study: OpenStudy) -> FeatureMap:
    return pipeline.feature_map(study, ["wide", "main"])


def test_a_map_holds_every_feature_of_all_saes_smallest_first(study: OpenStudy, both: FeatureMap) -> None:
    assert both.saes == ("main", "wide")
    assert both.starts == (0, 64)
    assert both.feature(63) == ("main", 63)
    assert both.feature(64) == ("wide", 0)
    table = pq.read_table(study.path / "map" / "main+wide" / "points.parquet").to_pydict()
    assert table["sae"] == ["main"] * 64 + ["wide"] * 96
    assert table["feature"] == [*range(64), *range(96)]
    W = np.concatenate([study.sae(name).W_dec.numpy() for name in both.saes])
    W = W / np.linalg.norm(W, axis=1, keepdims=True)
    first = both.neighbours[:, 0]
    np.testing.assert_allclose(both.cosines[:, 0], (W * W[first]).sum(1), atol=1e-5)
    assert np.isfinite(both.xy).all()


def test_a_map_is_made_once_and_its_bytes_follow_the_seed(study: OpenStudy, both: FeatureMap) -> None:
    manifest = study.path / "map" / "main+wide" / "manifest.json"
    made = manifest.read_text()
    again = pipeline.feature_map(study, ["main", "wide"])
    assert manifest.read_text() == made
    np.testing.assert_array_equal(again.xy, both.xy)
    pipeline.feature_map(study, ["main", "wide"], remake=True)
    assert json.loads(manifest.read_text())["hash"] == json.loads(made)["hash"]
    assert json.loads(made)["parents"].keys() == {"sae/main", "sae/wide"}


def test_the_record_across_is_that_of_the_nearest_features(study: OpenStudy, both: FeatureMap) -> None:
    table = pq.read_table(study.path / "map" / "main+wide" / "across.parquet")
    up = [row for row in table.to_pylist() if row["sae"] == "wide"]
    assert {row["other"] for row in up} == {"main"}
    names, cosines = nearest(study.sae("wide").W_dec, study.sae("main").W_dec, 1)
    assert [row["nearest"] for row in up] == names[:, 0].tolist()
    assert [row["cosine"] for row in up] == cosines[:, 0].tolist()
    counts = both.figures["across"][0]["counts"]
    classes = [row["class"] for row in up]
    assert {name: classes.count(name) for name in counts["large"]} == counts["large"]
    assert sum(counts["small"].values()) == 64


def test_members_of_a_cluster_come_most_central_first(both: FeatureMap) -> None:
    sizes = [len(both.members(number)) for number in range(both.figures["clusters"])]
    assert sizes == sorted(sizes, reverse=True)
    for number in range(len(sizes)):
        central = both.central[both.members(number)]
        assert (np.diff(central) <= 0).all()


def test_saes_of_different_places_are_refused(study: OpenStudy) -> None:
    with pytest.raises(UsageError, match=r"early at resid_post\.0, main at resid_post\.1"):
        pipeline.feature_map(study, ["main", "early"])
    with pytest.raises(UsageError, match='unknown SAE "mian"'):
        pipeline.feature_map(study, ["mian"])


def test_a_map_goes_stale_with_its_sae_and_a_damaged_one_says_so(study: OpenStudy, both: FeatureMap) -> None:
    parents = {"sae/main": "0" * 64, "sae/wide": study.open("sae", "wide").hash}
    assert study.status("map", "main+wide", {"saes": ["main", "wide"]}, parents).state == "stale"
    with pytest.raises(DamagedError, match=r"map\.json"):
        FeatureMap.read(study.path)


def test_neighbours_across_are_those_of_the_other_decoder(study: OpenStudy) -> None:
    found, chance = pipeline.neighbours_across(study, 3, "wide", n=4)
    names, cosines = nearest(study.sae("main").W_dec[3:4], study.sae("wide").W_dec, 4)
    assert found == tuple(zip(names[0].tolist(), cosines[0].tolist(), strict=True))
    assert 0 < chance < 1
    with pytest.raises(UsageError, match="no feature 64"):
        pipeline.neighbours_across(study, 64, "wide")


def test_a_map_in_words_stands_beside_chance(study: OpenStudy, both: FeatureMap) -> None:
    told = monosema("map", str(study.path), "--sae", "main", "--sae", "wide")
    assert told.returncode == 0, told.stderr
    kept = both.figures["quality"]["kept"]
    assert f"keeps {kept:.1%}" in told.stderr
    assert "at random" in told.stderr
    assert "new in wide" in told.stderr


def test_neighbours_across_from_the_command_line(study: OpenStudy) -> None:
    name = str(study.path)
    near = json.loads(monosema("neighbours", name, "3", "--across", "wide", "--json").stdout)
    assert len(near["neighbours"]) == 10
    assert near["chance"] < 1
    failed(monosema("neighbours", name, "3", "--across", "early"), 2, "different places")
