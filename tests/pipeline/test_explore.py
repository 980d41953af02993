"""The verbs of exploring and steering, on a small study, as functions and from the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import monosema as ms
from monosema import pipeline
from monosema.errors import UsageError
from monosema.index.codes import PRECISION
from monosema.interventions import DoseCurve, Steering
from pipeline.test_cli import failed, monosema


def test_mentions_became_tags_of_the_index(study: Path) -> None:
    index = ms.open(study).index()
    assert index.tags.tags == ("bridge", "golden_gate")
    spans = index.tokens.spans()
    gates = np.array([tag == "golden_gate" for tag in spans.tag])
    first = int(np.flatnonzero(gates)[0])
    ids = index.tokens.ids(int(spans.document[first]))[int(spans.start[first]) : int(spans.end[first])]
    assert ms.open(study).model().tokenizer.decode(ids).strip() == "golden gate"


def test_a_feature_is_found_by_tag_token_and_text_but_by_one_of_them_only(study: Path) -> None:
    opened = ms.open(study)
    by_tag = pipeline.find(opened, tag="golden_gate", n=3)
    assert by_tag[0].score >= by_tag[-1].score > 0
    assert pipeline.find(opened, token=" golden", n=2)
    assert pipeline.find(opened, on=["the golden gate"], n=2)
    with pytest.raises(UsageError, match="one thing to find by"):
        pipeline.find(opened, on=["x"], tag="bridge")
    with pytest.raises(UsageError, match=r'unknown tag "golden_gat" \(did you mean "golden_gate"'):
        pipeline.find(opened, tag="golden_gat")
    with pytest.raises(UsageError, match=r"is \d tokens"):
        pipeline.find(opened, token=" golden gate")


def test_a_ranking_that_is_passed_in_orders_what_texts_fire(study: Path) -> None:
    opened = ms.open(study)
    on = ["the golden gate", "a golden gate in the fog"]

    def last_first(activity: pipeline.Activity) -> torch.Tensor:
        return torch.arange(activity.acts.shape[1]).float()

    rank: pipeline.Rank = last_first
    for asked in ({"on": on}, {"at": on[0]}):
        usual = [one.feature for one in pipeline.find(opened, n=64, **asked)]
        ranked = pipeline.find(opened, n=64, rank=rank, **asked)
        assert [one.feature for one in ranked] == sorted(usual, reverse=True) != usual
        assert [one.score for one in ranked] == [float(one.feature) for one in ranked]
    with pytest.raises(UsageError, match="rank orders features by what they do on texts"):
        pipeline.find(opened, tag="golden_gate", rank=rank)


def test_a_dose_is_searched_once_kept_and_goes_stale_with_its_sae(study: Path) -> None:
    opened = ms.open(study)
    curve = pipeline.dose(opened, "golden_gate")
    assert isinstance(curve, DoseCurve)
    assert curve.best.dose.features
    assert all(0 <= point.both <= min(point.named, point.fluent) for point in curve.points)
    made = (study / "dose" / "main.golden_gate" / "manifest.json").read_text()
    assert pipeline.dose(opened, "golden_gate") == curve
    assert (study / "dose" / "main.golden_gate" / "manifest.json").read_text() == made
    assert DoseCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve
    with pytest.raises(UsageError, match='unknown concept "golden_gat"'):
        pipeline.dose(opened, "golden_gat")


def test_a_search_that_finds_no_dose_says_so(study: Path) -> None:
    done = monosema("dose", str(study), "unicorn")
    assert "no dose made the model name it" in done.stderr


@pytest.mark.parametrize("size", [1, 5])
def test_random_features_get_edits_of_the_same_norm(study: Path, size: int) -> None:
    opened = ms.open(study)
    index, sae = opened.index(), opened.sae()
    chosen = np.argsort(-index.table["count"])[:size]
    edits = pipeline.edits_for(opened, features={int(one): 1.0 for one in chosen}, multiple=1.5)
    others = pipeline.random_edits(index, sae, edits, seed=1)
    assert not {one.feature for one in others} & {one.feature for one in edits}
    assert all(index.table["count"][one.feature] > 0 for one in others)
    x = torch.zeros(1, 1, sae.d_model) + sae.b_dec / sae.scale  # nothing fires
    moved = [float((Steering(sae, some)(x) - x).norm()) for some in (edits, others)]
    assert moved[0] == pytest.approx(moved[1], rel=1e-4)


def test_from_the_command_line(study: Path) -> None:
    name = str(study)
    answer = json.loads(monosema("find", name, "--tag", "golden_gate", "--json").stdout)
    found = answer["features"]
    assert answer["set"][str(found[0]["feature"])] == 1.0
    assert len(answer["set"]) == sum(one["score"] >= found[0]["score"] / 2 for one in found[:6])
    number = str(found[0]["feature"])
    shown = monosema("show", name, number)
    assert f"feature {number}" in shown.stdout
    assert "fires most on" in shown.stdout
    card = json.loads(monosema("show", name, number, "--json").stdout)
    assert "fires at    '" in shown.stdout
    first = card["tokens"][0]
    assert first["text"] == card["feature"]["tokens"][0][0]
    assert first["share"] == pytest.approx(card["feature"]["tokens"][0][1], rel=1e-3)
    assert 0 < first["count"] <= first["positions"]
    context = card["contexts"]["top"][0]
    assert context["activations"][context["peak"]] == pytest.approx(
        card["feature"]["maximum"], rel=2 * PRECISION
    )
    assert len(monosema("neighbours", name, number).stdout.splitlines()) >= 10
    done = monosema("steer", name, "the old", "--feature", number, "--json")
    answers = json.loads(done.stdout.splitlines()[-1])["answers"]
    assert set(answers) == {"plain", "steered", "random"}
    both = monosema("steer", name, "the old", "--feature", f"{number}:0.5", "--feature", "3", "--json")
    assert json.loads(both.stdout.splitlines()[-1])["answers"]["plain"] == answers["plain"]
    talk = monosema("chat", name, "--feature", number, "--tokens", "8", input="the old\nfox\n\n")
    assert talk.stdout.count("[steered]") == 2


def test_a_search_without_a_match_says_so_and_shows_no_table(study: Path) -> None:
    done = monosema("find", str(study), "xylophonist")
    assert done.stdout == ""
    assert "no feature is found" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["show", "64"], ["no feature 64", "0 to 63"]),
        (["find"], ["one thing to find by"]),
        (["steer", "hello"], ["a concept, or features"]),
        (["steer", "hello", "--feature", "3", "--dose", "1e9"], ["lower the dose"]),
        (["steer", "hello", "--feature", "3:x"], ["'3:x'", "NUMBER:WEIGHT"]),
        (["steer", "hello", "--feature", "64"], ["no feature 64", "0 to 63"]),
        (["steer", "the fox " * 200, "--feature", "3"], ["more than the 128"]),
        (["dose", "unicron"], ["unknown concept", "unicorn"]),
    ],
)
def test_what_is_asked_wrongly_is_one_line(arguments: list[str], parts: list[str], study: Path) -> None:
    verb, *rest = arguments
    failed(monosema(verb, str(study), *rest), 2, *parts)


def test_an_index_of_another_sae_is_refused(study: Path) -> None:
    manifest = study / "index" / "main" / "manifest.json"
    kept = manifest.read_text()
    record = json.loads(kept)
    record["parents"]["sae/main"] = "0" * 64
    manifest.write_text(json.dumps(record))
    failed(monosema("find", str(study), "--tag", "golden_gate"), 3, "another sae/main", "index", "--remake")
    manifest.write_text(kept)


def test_an_index_that_was_not_made_says_how(study: Path) -> None:
    subprocess.run(["rm", "-r", study / "index"], check=True)
    failed(monosema("show", str(study), "3"), 2, "index/main was not made yet", "monosema run")
