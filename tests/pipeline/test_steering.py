"""What is asked to steer with: stored doses, sets, operations, and a chat that outlives a line too long."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import monosema as ms
from monosema import pipeline
from monosema.cli import act, find
from monosema.errors import UsageError
from monosema.index import FeatureIndex
from monosema.interventions import Dose, DoseCurve, DosePoint, Edit, ablate, add, clamp, raise_to, scale
from monosema.pipeline import dosing
from monosema.pipeline import talk as talking
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.steering import SET_MULTIPLE
from monosema.progress import Silent
from server.served import keep_dose

LONG = "the fox " * 200
CONCEPT = "golden_gate"
FIVE_AND_THREE = Dose(features=(5, 3), maxima=(2.0, 4.0), weights=(1.0, 0.5), multiple=1.5)


def cli(*words: str) -> None:
    app = typer.Typer()
    for verb in (act.dose, act.steer, act.chat, find.find):
        app.command()(verb)
    app(args=list(words), standalone_mode=False)


def curve(both: float = 0.5) -> DoseCurve:
    point = DosePoint(dose=FIVE_AND_THREE, named=0.75, fluent=0.5, both=both, n=8)
    return DoseCurve(points=(point,), best=point, single=point, plain=0.125)


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test captures is no stream of progress."""
    for module in (act, find):
        monkeypatch.setattr(module, "reporter", lambda as_json: Silent())


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[list[int] | None]:
    """The features of each search for a dose, none of which really is made."""
    made: list[list[int] | None] = []

    def search(
        study: OpenStudy, concept: object, sae: str, features: Sequence[int] | None, *_: object
    ) -> DoseCurve:
        made.append(None if features is None else list(features))
        return curve()

    monkeypatch.setattr(dosing, "_search", search)
    return made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[Edit]]:
    """The edits that `steer` and `chat` ask for; nothing is written."""
    edits: list[list[Edit]] = []

    def answer(study: OpenStudy, prompts: Sequence[str], some: list[Edit], **_: object) -> dict[str, Any]:
        edits.append(some)
        return {name: [""] * len(prompts) for name in ("plain", "steered", "random")}

    def talk(study: OpenStudy, some: list[Edit], **_: object) -> None:
        edits.append(some)

    monkeypatch.setattr(pipeline, "answer", answer)
    monkeypatch.setattr(pipeline, "Talk", talk)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return edits


def living(study: Path, n: int) -> list[int]:
    return [int(one) for one in np.argsort(-ms.open(study).index().table["count"])[:n]]


def test_a_dose_among_named_features_is_what_chat_steers_by(
    study: Path, searches: list[list[int] | None]
) -> None:
    opened, named = ms.open(study), living(study, 2)
    pipeline.dose(opened, CONCEPT, features=named)
    assert pipeline.edits_for(opened, concept=CONCEPT) == FIVE_AND_THREE.edits()
    assert pipeline.edits_for(opened, concept=CONCEPT, multiple=0.5) == FIVE_AND_THREE.edits(0.5)
    assert searches == [named]
    assert not (study / "old").exists()
    pipeline.dose(opened, CONCEPT)  # asked for by its verb, the features are searched for
    assert searches == [named, None]


def test_a_dose_of_another_sae_is_searched_again(study: Path, searches: list[list[int] | None]) -> None:
    opened = ms.open(study)
    pipeline.dose(opened, CONCEPT)
    manifest = study / "dose" / f"main.{CONCEPT}" / "manifest.json"
    record = json.loads(manifest.read_text())
    record["parents"]["sae/main"] = "0" * 64
    manifest.write_text(json.dumps(record))
    pipeline.edits_for(opened, concept=CONCEPT)
    assert searches == [None, None]


def test_new_names_of_a_concept_make_its_dose_stale(study: Path, searches: list[list[int] | None]) -> None:
    pipeline.dose(ms.open(study), CONCEPT)
    pipeline.dose(ms.open(study), CONCEPT)
    file = study / "concepts" / "landmark.toml"
    file.write_text(file.read_text().replace('["golden gate"]', '["golden gate", "the gate"]'))
    pipeline.edits_for(ms.open(study), concept=CONCEPT)
    pipeline.dose(ms.open(study), CONCEPT)
    assert searches == [None, None]


def test_a_dose_that_was_kept_without_names_is_still_used(
    study: Path, searches: list[list[int] | None]
) -> None:
    kept = keep_dose(study, CONCEPT, FIVE_AND_THREE)
    assert pipeline.dose(ms.open(study), CONCEPT) == kept
    assert searches == []


@pytest.mark.parametrize("number", [5, 64])
def test_a_feature_that_never_fires_or_is_not_there_is_told_before_a_dose_is_searched(
    number: int, study: Path, searches: list[list[int] | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    deaden(monkeypatch, 5)
    with pytest.raises(UsageError, match=f"feature {number}"):
        pipeline.dose(ms.open(study), CONCEPT, features=[3, number])
    assert searches == []
    assert not (study / "dose").exists()


def deaden(monkeypatch: pytest.MonkeyPatch, dead: int) -> None:
    maximum: Callable[[FeatureIndex, int], float] = FeatureIndex.maximum
    monkeypatch.setattr(FeatureIndex, "maximum", lambda self, one: 0.0 if one == dead else maximum(self, one))


def test_a_feature_that_never_fires_is_steered_by_an_activation_only(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = ms.open(finished)
    deaden(monkeypatch, 5)
    with pytest.raises(UsageError, match=r"feature 5 never fires.*--raw"):
        pipeline.edits_for(opened, features={3: 1.0, 5: 1.0})
    assert pipeline.edits_for(opened, features={5: 1.0}, multiple=4.0, raw=True) == [clamp(5, 4.0)]
    with pytest.raises(UsageError, match="no feature 64"):
        pipeline.edits_for(opened, features={64: 1.0}, multiple=4.0, raw=True)


def test_one_feature_is_put_at_twice_its_maximum_and_each_of_a_set_raised_by_three_quarters(
    finished: Path,
) -> None:
    opened, (a, b) = ms.open(finished), living(finished, 2)
    maximum = opened.index().maximum
    assert pipeline.edits_for(opened, features={a: 1.0}) == [clamp(a, 2 * maximum(a))]
    edits = pipeline.edits_for(opened, features={a: 1.0, b: 0.5})
    assert edits == [add(a, 0.75 * maximum(a)), add(b, 0.75 * 0.5 * maximum(b))]


def test_find_says_how_much_of_each_feature_of_a_set_is_added(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "as_set", lambda found: {5: 1.0, 3: 0.5})
    cli("find", str(finished), "--tag", CONCEPT)
    assert f"raised by {SET_MULTIPLE:g} x its maximum".replace("0.", ".") in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["steer", "hello"], ["chat"]])
def test_the_command_line_says_what_is_done_to_a_feature_and_where(
    verb: list[str], finished: Path, asked: list[list[Edit]]
) -> None:
    (a,) = living(finished, 1)
    maximum = ms.open(finished).index().maximum(a)
    wanted = {
        "--operation add": add(a, 2 * maximum),
        "--operation raise --dose 1.5 --where prompt": raise_to(a, 1.5 * maximum, "prompt"),
        "--operation scale --dose 3": scale(a, 3.0),
        "--operation ablate --where answer": ablate(a, "answer"),
        "--raw --dose 4": clamp(a, 4.0),
    }
    for options in wanted:
        cli(verb[0], str(finished), *verb[1:], "--feature", str(a), *options.split())
    assert asked == [[edit] for edit in wanted.values()]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("--feature 3 --operation ablate --dose 2", "needs no value"),
        ("--feature 3 --operation ablate --raw", "needs no value"),
        ("--feature 3:0.5 --operation ablate", "needs no value"),
        ("--feature 3 --operation scale", "--dose FACTOR"),
        ("--feature 3 --operation scale --raw --dose 2", "no activation"),
        ("--feature 3 --raw", "--dose VALUE"),
        ("--feature 3 --operation clam", 'did you mean "clamp"'),
        ("--feature 3 --where promt", 'did you mean "prompt"'),
        (f"--concept {CONCEPT} --operation add", "leave --operation"),
        (f"--concept {CONCEPT} --raw", "leave --operation"),
        (f"--concept {CONCEPT} --where prompt", "leave --operation"),
    ],
)
def test_what_means_nothing_together_is_refused(
    options: str, why: str, finished: Path, asked: list[list[Edit]]
) -> None:
    with pytest.raises(UsageError, match=why):
        cli("steer", str(finished), "hello", *options.split())
    assert asked == []


def test_no_random_features_stand_beside_what_has_no_norm(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, (a,) = ms.open(finished), living(finished, 1)
    answers = pipeline.answer(opened, ["the old"], [scale(a, 3.0)], max_new_tokens=2)
    assert set(answers) == {"plain", "steered"}
    cli("steer", str(finished), "the old", "--feature", str(a), "--operation", "ablate", "--tokens", "2")
    said = capsys.readouterr()
    assert "[random]" not in said.out
    assert "no random features beside it" in said.err


@pytest.mark.parametrize(("both", "told"), [(0.125, True), (0.25, False)])
def test_a_dose_that_showed_nothing_is_not_used_without_a_word(
    both: float,
    told: bool,
    study: Path,
    asked: list[list[Edit]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(dosing, "_search", lambda *_: curve(both))
    pipeline.dose(ms.open(study), CONCEPT)
    for verb in (["steer", "hello"], ["chat"]):
        cli(verb[0], str(study), *verb[1:], "--concept", CONCEPT)
        assert ("showed nothing" in capsys.readouterr().err) == told
    assert asked == [FIVE_AND_THREE.edits()] * 2


def test_a_dose_of_another_sae_is_followed_by_a_chat_with_that_one(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "dose", lambda *_, **__: curve())
    cli("dose", str(study), CONCEPT, "--sae", "wide")
    assert f"monosema chat {study} --concept {CONCEPT} --sae wide" in capsys.readouterr().err


def test_a_line_that_is_too_long_leaves_no_trace_in_a_chat(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, edits = ms.open(finished), [clamp(3, 4.0)]
    talk = pipeline.Talk(opened, edits)
    with pytest.raises(UsageError, match="more than the 128"):
        talk.answer(LONG, max_new_tokens=4)
    with monkeypatch.context() as patch:
        patch.setattr(talking, "steer", fails_with_edits(talking.steer))
        with pytest.raises(UsageError, match="only the steered one"):
            talk.answer("the fox", max_new_tokens=4)
    said = talk.answer("the old", max_new_tokens=4)
    assert said == pipeline.Talk(opened, edits).answer("the old", max_new_tokens=4)


def fails_with_edits(steer: Callable[..., Any]) -> Callable[..., Any]:
    def or_fail(model: object, sae: object, prompts: object, edits: Sequence[Edit], **options: Any) -> Any:
        if edits:
            raise UsageError("only the steered one fails")
        return steer(model, sae, prompts, edits, **options)

    return or_fail


def test_a_chat_that_cannot_be_steered_so_does_not_begin(finished: Path) -> None:
    with pytest.raises(UsageError, match="no feature 64"):
        pipeline.Talk(ms.open(finished), [clamp(64, 1.0)])


def test_a_chat_goes_on_after_a_line_that_is_too_long(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LONG}\nthe old\n\n"))
    cli("chat", str(finished), "--feature", str(living(finished, 1)[0]), "--tokens", "4")
    said = capsys.readouterr()
    assert said.out.count("[steered]") == 1
    assert "this line was left out" in said.err
