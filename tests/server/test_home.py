"""What Home asks for: features to begin with, and ground truth where it was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import monosema as ms
from monosema.artifact import drafting
from monosema.files import write_json
from monosema.index import FeatureIndex, find_by_tag
from monosema.pipeline.truth import RECORD
from server.served import SAE, client_of

SHARE = {"value": 0.5, "low": 0.1, "high": 0.9}


def test_features_to_begin_with_are_the_best_of_the_tags_then_the_strongest(
    client: TestClient, index: FeatureIndex
) -> None:
    answer = client.get(f"{SAE}/beginnings", params={"limit": 6}).json()
    chosen = {one["feature"]["number"]: (one["tag"], one["f1"]) for one in answer["features"]}
    assert len(answer["features"]) == len(chosen) == 6
    best: dict[int, tuple[float, str]] = {}
    for tag in index.tags.tags:
        for one in find_by_tag(index, tag, n=1):
            best[one.feature] = max(best.get(one.feature, (0.0, "")), (one.score, tag))
    assert best, "the text of the small study has tags"
    told = {number: (f1, tag) for number, (tag, f1) in chosen.items() if tag is not None}
    assert told == best
    assert [one["f1"] for one in answer["features"]][: len(best)] == sorted(
        (f1 for f1, _ in best.values()), reverse=True
    )
    strongest = client.get(f"{SAE}/features", params={"sort": "maximum", "order": "down", "dead": False})
    others = [row["number"] for row in strongest.json()["features"] if row["number"] not in best]
    assert list(chosen)[len(best) :] == others[: 6 - len(best)]
    number = answer["features"][0]["feature"]["number"]
    record = client.get(f"{SAE}/features/{number}").json()
    row = answer["features"][0]["feature"]
    assert row == {key: record[key] for key in row}
    assert answer["version"] == client.get(SAE).json()["version"]


@pytest.mark.parametrize("limit", [0, 51])
def test_no_more_features_to_begin_with_are_told_than_a_page_shows(client: TestClient, limit: int) -> None:
    answer = client.get(f"{SAE}/beginnings", params={"limit": limit})
    assert (answer.status_code, "query.limit" in answer.json()["error"]["message"]) == (422, True)


def test_ground_truth_is_told_where_it_was_measured_of_the_present_sae(copied: Path) -> None:
    client, study = client_of(copied), ms.open(copied)
    command = f"monosema groundtruth {copied}"
    answer = client.get(f"{SAE}/groundtruth")
    assert answer.json() == {"figures": None, "command": command}
    assert answer.headers["cache-control"] == "no-store"
    conditions = [("unnamed", True), ("unnamed", False), ("unnamed", True), ("inside", False)]
    record = {
        "records": [{"condition": condition, "shown": shown} for condition, shown in conditions],
        "seen_often": 2,
        "concepts_with_feature": SHARE,
        "documents": 40,
        "named": True,
    }
    parents = {key: study.open(*key.split("/")).hash for key in ("sae/main", "plan/main")}
    place = study.place("groundtruth", "main")
    with drafting(place, kind="groundtruth", asked={}, parents=parents, seed=3, old=study.old) as draft:
        write_json(draft.path / RECORD, record)
    figures = {
        "concepts": 3,
        "shown": 2,
        "seen_often": 2,
        "seen_shown": SHARE,
        "documents": 40,
        "named": True,
    }
    assert client.get(f"{SAE}/groundtruth").json() == {"figures": figures, "command": command}
    with drafting(
        place, kind="groundtruth", asked={}, parents={"sae/main": "0" * 64}, seed=3, old=study.old
    ) as draft:
        write_json(draft.path / RECORD, record)
    assert client.get(f"{SAE}/groundtruth").json()["figures"] is None
