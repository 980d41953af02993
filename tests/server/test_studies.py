"""Studies and SAEs: what was asked, how it stands, figures beside baselines; ETags; while something is made."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import monosema
from monosema.errors import UsageError
from monosema.files import read_json
from monosema.pipeline.table import FIGURES
from monosema.server import create_app
from server.served import SAE, STUDY, client_of


def test_a_healthy_server_says_its_version(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "version": monosema.__version__}


def test_a_study_tells_what_it_asks_and_what_was_made(client: TestClient, finished: Path) -> None:
    listed = client.get("/api/v1/studies").json()["studies"]
    assert listed == [{"name": "study", "saes": ["main"], "writer": None, "error": None}]
    record = client.get(STUDY).json()
    assert record["seed"] == 3
    assert record["models"] == [{"name": "main", "source": "model", "layers": 3, "d_model": 32}]
    assert record["corpora"] == [{"name": "main", "sources": ["text.jsonl"]}]
    kinds = [artifact["kind"] for artifact in record["artifacts"]]
    assert kinds == ["plan", "tokens", "activations", "sae", "evaluation", "index"]
    for artifact in record["artifacts"]:
        manifest = read_json(finished / artifact["kind"] / artifact["name"] / "manifest.json")
        assert (artifact["state"], artifact["hash"]) == ("made", manifest["hash"])


def test_an_sae_has_its_settings_and_figures_with_intervals_and_baselines(
    client: TestClient, finished: Path
) -> None:
    (listed,) = client.get(f"{STUDY}/saes").json()["saes"]
    assert (listed["kind"], listed["hook"], listed["d_sae"]) == ("topk", "resid_post.1", 64)
    record = client.get(SAE).json()
    assert record["version"] == listed["version"]
    assert {"name": "k", "value": 4} in record["settings"]
    truth = read_json(finished / "evaluation" / "main" / "evaluation.json")
    shown = {figure["key"]: figure for figure in record["evaluation"]["figures"]}
    assert list(shown) == list(FIGURES)
    assert shown["fvu"]["figure"] == truth["fvu"]
    by_name = {baseline["name"]: baseline["figure"] for baseline in shown["fvu"]["baselines"]}
    assert by_name["PCA"] == truth["baselines"]["pca"]["fvu"]
    assert len(by_name) == len(truth["baselines"])
    density = record["evaluation"]["density"]
    assert len(density["edges"]) == len(density["shares"]) + 1
    assert density["shares"] == truth["density"]["shares"]
    assert record["index"]["tags"] == 2
    assert (record["relations"], record["meanings"]) == ("absent", "absent")


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/api/v1/studies/stud", ['unknown study "stud"', 'did you mean "study"']),
        (f"{STUDY}/saes/mian", ['unknown SAE "mian"', 'did you mean "main"']),
        (f"{STUDY}/saes/mian/features", ['unknown SAE "mian"']),
        ("/api/v1/nothing", ["Not Found"]),
    ],
)
def test_an_unknown_name_is_404_with_the_nearest_one(client: TestClient, path: str, parts: list[str]) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found"
    for part in parts:
        assert part in answer.json()["error"]["message"]


def test_what_the_client_has_is_not_sent_again_until_something_is_remade(copied: Path) -> None:
    client = client_of(copied)
    first = client.get(f"{SAE}/concepts")
    tag, version = first.headers["etag"], client.get(SAE).json()["version"]
    for given in (tag, f"W/{tag}", f'"other", {tag}'):
        again = client.get(f"{SAE}/concepts", headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(SAE, headers={"If-None-Match": tag}).status_code == 200
    assert client.get(f"{SAE}/concepts?v={version}").headers["cache-control"].endswith("immutable")
    assert "immutable" not in first.headers["cache-control"]
    cursor = client.get(f"{SAE}/features?limit=9").json()["next"]

    manifest = copied / "evaluation" / "main" / "manifest.json"
    manifest.write_text(json.dumps(read_json(manifest) | {"hash": "0" * 64}))
    assert client.get(f"{SAE}/concepts", headers={"If-None-Match": tag}).status_code == 200
    for old in (f"concepts?v={version}", f"features?cursor={cursor}"):
        answer = client.get(f"{SAE}/{old}")
        assert (answer.status_code, answer.json()["error"]["type"]) == (409, "changed")


def test_a_changed_study_toml_is_read_again(copied: Path) -> None:
    client = client_of(copied)
    assert client.get(STUDY).json()["seed"] == 3
    toml = copied / "study.toml"
    toml.write_text(toml.read_text().replace("seed = 3", "seed = 44"))
    assert client.get(STUDY).json()["seed"] == 44
    toml.write_text("seed = ")
    broken = client.get(STUDY)
    assert broken.status_code == 422
    assert "not valid TOML" in broken.json()["error"]["message"]


def test_a_broken_study_stands_in_the_list_with_its_error(
    finished: Path, copied: Path, tmp_path: Path
) -> None:
    other = copied.rename(tmp_path / "other")
    toml = other / "study.toml"
    whole = toml.read_text()
    for broken, part in [
        ("seed =", "not valid TOML"),
        (whole.replace("d_sae", "d_sea"), 'did you mean "d_sae"'),
    ]:
        toml.write_text(broken)
        client = client_of(other, finished)
        first, second = client.get("/api/v1/studies").json()["studies"]
        assert second == {"name": "study", "saes": ["main"], "writer": None, "error": None}
        assert (first["name"], first["saes"]) == ("other", [])
        assert part in first["error"]
        assert client.get("/api/v1/studies/other/saes").status_code == 422
        toml.write_text(whole)
        assert client.get("/api/v1/studies").json()["studies"][0] == second | {"name": "other"}
    toml.unlink()
    assert "does not exist" in client.get("/api/v1/studies").json()["studies"][0]["error"]


def test_an_index_that_is_not_there_is_409_that_says_how_it_stands(copied: Path) -> None:
    client = client_of(copied)
    assert client.get(f"{SAE}/features").status_code == 200
    shutil.rmtree(copied / "index")
    absent = client.get(f"{SAE}/features/3").json()["error"]
    assert (absent["type"], "was not made yet" in absent["message"]) == ("not_ready", True)
    assert "monosema run" in absent["advice"]

    (copied / "index" / ".main.draft").mkdir(parents=True)
    assert "stopped before its end" in client.get(f"{SAE}/features/3").json()["error"]["message"]
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": "2026-01-01T00:00", "verb": "index"}
    (copied / "lock").write_text(json.dumps(holder))
    making = client.get(f"{SAE}/features/3")
    assert making.status_code == 409
    assert "being made by monosema index since 2026-01-01" in making.json()["error"]["message"]
    (listed,) = client.get(f"{STUDY}/saes").json()["saes"]
    assert (listed["sae"], listed["index"]) == ("made", "unfinished")
    assert client.get(STUDY).json()["writer"] == {"verb": "index", "since": "2026-01-01T00:00"}
    assert client.get(SAE).json()["index"] is None


def test_a_writer_that_is_gone_is_none(copied: Path) -> None:
    gone = {"host": socket.gethostname(), "pid": 2**22 + 1, "since": "2026-01-01T00:00", "verb": "index"}
    (copied / "lock").write_text(json.dumps(gone))
    assert client_of(copied).get(STUDY).json()["writer"] is None


def test_what_was_made_of_another_sae_is_stale_and_its_figures_are_not_shown(copied: Path) -> None:
    manifest = copied / "sae" / "main" / "manifest.json"
    manifest.write_text(json.dumps(read_json(manifest) | {"hash": "0" * 64}))
    client = client_of(copied)
    (listed,) = client.get(f"{STUDY}/saes").json()["saes"]
    assert (listed["evaluation"], listed["index"]) == ("stale", "stale")
    record = client.get(SAE).json()
    assert (record["evaluation"], record["index"]) == (None, None)
    refused = client.get(f"{SAE}/features")
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "refused")


def test_a_damaged_index_is_500_that_names_the_file(copied: Path) -> None:
    (copied / "index" / "main" / "index.json").write_text("{}")
    answer = client_of(copied).get(f"{SAE}/features")
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "damaged")
    assert "index.json" in answer.json()["error"]["message"]


def test_studies_are_told_apart_by_their_names(finished: Path, copied: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='both named "study"'):
        create_app([finished, copied])
    with pytest.raises(UsageError, match="no folder"):
        create_app([tmp_path / "nowhere"])
    other = copied.rename(tmp_path / "other")
    names = [one["name"] for one in client_of(finished, other).get("/api/v1/studies").json()["studies"]]
    assert names == ["study", "other"]
