"""Whatever the description of the server lets one ask is answered, and never with a fault of the server's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from monosema.server import create_app
from server.served import running

ASKED = 12
"""Requests to each route."""


def test_no_request_breaks_the_server(mapped: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(mapped, tmp_path / "study"))  # notes are written
    with running(create_app([study])) as url:
        schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
        routes = [found.ok() for found in schema.get_all_operations()]
        assert len(routes) > 40
        for route in routes:

            @settings(
                max_examples=ASKED,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                derandomize=True,
            )
            @given(route.as_strategy())
            def ask(case: schemathesis.Case) -> None:
                answer = case.call(timeout=60)
                assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text}"

            ask()
