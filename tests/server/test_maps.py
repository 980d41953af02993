"""Maps and relations: what was made and kept is told, in JSON and as Arrow streams."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

import monosema as ms
from monosema import pipeline
from monosema.files import read_json
from monosema.index import read_names
from monosema.index.points import FeatureMap
from monosema.server import columns
from monosema.server.map_records import AcrossRecord, MapRecord
from server.mapped import MEASURED
from server.served import SAE, STUDY, client_of

ARROW = {"Accept": columns.ARROW}
MAPS = f"{STUDY}/maps"


@pytest.fixture(scope="module")
def mapping(mapped: Path) -> Iterator[TestClient]:
    with client_of(mapped) as client:
        yield client


@pytest.fixture(scope="module")
def both(mapped: Path) -> FeatureMap:
    return FeatureMap.read(mapped / "map" / "main+wide")


def test_the_maps_that_were_made_are_listed(mapping: TestClient) -> None:
    known = {name: mapping.get(f"{MAPS}/{name}").json()["version"] for name in ("main", "main+wide")}
    assert mapping.get(MAPS).json()["maps"] == [
        {"name": "main", "saes": ["main"], "state": "made", "version": known["main"]},
        {"name": "main+wide", "saes": ["main", "wide"], "state": "made", "version": known["main+wide"]},
    ]


@pytest.mark.parametrize("chunk", [1, 50, 1 << 16])
def test_every_feature_is_a_point_of_the_columns(
    mapping: TestClient, mapped: Path, both: FeatureMap, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "CHUNK", chunk)
    told = MapRecord.model_validate(mapping.get(f"{MAPS}/main+wide").json())
    assert [(one.name, one.start, one.features) for one in told.saes] == [("main", 0, 64), ("wide", 64, 96)]
    xy = np.array([told.x, told.y], dtype=np.float64).T  # None is NaN
    np.testing.assert_allclose(xy, both.xy, rtol=1e-5)
    assert np.isnan(xy).any()
    assert told.cluster == [None if one < 0 else one for one in both.cluster.tolist()]
    density = ms.open(mapped).index().table["density"]
    np.testing.assert_allclose(told.density[:64], density, rtol=1e-5)  # type: ignore[arg-type]
    assert told.density[64:] == [None] * 96
    assert told.figures.kept == both.figures["quality"]["kept"]
    assert told.figures.chance == both.figures["chance"]["high"]
    assert told.figures.clusters == both.figures["clusters"]


def test_a_map_is_an_arrow_stream_for_who_asks(mapping: TestClient, both: FeatureMap) -> None:
    answer = mapping.get(f"{MAPS}/main+wide", headers=ARROW)
    assert answer.headers["content-type"] == columns.ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.column_names == ["sae", "feature", "x", "y", "cluster", "density"]
    assert table["sae"].to_pylist() == ["main"] * 64 + ["wide"] * 96
    assert table["feature"].to_pylist() == [*range(64), *range(96)]
    np.testing.assert_array_equal(table["x"].to_numpy(), both.xy[:, 0])
    plain = mapping.get(f"{MAPS}/main+wide")
    assert table["cluster"].to_pylist() == plain.json()["cluster"]
    for name in ("x", "y", "density"):
        told = np.array(plain.json()[name], dtype=np.float64)  # None is NaN
        np.testing.assert_allclose(table[name].to_numpy(), told, rtol=1e-5)
    about = json.loads(table.schema.metadata[b"monosema"])
    assert about == {key: plain.json()[key] for key in ("name", "version", "saes", "figures")}
    assert plain.headers["etag"] != answer.headers["etag"]
    assert plain.headers["vary"] == answer.headers["vary"] == "Accept"


def test_what_has_no_place_is_null_and_large_numbers_are_exact() -> None:
    values = {"whole": np.array([-1, 0, 12345678]), "share": np.array([np.nan, 0.25, 1 / 3])}
    text = "".join(columns._pieces({"name": "ä"}, values))
    assert json.loads(text) == {
        "name": "ä",
        "whole": [None, 0, 12345678],
        "share": [None, 0.25, 0.333333],
    }


def test_clusters_have_their_most_central_features_with_names(
    mapping: TestClient, mapped: Path, both: FeatureMap
) -> None:
    answer = mapping.get(f"{MAPS}/main+wide/clusters", params={"central": 2}).json()
    assert answer["total"] == both.figures["clusters"] == len(answer["clusters"]) == 3
    names = read_names(mapped / "index" / "main")
    for number, cluster in enumerate(answer["clusters"]):
        members = both.members(number)
        assert (cluster["number"], cluster["features"]) == (number, len(members))
        assert [cluster["x"], cluster["y"]] == pytest.approx(both.xy[members].mean(axis=0).tolist())
        assert [one["point"] for one in cluster["central"]] == members[:2]
        for one in cluster["central"]:
            assert (one["sae"], one["number"]) == both.feature(one["point"])
            assert one["central"] == both.central[one["point"]]
            known = names[one["number"]].text if one["sae"] == "main" else None
            assert (one["name"] and one["name"]["text"]) == known
    later = mapping.get(f"{MAPS}/main+wide/clusters", params={"first": 1, "limit": 1, "central": 2}).json()
    assert later["clusters"] == answer["clusters"][1:2]
    assert mapping.get(f"{MAPS}/main+wide/clusters", params={"first": 9999}).json()["clusters"] == []


def test_each_feature_is_compared_with_the_sae_next_in_size(mapping: TestClient, mapped: Path) -> None:
    answer = mapping.get(f"{MAPS}/wide+main/across")  # in whatever order
    told = AcrossRecord.model_validate(answer.json())
    truth = pq.read_table(mapped / "map" / "main+wide" / "across.parquet").to_pylist()
    rows: list[dict[str, Any]] = []
    for part in told.compared:
        for feature in range(part.features):
            row = part.start + feature
            rows.append(
                {
                    "sae": part.sae,
                    "feature": feature,
                    "other": part.other,
                    "nearest": told.nearest[row],
                    "class": told.kinds[told.kind[row]],
                }
            )
            assert told.cosine[row] == pytest.approx(truth[row]["cosine"], rel=1e-5)
    assert rows == [{key: row[key] for key in rows[0]} for row in truth]
    (pair,) = told.pairs
    large = Counter(row["class"] for row in rows if row["sae"] == "wide")
    assert {one.name: one.count for one in pair.large_classes if one.count} == large
    stream = mapping.get(f"{MAPS}/main+wide/across", headers=ARROW)
    assert pa.ipc.open_stream(stream.content).read_all().to_pylist() == truth


@pytest.mark.parametrize(
    ("path", "status", "parts"),
    [
        ("wide", 404, ["map/wide of study was not made yet", "--sae wide"]),
        ("mian", 404, ['unknown SAE "mian"', 'did you mean "main"']),
        ("main+wid", 404, ['did you mean "wide"']),
        ("main/across", 404, ["the map of one SAE"]),
        ("main?v=0", 409, ["its version is"]),
        ("main/clusters?limit=0", 422, ["query.limit is '0'"]),
    ],
)
def test_a_map_that_is_asked_wrongly_is_one_line(
    mapping: TestClient, path: str, status: int, parts: list[str]
) -> None:
    answer = mapping.get(f"{MAPS}/{path}")
    assert answer.status_code == status
    error = answer.json()["error"]
    for part in parts:
        assert part in f"{error['message']} {error.get('advice')}"


def test_a_map_is_not_sent_again_until_it_or_an_index_is_remade(mapped: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(mapped, tmp_path / "study"))
    client = client_of(path)
    first = client.get(f"{MAPS}/main")
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get(f"{MAPS}/main", headers=tag).status_code == 304
    assert client.get(f"{MAPS}/main", headers=tag | ARROW).status_code == 200
    kept = client.get(f"{MAPS}/main?v={first.json()['version']}")
    assert kept.headers["cache-control"].endswith("immutable")
    shutil.rmtree(path / "index" / "main")
    again = client.get(f"{MAPS}/main", headers=tag)
    assert (again.status_code, set(again.json()["density"])) == (200, {None})
    manifest = path / "sae" / "main" / "manifest.json"
    manifest.write_text(json.dumps(read_json(manifest) | {"hash": "0" * 64}))
    stale = client.get(f"{MAPS}/main")
    assert (stale.status_code, stale.json()["error"]["type"]) == (409, "refused")
    assert f"monosema map {path} --sae main" in stale.json()["error"]["message"]


def test_relations_are_those_that_were_measured(mapping: TestClient, mapped: Path) -> None:
    measured = pipeline.relations(ms.open(mapped), features=MEASURED, positions=400)
    names = read_names(mapped / "index" / "main")
    for row in measured.rows:
        told = mapping.get(f"{SAE}/features/{row['feature']}/relations").json()
        together = zip(row["features"], row["phi"], row["together"], strict=True)
        assert [(one["number"], one["phi"], one["together"]) for one in told["coactive"]] == [
            one for one in together if one[0] >= 0
        ]
        assert all(one["name"]["text"] == names[one["number"]].text for one in told["coactive"])
        assert [(one["layer"], one["number"], one["r"]) for one in told["neurons"]] == list(
            zip(row["neuron_layers"], row["neurons"], row["neuron_r"], strict=True)
        )
        assert [(one["number"], one["r"]) for one in told["coordinates"]] == list(
            zip(row["coordinates"], row["coordinate_r"], strict=True)
        )
        figures = told["figures"]
        assert figures["low_neuron_share"] == measured.figures["low_neuron_share"]
        assert figures["neuron_r_by_chance"] == measured.figures["best_neuron_r_by_chance"][1]
        assert figures["coordinate_r"] == measured.figures["best_coordinate_r"][1]


def test_relations_that_were_not_measured_are_404(
    mapping: TestClient, mapped: Path, client: TestClient, tmp_path: Path
) -> None:
    drawn = {row["feature"] for row in pq.read_table(mapped / "relations/main/relations.parquet").to_pylist()}
    other = next(number for number in range(64) if number not in drawn)
    unknown = mapping.get(f"{SAE}/features/{other}/relations")
    assert unknown.status_code == 404
    assert f"feature {other} was not measured: {MEASURED} were" in unknown.json()["error"]["message"]
    assert mapping.get(f"{SAE}/features/64/relations").status_code == 404
    absent = client.get(f"{SAE}/features/3/relations")
    assert (absent.status_code, absent.json()["error"]["type"]) == (404, "not_found")
    assert "monosema relate" in absent.json()["error"]["advice"]
    path = Path(shutil.copytree(mapped, tmp_path / "study"))
    manifest = path / "relations" / "main" / "manifest.json"
    raw = read_json(manifest)
    raw["parents"]["index/main"] = "0" * 64
    manifest.write_text(json.dumps(raw))
    stale = client_of(path).get(f"{SAE}/features/{min(drawn)}/relations")
    assert (stale.status_code, stale.json()["error"]["type"]) == (409, "refused")
