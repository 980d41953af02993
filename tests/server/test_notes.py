"""Notes over HTTP: a person names a feature and writes about it, and everything tells it from then on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import monosema as ms
from monosema import pipeline
from monosema.pipeline.notes import Note
from monosema.server import Door, create_app
from monosema.server.export import export, plan_site
from server.served import SAE, STUDY, client_of

URL = f"{SAE}/features/5"
SAID = {"name": "the bridge", "text": "Fires in fog.\nNot at sea."}
OWN = {"text": "the bridge", "confidence": 1.0, "by": "a person", "rule": "own"}


@pytest.fixture
def client(copied: Path) -> TestClient:
    return client_of(copied)


def got(client: TestClient, url: str, **query: Any) -> Any:
    answer = client.get(url, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_a_person_says_is_kept_and_told_with_the_feature(client: TestClient, copied: Path) -> None:
    before = got(client, URL)
    assert (before["note"], before["by_rule"], before["name"]["by"]) == ("", None, "rule")
    answer = client.put(f"{URL}/note", json=SAID)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**SAID, "version": got(client, f"{STUDY}/saes/main")["version"]}
    assert got(client, URL) == {**before, "name": OWN, "by_rule": before["name"], "note": SAID["text"]}
    assert pipeline.notes_of(ms.open(copied)) == {5: Note(**SAID)}
    client.put(f"{URL}/note", json={"name": "", "text": ""})
    assert got(client, URL) == before
    route = "/api/v1/studies/{study}/saes/{sae}/features/{number}/note"
    assert f'{{method="PUT",route="{route}",status="200"}} 2' in client.get("/metrics").text


def test_the_name_stands_in_lists_cards_and_among_neighbours_and_is_found_by_its_words(
    client: TestClient,
) -> None:
    other = got(client, URL)["neighbours"][0]["number"]
    client.put(f"{URL}/note", json=SAID)
    client.put(f"{SAE}/features/{other}/note", json={"name": "", "text": "a Zeppelin, perhaps"})
    assert got(client, f"{SAE}/features")["features"][5]["name"] == OWN
    assert got(client, f"{SAE}/cards", numbers="5")["features"][0]["name"] == OWN
    near = {one["number"]: one["name"] for one in got(client, f"{SAE}/features/{other}")["neighbours"]}
    assert near.get(5, OWN) == OWN
    for words, number in (("BRIDGE the", 5), ("zeppelin", other)):
        found = client.post(f"{SAE}/find", json={"text": words, "n": 3}).json()["candidates"]
        assert found[0]["feature"]["number"] == number


def test_a_note_changes_the_version_so_that_no_kept_answer_tells_an_old_name(client: TestClient) -> None:
    first = client.get(URL)
    version = got(client, f"{STUDY}/saes/main")["version"]
    assert client.get(f"{URL}?v={version}").status_code == 200
    told = client.put(f"{URL}/note?v={version}", json=SAID).json()
    assert told["version"] != version
    again = client.get(URL, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.json()["name"]) == (200, OWN)
    assert client.get(f"{URL}?v={version}").status_code == 409
    late = client.put(f"{URL}/note?v={version}", json={"name": "another", "text": ""})
    assert (late.status_code, late.json()["error"]["type"]) == (409, "changed")
    assert got(client, URL, v=told["version"])["name"] == OWN


def test_the_clusters_of_a_map_tell_the_name(mapped: Path, tmp_path: Path) -> None:
    client = client_of(Path(shutil.copytree(mapped, tmp_path / "study")))
    url = f"{STUDY}/maps/main+wide/clusters"
    before = client.get(url)
    members = [one for cluster in before.json()["clusters"] for one in cluster["central"]]
    number = next(one["number"] for one in members if one["sae"] == "main")
    client.put(f"{SAE}/features/{number}/note", json=SAID)
    after = client.get(url, headers={"If-None-Match": before.headers["etag"]}).json()
    members = [one for cluster in after["clusters"] for one in cluster["central"]]
    assert [one["name"] for one in members if (one["sae"], one["number"]) == ("main", number)] == [OWN]
    assert after["version"] != before.json()["version"]


def test_notes_on_an_sae_that_was_trained_again_are_not_told(client: TestClient, copied: Path) -> None:
    client.put(f"{URL}/note", json=SAID)
    toml = copied / "study.toml"
    toml.write_text(toml.read_text().replace("k = 4", "k = 5"))
    pipeline.run(ms.open(copied), remake=True)
    record = got(client, URL)
    assert (record["note"], record["name"]["by"]) == ("", "rule")
    assert "the bridge" in (copied / "notes" / "main.json").read_text()


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("features/64/note", SAID, 404, "no feature 64"),
        ("features/5/note", {"name": "x" * 121, "text": ""}, 422, "at most 120 characters"),
        ("features/5/note", {"name": "", "text": "x" * 4001}, 422, "at most 4000 characters"),
        ("features/5/note", {"name": "a \u0007", "text": ""}, 422, "which is no text"),
        ("features/5/note", {"name": "a"}, 422, "body.text is missing"),
        ("features/5/note", {**SAID, "by": "me"}, 422, "body.by is not known here"),
        ("features/5/note", {"name": "x", "text": "y" * 1_000_001}, 413, "1,000,000 bytes"),
    ],
)
def test_what_cannot_be_kept_is_one_line(
    client: TestClient, copied: Path, path: str, body: dict[str, str], status: int, words: str
) -> None:
    answer = client.put(f"{SAE}/{path}", json=body)
    assert (answer.status_code, "\n" in answer.json()["error"]["message"]) == (status, False)
    assert words in answer.json()["error"]["message"]
    assert not (copied / "notes").exists()


def test_half_a_surrogate_pair_is_refused(client: TestClient) -> None:
    body = b'{"name": "\\ud800", "text": ""}'
    answer = client.put(f"{URL}/note", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "body.name is '\\ud800'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Host": "evil.example"},
    ],
)
def test_no_page_of_another_site_can_write(client: TestClient, copied: Path, headers: dict[str, str]) -> None:
    assert client.put(f"{URL}/note", json=SAID, headers=headers).status_code == 403
    assert not (copied / "notes").exists()


def test_nobody_writes_without_the_token(copied: Path) -> None:
    app = create_app([copied], door=Door("a-token-of-24-characters"))
    client = TestClient(app, base_url="http://localhost")
    assert client.put(f"{URL}/note", json=SAID).status_code == 401
    token = {"Authorization": "Bearer a-token-of-24-characters"}
    assert client.put(f"{URL}/note", json=SAID, headers=token).status_code == 200


def test_a_folder_that_cannot_be_written_is_said(client: TestClient, copied: Path) -> None:
    (copied / "notes" / "lock").mkdir(parents=True)
    answer = client.put(f"{URL}/note", json=SAID)
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "refused")
    assert "cannot be written" in answer.json()["error"]["message"]


def test_a_broken_file_of_notes_is_named(client: TestClient, copied: Path) -> None:
    (copied / "notes").mkdir()
    (copied / "notes" / "main.json").write_text("[]")
    answer = client.get(URL)
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "damaged")
    assert "main.json" in answer.json()["error"]["message"]


def test_a_site_tells_what_people_say(client: TestClient, copied: Path, tmp_path: Path) -> None:
    client.put(f"{URL}/note", json=SAID)
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("<title>Monosema</title>")
    planned = plan_site(copied, features=1, web=web)
    assert planned.numbers == {"main": [5]}, "what was noted is kept first"
    export(planned, tmp_path / "site")
    data = tmp_path / "site" / "data" / "saes" / "0"
    (record,) = json.loads((data / "records" / "0.json").read_text())["features"]
    assert (record["name"]["text"], record["note"]) == (SAID["name"], SAID["text"])
    (names,) = json.loads((data / "words.json").read_text())["names"]
    assert names == f"the bridge {record['by_rule']['text']} {SAID['text']}"
