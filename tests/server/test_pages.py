"""The built pages: served with what keeps them safe and quick, and nothing else of the disk."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from monosema.server import Door, create_app
from server.served import STUDY

DOCUMENT = "<!doctype html><title>Monosema</title>"
SCRIPT = "console.log(1)"
ASSET = "index-CUjTYZi8.js"
NAVIGATE = {"Accept": "text/html"}


@pytest.fixture
def web(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(DOCUMENT)
    (folder / "theme.js").write_text(SCRIPT)
    (folder / "assets" / ASSET).write_text(SCRIPT)
    (folder / "assets" / f"{ASSET}.br").write_bytes(b"as if it were packed")
    (folder / "assets" / f"{ASSET}.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (folder / "assets" / "plain.css").write_text("a{}")
    (tmp_path / "secret").write_text("not to be read")
    return folder


@pytest.fixture
def client(web: Path) -> TestClient:
    return TestClient(create_app([], web=web), base_url="http://localhost", raise_server_exceptions=False)


def test_the_document_is_asked_for_again_each_time_and_sent_when_it_has_changed(
    client: TestClient, web: Path
) -> None:
    answer = client.get("/")
    assert (answer.text, answer.headers["content-type"]) == (DOCUMENT, "text/html; charset=utf-8")
    assert "no-cache" in answer.headers["cache-control"]
    known = {"If-None-Match": answer.headers["etag"]}
    again = client.get("/", headers=known)
    assert (again.status_code, again.text) == (304, "")
    (web / "index.html").write_text(DOCUMENT + "again")
    changed = client.get("/", headers=known)
    assert (changed.status_code, changed.text) == (200, DOCUMENT + "again")


def test_a_file_whose_name_tells_its_content_is_kept_for_ever(client: TestClient) -> None:
    answer = client.get(f"/assets/{ASSET}", headers={"Accept-Encoding": "identity"})
    assert answer.text == SCRIPT
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    for name in ("/assets/plain.css", "/theme.js", "/index.html"):
        assert "no-cache" in client.get(name).headers["cache-control"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.0 , gzip;q=0.5", "gzip"),
        ("deflate", None),
        ("", None),
    ],
)
def test_a_packed_file_is_sent_to_whoever_takes_it(
    client: TestClient, accepted: str, coding: str | None
) -> None:
    with client.stream("GET", f"/assets/{ASSET}", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    sent = {"br": b"as if it were packed", "gzip": gzip.compress(SCRIPT.encode()), None: SCRIPT.encode()}
    assert raw[10:] == sent[coding][10:]  # the head of a gzip file has its time


def test_every_answer_has_the_headers_that_keep_browsers_safe(client: TestClient) -> None:
    for path in ("/", "/healthz", f"/assets/{ASSET}", STUDY, "/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
    refused = client.get("/", headers={"Host": "example.com"})
    assert (refused.status_code, refused.headers["x-content-type-options"]) == (403, "nosniff")


@pytest.mark.parametrize(
    "path",
    [
        "/secret",
        "/../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/assets/..%2f..%2fsecret",
        "/assets/../../secret",
        "/assets/%2e%2e%2f%2e%2e%2fsecret",
        "/assets/..%5c..%5csecret",
        "/assets",
        "/assets/",
        "/assets/%00",
        f"/assets/{ASSET}.br",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
    ],
)
def test_nothing_else_of_the_disk_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, set(answer.json())) == (404, {"error"})


def test_pages_that_were_not_built_say_how_to_build_them(tmp_path: Path) -> None:
    client = TestClient(create_app([], web=tmp_path / "none"), base_url="http://localhost")
    answer = client.get("/")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "make web" in answer.text
    assert client.get("/assets/x.js").status_code == 404


def test_a_browser_that_was_not_let_in_is_told_so_in_words(web: Path) -> None:
    door = Door("a-token-of-24-characters")
    client = TestClient(create_app([], web=web, door=door), base_url="http://localhost")
    answer = client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "monosema serve" in answer.text
    assert client.get(f"/assets/{ASSET}").status_code == 401
    assert client.get(door.link()).text == DOCUMENT
    assert client.get(f"/assets/{ASSET}").status_code == 200
