"""Where the small study stands in the API, and a client for it."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from monosema.server import create_app

STUDY = "/api/v1/studies/study"
SAE = f"{STUDY}/saes/main"


def client_of(*studies: Path) -> TestClient:
    return TestClient(create_app(studies), base_url="http://localhost", raise_server_exceptions=False)
