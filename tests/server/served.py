"""Where the small study stands in the API, and a client for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

import monosema as ms
from monosema.artifact import drafting
from monosema.files import write_json
from monosema.interventions import Dose, DoseCurve, DosePoint
from monosema.pipeline.dosing import DOSE
from monosema.server import create_app, listen, serve, url_of
from monosema.server.connection import LIMITS, Limits

STUDY = "/api/v1/studies/study"
SAE = f"{STUDY}/saes/main"


def client_of(*studies: Path) -> TestClient:
    return TestClient(create_app(studies), base_url="http://localhost", raise_server_exceptions=False)


@contextmanager
def running(app: FastAPI, limits: Limits = LIMITS) -> Iterator[str]:
    """A real server; its URL."""
    end = threading.Event()
    with listen("127.0.0.1", 0) as listener:
        how = {"stop": end.is_set, "limits": limits}
        thread = threading.Thread(target=serve, args=(app, listener), kwargs=how)
        thread.start()
        try:
            yield url_of(listener)
        finally:
            end.set()
            thread.join()


def until(holds: Callable[[], bool]) -> None:
    """Ask again until it holds."""
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.005)


def keep_dose(folder: Path, concept: str, dose: Dose) -> DoseCurve:
    """Let a study have a dose, as if it had been searched."""
    study = ms.open(folder)
    point = DosePoint(dose=dose, named=0.75, fluent=0.5, both=0.25, n=8)
    curve = DoseCurve(points=(point,), best=point, single=point, plain=0.125)
    parents = {key: study.open(*key.split("/")).hash for key in ("sae/main", "index/main")}
    with drafting(
        study.place("dose", f"main.{concept}"), kind="dose", asked={}, parents=parents, seed=3, old=study.old
    ) as draft:
        write_json(draft.path / DOSE, curve.to_dict())
    return curve
