"""A static site: what its files hold is what the server answers; it is whole or not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient

import monosema as ms
from monosema import pipeline
from monosema.cli import export as export_module
from monosema.errors import Interrupted, RefusedError, UsageError
from monosema.interventions import Dose
from monosema.server.export import export, foretell, plan_site
from monosema.server.export import site as site_module
from monosema.server.export.packing import WIDE
from monosema.server.feature_records import Group
from pipeline.test_cli import failed, monosema
from server.mapped import MEASURED
from server.served import SAE, STUDY, client_of, keep_dose

PER_RECORDS, PER_EXAMPLES = 64, 16
WIDE_NUMBERS = [2, 3, 40, 71, 95]
"""Features of the second SAE that the site has."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><head><title>Monosema</title></head>")
    (folder / "assets" / "a.js").write_text("1")
    (folder / "assets" / "a.js.gz").write_bytes(b"packed")
    (folder / "built-from.txt").write_text("x")
    return folder


@pytest.fixture(scope="module")
def study(mapped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two SAEs, both with an index; maps, relations of some features, a dose."""
    path = Path(shutil.copytree(mapped, tmp_path_factory.mktemp("exported") / "study"))
    pipeline.run(ms.open(path), goal="index")
    keep_dose(path, "golden_gate", Dose(features=(5, 3), maxima=(2.0, 4.0), weights=(1.0, 0.5), multiple=1.5))
    return path


@pytest.fixture(scope="module")
def server(study: Path) -> Iterator[TestClient]:
    with client_of(study) as client:
        yield client


@pytest.fixture(scope="module")
def site(study: Path, web: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("out") / "site"
    whole = plan_site(study, web=web)
    assert whole.numbers == {"main": list(range(64)), "wide": list(range(96))}
    planned = replace(whole, numbers={**whole.numbers, "wide": WIDE_NUMBERS})
    written = export(planned, place)
    files = [path for path in place.rglob("*") if path.is_file()]
    assert (len(files), sum(path.stat().st_size for path in files)) == (written.files, written.bytes)
    assert 0.5 < foretell(planned).bytes / written.bytes < 2
    return place


class Files:
    """Reads a site as the pages do; the slow twin of static.ts."""

    def __init__(self, site: Path, sae: str = "main") -> None:
        self._data = site / "data"
        self.site = self.read("site.json")
        self.sae = self.site["saes"].get(sae)

    def read(self, path: str) -> Any:
        return json.loads((self._data / path).read_text())

    def _place(self, number: int) -> int:
        return number if self.sae["features"] is None else self.sae["features"].index(number)

    def shard(self, kind: str, number: int, size: int) -> tuple[dict[str, Any], dict[str, Any]]:
        place = self._place(number)
        found = self.read(f"{self.sae['folder']}/{kind}/{place // size}.json")
        feature = found["features"][place % size]
        assert feature["number"] == number
        return found, feature

    def record(self, number: int) -> dict[str, Any]:
        shard, lean = self.shard("records", number, PER_RECORDS)
        histogram = {"edges": shard["edges"], "counts": lean["histogram"]}
        rest = {key: value for key, value in lean.items() if key != "example"}
        return {**rest, "histogram": histogram, "coverage": shard["coverage"]}

    def examples(self, number: int, group: str) -> list[dict[str, Any]]:
        shard, feature = self.shard("examples", number, PER_EXAMPLES)
        return [self._example(one, shard) for one in feature["groups"].get(group, [])]

    def _example(self, packed: list[Any], shard: dict[str, Any]) -> dict[str, Any]:
        _, position, _, _, places, _ = packed
        tokens = [shard["texts"][place] for place in places]
        return self._shown(packed, shard, tokens, min(position, 16))

    def context(self, packed: list[Any], shard: dict[str, Any]) -> dict[str, Any]:
        document, position = packed[:2]
        at = sum(first <= document for first in self.sae["documents"]) - 1
        found = self.read(f"{self.sae['folder']}/documents/{at}.json")[str(document)]
        here = position - found["from"]
        start = max(0, here - WIDE)
        return self._shown(packed, shard, found["tokens"][start : here + WIDE + 1], here - start)

    def _shown(
        self, packed: list[Any], shard: dict[str, Any], tokens: list[str], peak: int
    ) -> dict[str, Any]:
        document, position, source, tags, _, fired = packed
        activations = [0.0] * len(tokens)
        for offset, value in zip(fired[::2], fired[1::2], strict=True):
            if 0 <= peak + offset < len(tokens):
                activations[peak + offset] = value
        about = shard["about"]
        return {
            "document": document,
            "position": position,
            "source": about[source],
            "tags": [{"name": about[name], "value": about[value]} for name, value in tags],
            "tokens": tokens,
            "activations": activations,
            "peak": peak,
        }


def same(told: Any, truth: Any) -> None:
    """Equal, numbers to 6 figures."""
    if isinstance(truth, dict):
        assert told.keys() == truth.keys()
        for key in truth:
            same(told[key], truth[key])
    elif isinstance(truth, list):
        assert len(told) == len(truth)
        for one, other in zip(told, truth, strict=True):
            same(one, other)
    elif isinstance(truth, float):
        assert told == pytest.approx(truth, rel=5e-6, abs=1e-300)
    else:
        assert told == truth


def test_every_file_that_is_asked_for_whole_is_the_answer_of_the_server(
    site: Path, server: TestClient
) -> None:
    files = Files(site)
    asked = files.site["files"]
    for path, file in asked.items():
        same(
            files.read(file), server.get(path, params={"limit": 1000} if "clusters" in path else None).json()
        )
    for sae in ("main", "wide"):
        assert {f"{STUDY}/saes/{sae}", f"{STUDY}/saes/{sae}/concepts", f"{STUDY}/saes/{sae}/doses"} <= set(
            asked
        )
    assert {"/api/v1/studies", STUDY, f"{STUDY}/saes", f"{STUDY}/runs", f"{STUDY}/work"} <= set(asked)
    assert {f"{SAE}/doses/golden_gate", f"{SAE}/distribution?statistic=mean", f"{SAE}/groundtruth"} <= set(
        asked
    )
    maps = f"{STUDY}/maps"
    assert {maps, f"{maps}/main", f"{maps}/main+wide/clusters", f"{maps}/main+wide/across"} <= set(asked)
    for sae, known in files.site["saes"].items():
        record = server.get(f"{STUDY}/saes/{sae}").json()
        assert (known["version"], known["d_sae"], known["features"]) == (
            record["version"],
            record["d_sae"],
            WIDE_NUMBERS if sae == "wide" else None,
        )


@pytest.mark.parametrize("sae", ["main", "wide"])
def test_the_shards_are_the_answers_of_the_server_feature_by_feature(
    site: Path, server: TestClient, sae: str
) -> None:
    files, base = Files(site, sae), f"{STUDY}/saes/{sae}/features"
    relations = 0
    for number in range(0, 64, 5) if sae == "main" else WIDE_NUMBERS:
        path = f"{base}/{number}"
        same(files.record(number), server.get(path).json())
        shard, feature = files.shard("examples", number, PER_EXAMPLES)
        for group in get_args(Group):
            limit = 5 if group == "silent" else 20
            truth = server.get(f"{path}/examples", params={"group": group, "limit": limit}).json()
            same(files.examples(number, group), truth["examples"])
        firings = without(server.get(f"{path}/firings").json(), "number", "coverage")
        same(feature["firings"], firings | {"tokens": firings["tokens"][:10]})
        same(feature["elsewhere"], server.get(f"{path}/elsewhere").json()["saes"])
        answer = server.get(f"{path}/relations")
        if answer.status_code == 200:
            same(feature["relations"], without(answer.json(), "number", "figures"))
            same(shard["figures"], answer.json()["figures"])
            relations += 1
        elif sae == "main":
            assert feature["unrelated"] == answer.json()["error"]["message"]
    assert (relations > 0) == (sae == "main" and MEASURED > 0)


def without(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in keys}


def test_the_text_around_every_example_is_there(site: Path, server: TestClient) -> None:
    files = Files(site)
    for number in (3, 40):
        shard, feature = files.shard("examples", number, PER_EXAMPLES)
        for packed in feature["groups"]["top"][::3] + feature["groups"]["quantile:0"]:
            place = {"document": packed[0], "position": packed[1], "before": WIDE, "after": WIDE}
            truth = server.get(f"{SAE}/features/{number}/context", params=place).json()
            same(files.context(packed, shard), truth)


def test_lists_words_and_tags_are_those_of_all_features(site: Path, server: TestClient) -> None:
    files = Files(site)
    columns, words = (files.read(f"saes/0/{name}.json") for name in ("columns", "words"))
    rows = server.get(f"{SAE}/features", params={"limit": 64}).json()["features"]
    for name in ("density", "count", "mean", "maximum"):
        same(columns[name], [row[name] for row in rows])
    assert words["names"] == [row["name"]["text"] for row in rows]
    assert words["fires"] == [" ".join(one["text"] for one in row["tokens"]) for row in rows]
    promoted = server.get(f"{SAE}/features/7").json()["promoted"]
    assert words["promotes"][7] == " ".join(one["text"] for one in promoted)
    shard = files.read("saes/0/tags/0.json")
    assert list(shard) == [one["tag"] for one in server.get(f"{SAE}/concepts").json()["concepts"]]
    for tag, told in shard.items():
        truth = server.post(f"{SAE}/find", json={"tag": tag, "n": 50}).json()["candidates"]
        same(told, [[one["feature"]["number"], one["score"], one["why"]] for one in truth])


def test_the_pages_are_there_as_they_were_built_but_for_the_mark(site: Path, web: Path) -> None:
    assert '<meta name="monosema-site" content="data/" />' in (site / "index.html").read_text()
    assert (site / "assets" / "a.js").read_text() == "1"
    names = {path.name for path in site.iterdir()} | {path.name for path in (site / "assets").iterdir()}
    assert names == {"index.html", "assets", "data", "a.js"}


def test_a_part_of_the_features_is_what_one_would_look_for_first(
    study: Path, web: Path, server: TestClient, tmp_path: Path
) -> None:
    planned = plan_site(study, saes=["main"], features=20, web=web)
    numbers = planned.numbers["main"]
    assert (len(numbers), numbers) == (20, sorted(numbers))
    assert {3, 5} <= set(numbers), "a stored dose steers with them"
    for tag in ("golden_gate", "bridge"):
        best = server.post(f"{SAE}/find", json={"tag": tag, "n": 1}).json()["candidates"][0]["feature"]
        assert best["number"] in numbers
    export(planned, tmp_path / "site")
    files = Files(tmp_path / "site")
    assert files.sae["features"] == numbers
    for number in numbers:
        same(files.record(number), server.get(f"{SAE}/features/{number}").json())
        assert "elsewhere" not in files.shard("examples", number, PER_EXAMPLES)[1]
    assert len(files.read("saes/0/columns.json")["density"]) == 20
    for told in files.read("saes/0/tags/0.json").values():
        assert {number for number, _, _ in told} <= set(numbers)
    assert files.read(files.site["files"]["/api/v1/studies"])["studies"][0]["saes"] == ["main"]
    assert f"{STUDY}/maps/main" in files.site["files"]
    assert f"{STUDY}/maps/main+wide" not in files.site["files"]


def test_a_site_is_replaced_when_the_new_one_is_whole_and_nothing_else_is(
    study: Path, web: Path, tmp_path: Path
) -> None:
    planned = plan_site(study, saes=["main"], features=3, web=web)
    place = tmp_path / "site"
    place.mkdir()
    export(planned, place)
    (place / "old.txt").write_text("of the old one")
    calls = iter([False, True])
    with pytest.raises(Interrupted):
        export(planned, place, stop=lambda: next(calls))
    assert (place / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    export(planned, place)
    assert not (place / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").write_text("a cat")
    for folder in (other, other / "cat.jpg"):
        with pytest.raises(RefusedError, match="no site of Monosema"):
            export(planned, folder)
    assert (other / "cat.jpg").read_text() == "a cat"


def test_what_cannot_be_exported_is_said(study: Path, web: Path, copied: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make web"):
        plan_site(study, web=tmp_path)
    with pytest.raises(UsageError, match='did you mean "main"'):
        plan_site(study, saes=["mian"], web=web)
    shutil.rmtree(copied / "index")
    with pytest.raises(UsageError, match="monosema index"):
        plan_site(copied, web=web)
    with pytest.raises(RefusedError, match="index/main"):
        plan_site(copied, saes=["main"], web=web)


def test_from_the_command_line(
    study: Path,
    web: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(site_module, "WEB", web)
    monkeypatch.setattr(export_module, "reporter", lambda as_json: None)
    export_module.export(study, tmp_path / "site", sae=["main"], features=2, json=True)
    said = capsys.readouterr()
    told = json.loads(said.out.splitlines()[-1])
    assert told["files"] == sum(path.is_file() for path in (tmp_path / "site").rglob("*"))
    assert "2 features of main: about" in said.err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    failed(monosema("export", str(study), str(tmp_path / "full")), 3, "no site of Monosema")
