"""Cosines of a feature with all others and its neighbours in another SAE, against all pairs in float64."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from fastapi.testclient import TestClient

import monosema as ms
from monosema import pipeline
from monosema.server import columns
from server.served import SAE, STUDY, client_of


@pytest.fixture(scope="module")
def mapping(mapped: Path) -> Iterator[TestClient]:
    with client_of(mapped) as client:
        yield client


def slow_cosines(one: torch.Tensor, W: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.cosine_similarity(W.double(), one.double()[None]).numpy()


def test_cosines_with_all_features_are_a_column(mapping: TestClient, mapped: Path) -> None:
    W = ms.open(mapped).sae().W_dec
    told = mapping.get(f"{SAE}/features/7/cosines")
    expected = slow_cosines(W[7], W)
    np.testing.assert_allclose(told.json()["cosine"], expected, atol=4e-6)
    assert told.json()["version"] == mapping.get(SAE).json()["version"]
    streamed = mapping.get(f"{SAE}/features/7/cosines", headers={"Accept": columns.ARROW})
    table = pa.ipc.open_stream(streamed.content).read_all()
    np.testing.assert_allclose(table["cosine"].to_numpy(), expected, atol=4e-6)
    about = json.loads(table.schema.metadata[b"monosema"])
    assert about == {key: told.json()[key] for key in ("number", "version")}
    kept = mapping.get(f"{SAE}/features/7/cosines", params={"v": about["version"]})
    assert kept.headers["cache-control"].endswith("immutable")


def test_the_nearest_features_of_other_saes_are_those_of_the_library(
    mapping: TestClient, mapped: Path
) -> None:
    study = ms.open(mapped)
    for sae, other in (("main", "wide"), ("wide", "main")):
        told = mapping.get(f"{STUDY}/saes/{sae}/features/5/elsewhere").json()
        (found,) = told["saes"]
        near, chance = pipeline.neighbours_across(study, 5, other, sae=sae)
        assert (found["sae"], found["hook"], found["chance"]) == (other, "resid_post.1", chance)
        assert [(one["number"], one["cosine"]) for one in found["neighbours"]] == list(near)
        named = [one["name"] for one in found["neighbours"]]
        if other == "main":
            names = pipeline.read_names(mapped / "index" / "main")
            assert [one["text"] for one in named] == [names[number].text for number, _ in near]
        else:
            assert named == [None] * len(near), "it has no index"


def test_an_sae_alone_has_nothing_elsewhere(client: TestClient) -> None:
    assert client.get(f"{SAE}/features/5/elsewhere").json() == {"number": 5, "saes": []}
    for path in ("elsewhere", "cosines"):
        answer = client.get(f"{SAE}/features/64/{path}")
        assert (answer.status_code, "0 to 63" in answer.json()["error"]["message"]) == (404, True)


def test_few_of_many_saes_are_held_at_a_time(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"copy{number}" for number in range(4)]
    toml = (copied / "study.toml").read_text()
    table = toml[toml.index("[saes.main]") :]
    (copied / "study.toml").write_text(
        "\n".join([toml, *(table.replace("saes.main", f"saes.{name}") for name in names)])
    )
    for name in names:
        shutil.copytree(copied / "sae" / "main", copied / "sae" / name)
    size = sum(entry["bytes"] for entry in ms.open(copied).open("sae", "main").manifest.files.values())
    monkeypatch.setattr("monosema.server.served.SAE_BYTES", 2 * size + 1)
    opened: list[tuple[str, weakref.ref[Any]]] = []
    held: list[int] = []
    load = pipeline.OpenStudy.sae

    def counted(study: pipeline.OpenStudy, name: str = "main") -> Any:
        gc.collect()
        held.append(sum(sae() is not None for _, sae in opened))
        sae = load(study, name)
        opened.append((name, weakref.ref(sae)))
        return sae

    monkeypatch.setattr(pipeline.OpenStudy, "sae", counted)
    with client_of(copied) as client:
        told = client.get(f"{SAE}/features/5/elsewhere")
        assert [one["sae"] for one in told.json()["saes"]] == names
        assert all(one["neighbours"][0]["number"] == 5 for one in told.json()["saes"])
        assert [name for name, _ in opened] == ["main", *names]
        assert held == [0, 1, 1, 1, 1], "there is room for two, and for one before another comes"
        tag = {"If-None-Match": told.headers["etag"]}
        assert client.get(f"{SAE}/features/5/elsewhere", headers=tag).status_code == 304
