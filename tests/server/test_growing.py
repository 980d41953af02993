"""An index that is being made: what its finished parts tell is served, and seen to be on its way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import monosema as ms
from monosema.activations import StoreRows
from monosema.artifact import DRAFT, MANIFEST
from monosema.files import read_json
from monosema.index import FeatureIndex
from monosema.index import segment as segment_module
from monosema.index.collect import collect_task
from monosema.index.index import RECORD, SEGMENTS
from server.served import SAE, STUDY, client_of

ROWS = 500
"""Of a part."""


class Growing:
    """The index of a study, taken back to its beginning."""

    def __init__(self, study: Path) -> None:
        self.study = ms.open(study)
        self.place, self.draft = study / "index" / "main", study / "index" / ".main.draft"
        self.whole = study / "whole"
        self.place.rename(self.whole)
        manifest = read_json(self.whole / MANIFEST)
        self.draft.mkdir()
        (self.draft / DRAFT).write_text(json.dumps({"asked": {}, "parents": manifest["parents"]}))
        begun = read_json(self.whole / RECORD)
        del begun["positions"], begun["postings"]
        (self.draft / RECORD).write_text(json.dumps(begun))
        self._sae, self._source = self.study.sae(), StoreRows(self.study.activations(), rows_per_task=ROWS)

    def add(self, part: int) -> None:
        collect_task(self.draft / SEGMENTS, self._sae, self._source, part)

    def read(self) -> FeatureIndex:
        return FeatureIndex(self.draft, self.study.tokens(), self.study.model().tokenizer.decode)

    def finish(self) -> None:
        shutil.rmtree(self.draft)
        self.whole.rename(self.place)


@pytest.fixture
def growing(copied: Path) -> Growing:
    return Growing(copied)


def test_the_finished_parts_are_served_and_new_ones_are_noticed(growing: Growing) -> None:
    client = client_of(growing.study.path)
    assert client.get(f"{SAE}/features").json()["error"]["type"] == "not_ready"
    assert client.get(SAE).json()["index"] is None
    expected = growing.study.tokens().count("train")
    versions = set()
    for part in range(3):
        growing.add(part)
        truth = growing.read()
        assert len(truth.segments) == part + 1
        coverage = {"finished": False, "positions": (part + 1) * ROWS, "expected": expected}
        record = client.get(SAE).json()
        assert record["index"] == coverage | {"tags": 2}
        versions.add(record["version"])
        listed = client.get(f"{SAE}/features", params={"sort": "count", "order": "down", "limit": 5}).json()
        assert listed["coverage"] == coverage
        best = np.argsort(-truth.table["count"], kind="stable")[:5]
        assert [row["number"] for row in listed["features"]] == best.tolist()
        for row in listed["features"]:
            card = truth.feature(row["number"])
            assert (row["name"], row["count"], row["maximum"]) == (None, card.count, card.maximum)
            assert [(one["text"], one["share"]) for one in row["tokens"]] == list(card.tokens)
    assert len(versions) == 3
    (summary,) = client.get(f"{STUDY}/saes").json()["saes"]
    assert (summary["index"], summary["version"] in versions) == ("unfinished", True)


def test_each_new_part_is_opened_and_those_before_stay_open(
    growing: Growing, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, real = [], segment_module.map_arrays

    def counted(path: Path, size: int) -> Any:
        opened.append(path.name)
        return real(path, size)

    monkeypatch.setattr(segment_module, "map_arrays", counted)
    client = client_of(growing.study.path)
    for part in range(3):
        growing.add(part)
        assert client.get(f"{SAE}/features").json()["coverage"]["positions"] == (part + 1) * ROWS
    assert opened == [f"{part:05d}.safetensors" for part in range(3)]


def test_a_feature_has_its_record_and_examples_but_for_what_comes_last(growing: Growing) -> None:
    growing.add(0)
    growing.add(1)
    client, truth = client_of(growing.study.path), growing.read()
    number = int(np.argmax(truth.tags.counts(truth.tags.tags.index("golden_gate"))))
    record = client.get(f"{SAE}/features/{number}").json()
    assert (record["promoted"], record["suppressed"], record["neighbours"]) == ([], [], [])
    assert sum(record["histogram"]["counts"]) == truth.feature(number).count
    numbers, counts, means = truth.tags.of(number)
    told = {one["tag"]: (one["count"], one["mean"]) for one in record["tags"]}
    assert told == {
        truth.tags.tags[tag]: (count, pytest.approx(mean))
        for tag, count, mean in zip(numbers, counts.tolist(), means.tolist(), strict=True)
    }
    examples = client.get(f"{SAE}/features/{number}/examples", params={"limit": 3}).json()
    assert [one["activations"][one["peak"]] for one in examples["examples"]] == [
        one.value for one in truth.top(number, 3)
    ]
    concepts = client.get(f"{SAE}/concepts").json()
    assert {one["tag"]: one["positions"] for one in concepts["concepts"]} == dict(
        zip(truth.tags.tags, truth.tags.rows.tolist(), strict=True)
    )
    found = client.post(f"{SAE}/find", json={"tag": "golden_gate", "n": 3}).json()
    assert not found["coverage"]["finished"]
    assert all(one["feature"]["name"] is None for one in found["candidates"])
    words = client.post(f"{SAE}/find", json={"text": "golden"})
    assert (words.status_code, words.json()["error"]["type"]) == (409, "not_ready")


def test_nothing_of_it_is_kept_without_asking_again(growing: Growing) -> None:
    growing.add(0)
    client = client_of(growing.study.path)
    version = client.get(SAE).json()["version"]
    first = client.get(f"{SAE}/features?v={version}&limit=9")
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    assert (
        client.get(f"{SAE}/features?v={version}&limit=9", headers={"If-None-Match": tag}).status_code == 304
    )
    growing.add(1)
    for old in (f"features?v={version}&limit=9", f"features?limit=9&cursor={first.json()['next']}"):
        answer = client.get(f"{SAE}/{old}", headers={"If-None-Match": tag})
        assert (answer.status_code, answer.json()["error"]["type"]) == (409, "changed")
    growing.finish()
    whole = client.get(f"{SAE}/features?limit=9")
    assert whole.json()["coverage"]["finished"]
    assert whole.json()["features"][0]["name"] is not None
    assert whole.headers["etag"].startswith('"')


def test_what_is_made_of_another_sae_is_not_shown(growing: Growing) -> None:
    growing.add(0)
    question = read_json(growing.draft / DRAFT)
    (growing.draft / DRAFT).write_text(json.dumps(question | {"parents": {"sae/main": "0" * 64}}))
    client = client_of(growing.study.path)
    assert client.get(f"{SAE}/features").json()["error"]["type"] == "not_ready"
    growing.whole.rename(growing.place)
    assert client.get(f"{SAE}/features").json()["coverage"]["finished"]


def test_one_of_the_present_sae_takes_the_place_of_a_stale_one(growing: Growing) -> None:
    growing.add(0)
    shutil.copytree(growing.whole, growing.place)
    client = client_of(growing.study.path)
    assert client.get(f"{SAE}/features").json()["coverage"]["finished"]
    manifest = read_json(growing.place / MANIFEST)
    manifest["parents"]["sae/main"] = "0" * 64
    (growing.place / MANIFEST).write_text(json.dumps(manifest))
    assert client.get(f"{SAE}/features").json()["coverage"]["positions"] == ROWS


def test_a_later_part_without_the_first_is_no_index(growing: Growing) -> None:
    growing.add(1)
    answer = client_of(growing.study.path).get(f"{SAE}/features")
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "not_ready")


def test_an_index_that_is_finished_while_it_is_opened_is_served_whole(
    growing: Growing, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing.add(0)
    tried, opened = [], FeatureIndex.__init__

    def finished_meanwhile(index: FeatureIndex, folder: Path, *rest: Any) -> None:
        if folder == growing.draft:
            growing.finish()
        tried.append(folder)
        opened(index, folder, *rest)

    monkeypatch.setattr(FeatureIndex, "__init__", finished_meanwhile)
    answer = client_of(growing.study.path).get(f"{SAE}/features")
    assert (answer.status_code, answer.json()["coverage"]["finished"]) == (200, True)
    assert tried == [growing.draft, growing.place]
