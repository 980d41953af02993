"""Work on a study: curves of training, what is being made, and the log."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import monosema as ms
from monosema.artifact import DRAFT, MANIFEST
from monosema.server.runs import MOST_ENTRIES, MOST_POINTS
from monosema.training import read_metrics
from server.served import STUDY, client_of
from server.test_growing import ROWS, Growing

TOTAL = 4096
"""Positions that the small study trains on."""


def test_the_curve_of_a_run_is_its_lines_of_metrics(client: TestClient, finished: Path) -> None:
    (run,) = client.get(f"{STUDY}/runs").json()["runs"]
    lines = list(read_metrics(finished / "sae" / "main" / "logs" / "metrics"))
    assert (run["sae"], run["state"], run["positions"], run["expected"]) == ("main", "made", TOTAL, TOTAL)
    assert [(one["step"], one["loss"], one["l0"]) for one in run["curve"]] == [
        (line["step"], line["loss"], line["l0"]) for line in lines
    ]


def test_a_long_curve_is_thinned_evenly_to_its_last_step(copied: Path) -> None:
    part = copied / "sae" / "main" / "logs" / "metrics" / "00009.jsonl"
    line = {"positions": 1, "loss": 1.0}
    rows = [line | {"step": step, "mse": float("nan")} for step in range(100, 5100)]
    part.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run,) = client_of(copied).get(f"{STUDY}/runs").json()["runs"]
    steps = [one["step"] for one in run["curve"]]
    assert 0.8 * MOST_POINTS < len(steps) <= MOST_POINTS
    assert steps[-1] == 5099
    assert {after - before for before, after in zip(steps[-50:], steps[-49:], strict=False)} == {11}
    assert run["curve"][-1]["mse"] is None


def being_trained(study: Path) -> Path:
    """Take the SAE back to the middle of its training."""
    place = study / "sae" / "main"
    draft = place.with_name(".main.draft")
    shutil.copytree(place, draft)
    manifest = json.loads((draft / MANIFEST).read_text())
    (draft / MANIFEST).unlink()
    (draft / DRAFT).write_text(json.dumps({"asked": {}, "parents": manifest["parents"]}))
    for part in ("00002.jsonl", "00003.jsonl"):
        (draft / "logs" / "metrics" / part).unlink()
    return draft


@pytest.mark.parametrize("before", [True, False])
def test_a_run_is_shown_as_far_as_it_is(copied: Path, before: bool) -> None:
    draft = being_trained(copied)
    if not before:
        shutil.rmtree(copied / "sae" / "main")
    client = client_of(copied)
    (run,) = client.get(f"{STUDY}/runs").json()["runs"]
    assert (run["state"], run["positions"], run["expected"]) == ("unfinished", TOTAL // 2, TOTAL)
    assert [one["step"] for one in run["curve"]] == [4, 8, 12, 16]
    metrics = draft / "logs" / "metrics"
    (metrics / "00002.jsonl").write_text(json.dumps({"step": 20, "positions": 2560, "loss": 1.0}) + "\n")
    (run,) = client.get(f"{STUDY}/runs").json()["runs"]
    assert (run["positions"], run["curve"][-1]["step"]) == (2560, 20)


def test_nothing_is_in_work_in_a_finished_study(client: TestClient) -> None:
    work = client.get(f"{STUDY}/work").json()
    assert (work["writer"], work["stages"]) == (None, [])
    assert [(one["verb"], one["made"]) for one in work["log"]][-1] == ("run", "index/main")
    assert all(one["seconds"] >= 0 for one in work["log"])


def test_stages_that_are_not_finished_tell_how_far_they_are(copied: Path) -> None:
    being_trained(copied)
    work = client_of(copied).get(f"{STUDY}/work").json()
    stage = {
        "kind": "sae",
        "name": "main",
        "running": False,
        "done": TOTAL // 2,
        "total": TOTAL,
        "unit": "positions",
    }
    assert work["stages"] == [stage]
    entry = {"host": socket.gethostname(), "pid": os.getpid(), "verb": "run", "since": "now"}
    (copied / "lock").write_text(json.dumps(entry))
    work = client_of(copied).get(f"{STUDY}/work").json()
    assert work["stages"] == [stage | {"running": True}]
    assert work["writer"]["verb"] == "run"


def test_an_index_tells_the_positions_it_has_seen(copied: Path) -> None:
    growing = Growing(copied)
    client = client_of(copied)
    (stage,) = client.get(f"{STUDY}/work").json()["stages"]
    assert (stage["kind"], stage["done"], stage["total"]) == ("index", None, None)
    growing.add(0)
    (stage,) = client.get(f"{STUDY}/work").json()["stages"]
    assert (stage["done"], stage["total"]) == (ROWS, ms.open(copied).tokens().count("train"))


def test_the_log_is_told_from_its_end_whatever_stands_in_it(copied: Path) -> None:
    with (copied / "log.jsonl").open("a") as file:
        file.write("x" * 100_000 + "\nno json\n[1]\n{}\n")
        for number in range(60):
            file.write(json.dumps({"time": str(number), "verb": "dose"}) + "\n")
    log = client_of(copied).get(f"{STUDY}/work").json()["log"]
    assert [one["time"] for one in log] == [str(number) for number in range(10, 60)]
    assert len(log) == MOST_ENTRIES
    assert log[0] == {"time": "10", "verb": "dose", "made": None, "seconds": None}
