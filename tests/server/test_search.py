"""Search: each way against what the library finds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

import monosema as ms
from index.test_meaning import save_embedder
from monosema import pipeline
from monosema.index import (
    Candidate,
    FeatureIndex,
    Filter,
    find_by_activation,
    find_by_direction,
    find_by_labels,
    read_names,
)
from monosema.server import served
from server.served import SAE, client_of

TEXT = "the old fox crosses the golden gate at dawn"


def shown(answer: Any) -> list[tuple[int, float, str]]:
    assert answer.status_code == 200, answer.text
    return [(one["feature"]["number"], one["score"], one["why"]) for one in answer.json()["candidates"]]


def known(found: list[Candidate] | tuple[Candidate, ...]) -> list[tuple[int, float, str]]:
    assert found
    return [(one.feature, one.score, one.why) for one in found]


@pytest.mark.parametrize(
    "asked",
    [
        {"tag": "golden_gate", "n": 3},
        {"token": " golden", "n": 2},
        {"on": ["the golden gate"], "n": 4},
        {"on": ["the golden gate", "golden gate in fog"], "off": ["a"]},
        {"text": "golden"},
        {"text": 'gate" ( gold', "n": 3},
        {"at": TEXT, "n": 2},
        {"at": TEXT, "position": 3},
    ],
)
def test_find_gives_what_the_library_finds(client: TestClient, finished: Path, asked: dict[str, Any]) -> None:
    answer = client.post(f"{SAE}/find", json=asked)
    truth = pipeline.find(ms.open(finished), **asked)
    assert shown(answer) == known(truth)
    together = {one["number"]: one["weight"] for one in answer.json()["together"]}
    assert together == ({} if {"text", "at"} & set(asked) else pipeline.as_set(truth))
    row = answer.json()["candidates"][0]["feature"]
    assert row == {key: client.get(f"{SAE}/features/{row['number']}").json()[key] for key in row}
    assert row["name"] == asdict(read_names(finished / "index" / "main")[row["number"]])


@pytest.mark.parametrize(
    ("where", "truth"),
    [
        ({"dead": False}, Filter(dead=False)),
        ({"density": {"low": 0.01, "high": 0.2}}, Filter(density=(0.01, 0.2))),
        ({"maximum": {"low": 1.0}, "tag": "bridge"}, Filter(maximum=(1.0, np.inf), tag="bridge")),
        ({"density": {"high": 0.1}, "interval": 9}, Filter(density=(0.0, 0.1), interval=9)),
        ({"mean": {"low": 0.5, "high": 2.0}}, Filter(mean=(0.5, 2.0))),
    ],
)
def test_figures_are_bounded_as_in_the_library(
    client: TestClient, finished: Path, where: dict[str, Any], truth: Filter
) -> None:
    answer = client.post(f"{SAE}/find", json={"where": where})
    assert shown(answer) == known(pipeline.find(ms.open(finished), where=truth))


@pytest.mark.parametrize(
    "way",
    [
        {"tag": "golden_gate"},
        {"token": " golden"},
        {"text": "golden"},
        {"on": ["the golden gate"], "off": ["a"]},
        {"at": TEXT},
        {"vector": [1.0] * 32},
        {"vector": [1.0] * 32, "meant": "activation"},
    ],
)
def test_beside_every_way_figures_say_which_features_may_be_found(
    client: TestClient, way: dict[str, Any]
) -> None:
    anyhow = client.post(f"{SAE}/find", json={**way, "n": 64}).json()["candidates"]
    middle = sorted(one["feature"]["density"] for one in anyhow)[(len(anyhow) - 1) // 2]
    answer = client.post(f"{SAE}/find", json={**way, "n": 64, "where": {"density": {"high": middle}}})
    expected = [one for one in anyhow if one["feature"]["density"] <= middle]
    assert answer.json()["candidates"] == expected
    assert len(expected) < len(anyhow)


def test_the_top_token_of_features_is_found_by_its_number(client: TestClient, index: FeatureIndex) -> None:
    tops = index.table["tokens"][:, 0]
    token = int(tops[tops >= 0][0])
    found = shown(client.post(f"{SAE}/find", json={"where": {"top_token": token}, "n": 64}))
    assert {number for number, _, _ in found} == set(np.flatnonzero(tops == token).tolist())


def test_a_vector_is_a_direction_or_an_activation(client: TestClient, finished: Path) -> None:
    study = ms.open(finished)
    model, sae = study.model(), study.sae()
    x = model.capture(TEXT, sae.input)[4].float()
    for meant, find in {"direction": find_by_direction, "activation": find_by_activation}.items():
        answer = client.post(f"{SAE}/find", json={"vector": x.tolist(), "meant": meant})
        assert shown(answer) == known(find(sae, x))
    alone = client.post(f"{SAE}/find", json={"vector": sae.W_dec[7].tolist(), "n": 1})
    assert [number for number, _, _ in shown(alone)] == [7]


def test_labelled_texts_have_their_classifier_beside_what_is_simpler(
    client: TestClient, finished: Path, index: FeatureIndex
) -> None:
    study = ms.open(finished)
    texts = [f"the golden gate {'in fog ' * n}" for n in range(12)]
    texts += [f"a fox {'runs home ' * n}" for n in range(12)]
    labels = [1] * 12 + [0] * 12
    labelled = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
    answer = client.post(f"{SAE}/find", json={"labelled": labelled, "n": 3})
    truth = find_by_labels(study.model(), study.sae(), index, texts, labels, n=3, seed=3)
    assert shown(answer) == known(truth.features)
    told = answer.json()["classifier"]
    assert told == {key: value for key, value in asdict(truth).items() if key != "features"}
    few = client.post(f"{SAE}/find", json={"labelled": labelled[:13]})
    assert (few.status_code, "10 or more of each" in few.json()["error"]["message"]) == (422, True)


def test_meaning_is_searched_where_its_vectors_were_kept(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_embedder(tmp_path / "bert")
    monkeypatch.setattr(served, "packaged_embedder", lambda: folder)
    client = client_of(copied)
    absent = client.post(f"{SAE}/find", json={"like": "golden gate"})
    assert (absent.status_code, absent.json()["error"]["type"]) == (409, "not_ready")
    assert "monosema find" in absent.json()["error"]["advice"]
    assert not (copied / "meaning").exists()
    truth = pipeline.find(ms.open(copied), like="golden gate", embedder=folder)
    assert shown(client.post(f"{SAE}/find", json={"like": "golden gate"})) == known(truth)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({}, "one thing to find by, not 0"),
        ({"tag": "bridge", "token": " golden"}, "one thing to find by, not 2"),
        ({"tag": "bridge", "off": ["x"]}, "off stands beside on"),
        ({"text": "bridge", "position": 0}, "position stands beside at"),
        ({"at": "bridge", "meant": "direction"}, "meant stands beside vector"),
        ({"tag": "brigde"}, 'did you mean "bridge"'),
        ({"token": " golden gate"}, "tokens"),
        ({"at": TEXT, "position": 99}, "no token 99"),
        ({"vector": [1.0, 2.0]}, "this SAE is 32 wide"),
        ({"vector": [0.0] * 32}, "zero or not finite"),
        ({"vector": ["x"]}, "body.vector.0 is 'x'"),
        ({"vector": [1.0] * 32, "meant": "token"}, "body.meant is 'token'"),
        ({"where": {"density": {"low": 0.2, "high": 0.1}}}, "density from 0.2 to 0.1 holds nothing"),
        ({"where": {"interval": 10}}, "no interval 10"),
        ({"text": "bridge", "where": {"interval": 10}}, "no interval 10"),
        ({"where": {"densty": None}}, "body.where.densty is not known here"),
        ({"labelled": [{"text": "x", "label": 2}]}, "body.labelled.0.label is 2"),
        ({"on": ["x"], "n": 1000}, "body.n is 1000"),
        ({"on": []}, "body.on is []"),
        ({"on": [""]}, "body.on.0 is ''"),
        ({"on": ["x"] * 33}, "32"),
        ({"on": [TEXT * 40]}, "longer than the 128"),
        ({"on": [TEXT], "off": [TEXT]}, "no feature fires"),
        ({"label": "x"}, "body.label is not known here"),
    ],
)
def test_a_search_that_is_asked_wrongly_is_one_line(
    client: TestClient, asked: dict[str, Any], part: str
) -> None:
    answer = client.post(f"{SAE}/find", json=asked)
    assert answer.status_code == 422
    assert part in answer.json()["error"]["message"]


def test_words_that_no_feature_has_find_nothing(client: TestClient) -> None:
    answer = client.post(f"{SAE}/find", json={"text": "xylophone"})
    assert (answer.json()["candidates"], answer.json()["together"]) == ([], [])
