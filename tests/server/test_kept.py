"""Answers that are kept: the same bytes without the work, until something is remade."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from monosema import pipeline
from monosema.server import kept
from server.served import SAE, client_of

URL = f"{SAE}/features/3"


def asked_for(client: TestClient, url: str, **headers: str) -> tuple[bytes, str]:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200
    return answer.content, answer.headers["etag"]


def test_an_answer_is_given_again_without_the_work(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(finished) as client:
        first = asked_for(client, URL)

        def broken(*_: object) -> None:
            raise AssertionError

        monkeypatch.setattr("monosema.index.FeatureIndex.feature", broken)
        assert asked_for(client, URL) == first
        assert client.get(f"{URL}?v=1").status_code == 409  # another question
        assert client.get(URL, headers={"If-None-Match": first[1]}).status_code == 304
        assert client.get(URL, headers={"Host": "elsewhere.example"}).status_code == 403
        route = 'route="/api/v1/studies/{study}/saes/{sae}/features/{number}",status="200"} 2'
        assert route in client.get("/metrics").text


def test_an_answer_of_what_was_remade_is_made_anew(copied: Path) -> None:
    with client_of(copied) as client:
        before = asked_for(client, URL)[1]
        toml = copied / "study.toml"
        toml.write_text(toml.read_text().replace("k = 4", "k = 5"))
        pipeline.run(pipeline.open_study(copied), remake=True)
        assert asked_for(client, URL)[1] != before


def test_what_was_asked_for_longest_ago_makes_room(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(finished) as client:
        size = len(asked_for(client, URL)[0])
        monkeypatch.setattr(kept, "MOST_BYTES", int(2.5 * size))
        app = client.app.middleware_stack  # type: ignore[attr-defined]
        while not isinstance(app, kept.Kept):
            app = app.app if hasattr(app, "app") else app._app
        for number in (3, 4, 5, 4, 6):
            client.get(f"{SAE}/features/{number}")
        held = [path.rsplit("/", 1)[1] for path, *_ in app._answers]
        assert held[-2:] == ["4", "6"]
        assert sum(len(one.body) for one in app._answers.values()) == app._bytes <= kept.MOST_BYTES
