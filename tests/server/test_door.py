"""Who is let in: this machine, or whoever knows the token; never a page of another site."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from monosema.errors import UsageError
from monosema.server import Door, create_app, guard, listen, url_of
from monosema.server.door import MOST_LINKS
from pipeline.test_cli import RUN
from server.served import SAE, STUDY, running

TOKEN = "a-token-of-24-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def door() -> Door:
    return Door(TOKEN, names=("Tower.local",))


@pytest.fixture
def locked(door: Door, finished: Path) -> Iterator[TestClient]:
    with TestClient(create_app([finished], door=door), base_url="http://192.168.0.7:8765") as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "http://localhost:5173"},
        {"Origin": "http://localhost.example.com"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
    ],
)
def test_a_page_of_another_place_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    for answer in (
        client.get(STUDY, headers=headers),
        client.post(f"{SAE}/prompt", json={"text": "x"}, headers=headers),
    ):
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "forbidden")


def test_a_form_of_another_site_is_refused_though_it_navigates(client: TestClient) -> None:
    answer = client.post(f"{SAE}/prompt", json={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"} | PAGE)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"} | PAGE,
        {"Sec-Fetch-Site": "cross-site"} | PAGE,
    ],
)
def test_our_own_page_and_a_link_to_it_are_let_in(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get(STUDY, headers=headers).status_code == 200


def test_a_port_of_this_machine_that_is_not_ours_is_another_place(client: TestClient) -> None:
    headers = {"Host": "localhost:8765", "Origin": "http://localhost:8765"}
    assert client.get(STUDY, headers=headers).status_code == 200
    assert client.get(STUDY, headers=headers | {"Origin": "http://localhost:8766"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \u00e9"},
        {"X-Secret-Key": f"{TOKEN}x"},
        {"X-Secret-Key": ""},
        {"Cookie": f"{Door(TOKEN).cookie}={TOKEN}"},
        {"Cookie": f"{Door(TOKEN).cookie}="},
        {"Cookie": "; ;="},
    ],
)
def test_who_does_not_know_the_token_is_asked_for_it(locked: TestClient, headers: dict[str, str]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    for answer in (
        locked.get(STUDY, headers=encoded),
        locked.post("/v1/completions", json={}, headers=encoded),
        locked.get("/metrics", headers=encoded),
    ):
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in answer.text


def test_who_knows_the_token_is_let_in_and_health_is_told_to_all(locked: TestClient) -> None:
    assert locked.get(STUDY, headers=BEARER).status_code == 200
    assert locked.get(STUDY, headers={"X-Secret-Key": TOKEN}).status_code == 200
    assert locked.get("/healthz").status_code == 200


def test_a_link_lets_one_browser_in_once(locked: TestClient, door: Door) -> None:
    link = door.link()
    answer = locked.get(link, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    assert locked.get(STUDY).status_code == 200
    locked.cookies.clear()
    assert locked.get(link, follow_redirects=False).status_code == 401
    assert locked.get(f"/?token={TOKEN}", follow_redirects=False).status_code == 401
    assert locked.get("/?token=", follow_redirects=False).status_code == 401


def test_who_is_in_can_let_another_browser_in(locked: TestClient, client: TestClient) -> None:
    path = locked.post("/api/v1/link", headers=BEARER).json()["path"]
    assert locked.post("/api/v1/link").status_code == 401
    assert locked.get(path, follow_redirects=False).status_code == 303
    refused = client.post("/api/v1/link")
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "refused")


def test_links_that_nobody_follows_are_forgotten() -> None:
    door = Door(TOKEN)
    first, *_ = [door.link() for _ in range(MOST_LINKS + 1)]
    assert door.follow("GET", "/", first.removeprefix("/?")) is None
    last = door.link()
    assert door.follow("POST", "/", last.removeprefix("/?")) is None
    assert door.follow("GET", "/api", last.removeprefix("/?")) is None
    assert door.follow("GET", "/", last.removeprefix("/?")) is not None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.0.7:8765", 200),
        ("[2001:db8::1]:8765", 200),
        ("tower.local:8765", 200),
        ("TOWER.local", 200),
        ("localhost:8765", 200),
        ("example.com", 403),
        ("192.168.0.7.example.com", 403),
        ("", 403),
    ],
)
def test_a_locked_server_is_reached_by_its_addresses_and_names_alone(
    locked: TestClient, host: str, status: int
) -> None:
    assert locked.get(STUDY, headers=BEARER | {"Host": host}).status_code == status


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "\u00e9" * 20, "a token with a line\nbreak"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="16 or more"):
        Door(token)


def test_a_body_that_does_not_come_in_time_is_408_and_harms_nobody_else(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    lines = (
        f"POST {SAE}/prompt HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        "Content-Length: 50",
    )
    head = "\r\n".join([*lines, "", ""])
    with running(create_app([finished])) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(head.encode() + b'{"text": "')
            with urllib.request.urlopen(f"{url}/healthz") as answer:
                assert answer.status == 200
            assert b"408" in slow.recv(1000).splitlines()[0]


def test_a_server_for_others_is_named_by_this_machine() -> None:
    with listen("0.0.0.0", 0, locked=True) as listener:
        assert url_of(listener) == f"http://{socket.gethostname()}:{listener.getsockname()[1]}"


def test_the_process_serves_others_behind_a_token(finished: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [*RUN, "serve", str(finished), "--port", "0", "--json", "--host", "0.0.0.0", "--log", str(log)]
    environment = os.environ | {"MONOSEMA_TOKEN": TOKEN}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        try:
            said: dict[str, Any] = json.loads(process.stdout.readline())
            assert TOKEN not in json.dumps(said)
            url = "http://127.0.0.1:" + said["url"].rpartition(":")[2]
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"{url}{STUDY}")
            with urllib.request.urlopen(urllib.request.Request(f"{url}{STUDY}", headers=BEARER)) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGTERM)
            process.communicate()
        finally:
            process.kill()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["status"] for line in lines] == [401, 200]
    assert TOKEN not in log.read_text()
