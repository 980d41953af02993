"""Doses that are stored: listed, shown, and what to type where there is none."""

from __future__ import annotations

from pathlib import Path

from monosema.interventions import Dose
from server.served import SAE, client_of, keep_dose


def test_a_study_without_doses_says_what_to_type(copied: Path) -> None:
    client = client_of(copied)
    answer = client.get(f"{SAE}/doses")
    assert answer.json() == {"doses": [], "command": f"monosema dose {copied} CONCEPT"}
    assert answer.headers["cache-control"] == "no-store"
    missing = client.get(f"{SAE}/doses/golden_gate")
    assert missing.status_code == 404
    assert missing.json()["error"]["advice"] == f"search it with: monosema dose {copied} CONCEPT"


def test_a_stored_dose_is_told_with_what_it_does(copied: Path) -> None:
    dose = Dose(features=(5, 3), maxima=(2.0, 4.0), weights=(1.0, 0.5), multiple=1.5)
    keep_dose(copied, "golden_gate", dose)
    client = client_of(copied)
    record = client.get(f"{SAE}/doses/golden_gate").json()
    point = {
        "features": [
            {"number": 5, "maximum": 2.0, "weight": 1.0, "operation": "add", "value": 3.0},
            {"number": 3, "maximum": 4.0, "weight": 0.5, "operation": "add", "value": 3.0},
        ],
        "multiple": 1.5,
        "positions": "all",
        "named": 0.75,
        "fluent": 0.5,
        "both": 0.25,
        "answers": 8,
    }
    assert record == {
        "concept": "golden_gate",
        "plain": 0.125,
        "best": point,
        "single": point,
        "points": [point],
    }
    (listed,) = client.get(f"{SAE}/doses").json()["doses"]
    assert listed == {"concept": "golden_gate", "plain": 0.125, "best": point}
