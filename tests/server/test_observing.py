"""What the server tells of itself: figures for Prometheus, and a line of JSON a request without what was asked."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from monosema.server import LOG, create_app
from monosema.server.observing import BOUNDS, MOST_LOGGED, Figures
from server.served import SAE, STUDY, client_of

SECRET = "what nobody should read"


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(record.getMessage()) for record in self.records]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, level = Lines(), LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    yield handler
    LOG.removeHandler(handler)
    LOG.setLevel(level)


def ask(client: TestClient) -> None:
    client.post(f"{SAE}/prompt", json={"text": SECRET})
    client.get(f"{SAE}/features", params={"q": SECRET})
    client.get("/api/v1/studies/stdy")
    client.get(f"/{SECRET}")
    client.get(f"/{SECRET}/{SECRET}")


def test_a_line_tells_the_route_and_not_what_was_asked(finished: Path, lines: Lines) -> None:
    ask(client_of(finished))
    told = lines.read()
    assert [(line["method"], line["route"], line["status"]) for line in told] == [
        ("POST", "/api/v1/studies/{study}/saes/{sae}/prompt", 200),
        ("GET", "/api/v1/studies/{study}/saes/{sae}/features", 200),
        ("GET", "/api/v1/studies/{study}", 404),
        ("GET", "/{name}", 404),
        ("GET", "none", 404),
    ]
    assert told[0]["names"] == {"study": "study", "sae": "main"}
    assert all(line["seconds"] >= 0 and line["client"] and line["time"] for line in told)
    assert SECRET not in json.dumps(told)


def test_prompts_are_told_where_that_was_asked_for(finished: Path, lines: Lines) -> None:
    client = TestClient(create_app([finished], log_prompts=True), base_url="http://localhost")
    client.post(f"{SAE}/prompt", json={"text": SECRET})
    client.post(f"{SAE}/prompt", json={"text": "x" * 10 * MOST_LOGGED})
    first, second = lines.read()
    assert json.loads(first["body"]) == {"text": SECRET}
    assert len(second["body"]) == MOST_LOGGED


def test_a_bug_is_counted_and_told_as_an_error(lines: Lines) -> None:
    app: FastAPI = create_app([])

    def broken() -> None:
        raise RuntimeError(SECRET)

    app.add_api_route("/broken/it", broken)
    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    client.get("/broken/it")
    request, fault = lines.read()
    assert [record.levelname for record in lines.records] == ["ERROR", "ERROR"]
    assert fault["fault"] == "RuntimeError"
    assert fault["at"][-1].endswith(" broken")
    assert request["status"] == 500
    assert SECRET not in str(fault)
    assert 'route="/broken/it",status="500"} 1' in client.get("/metrics").text


def test_the_figures_count_each_answer_by_its_route(finished: Path) -> None:
    client = client_of(finished)
    ask(client)
    ask(client)
    client.request("X-MADE-UP", STUDY)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    told = samples(answer.text)
    name, route = "monosema_requests_total", "/api/v1/studies/{study}/saes/{sae}/prompt"
    assert told[f'{name}{{method="POST",route="{route}",status="200"}}'] == 2
    assert told[f'{name}{{method="GET",route="none",status="404"}}'] == 2
    assert not any("MADE" in one for one in told)
    assert told[f'monosema_request_seconds_count{{route="{route}"}}'] == 2
    assert told["monosema_models_held"] == 1
    assert told["monosema_model_waiting"] == 0
    assert told["monosema_requests_open"] == 1, "this one"


def samples(text: str) -> dict[str, float]:
    """Every line is a comment or a sample, as Prometheus reads them."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = re.fullmatch(r'([a-z_]+(?:\{(?:[a-z]+="[^"\\\n]*",?)+\})?) ([0-9.e+-]+)', line)
            assert match, line
            found[match[1]] = float(match[2])
    return found


def test_the_histogram_counts_what_is_below_each_bound() -> None:
    figures = Figures({})
    for seconds in (0.001, 0.005, 0.3, 99.0):
        figures.add("GET", "/x", 200, seconds)
    told = samples(figures.text())
    counts = [
        told[f'monosema_request_seconds_bucket{{route="/x",le="{bound}"}}'] for bound in [*BOUNDS, "+Inf"]
    ]
    assert counts == [2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4][: len(counts)]
    assert told['monosema_request_seconds_sum{route="/x"}'] == pytest.approx(99.306)
