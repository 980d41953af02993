"""Studies that were given minutes: the plan keeps what was measured, and what is made keeps to it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from monosema import pipeline
from monosema.artifact import Draft
from monosema.errors import DamagedError, UsageError
from monosema.evaluation import EvaluationSettings
from monosema.pipeline import making, sae_rates
from monosema.pipeline.budget import RESERVE, Budget, Cost, Line
from monosema.pipeline.read_asked import read_asked
from monosema.pipeline.sae_rates import likely_l0
from monosema.pipeline.work import Plan, Work
from monosema.sae import KINDS, SAE, SAEConfig
from monosema.study import Study
from pipeline.small_study import TOML, new_study
from pipeline.test_budget import COST

MINUTES = 1000.0
TOKENS = 70_000
OPEN = (
    TOML.replace("seed = 3", f"seed = 3\nminutes = {MINUTES:g}").replace("d_sae = 64\n", "")
    + "[evaluation]\nbaselines = false\nmax_positions = 500\nce_positions = 500\n"
)
# harvesting 70,000 tokens takes all of the time, so that seconds of planning change little
PLANTED = replace(
    COST,
    train_share=1.0,
    held_share=0.0,
    forward=60 * MINUTES * (1 - RESERVE) / TOKENS,
    step=Line(0.0, 0.0),
    encode=Line(0.0, 0.0),
    index=Line(0.0, 0.0),
    untrained=Line(0.0, 0.0),
    continuation=0.0,
    evaluation=EvaluationSettings(baselines=False),
)


def planted(*_: Any, **__: Any) -> dict[str, Cost]:
    return {"main": PLANTED}


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("measured again")


@pytest.fixture(scope="module")
def budgeted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study with minutes, whose rates are planted, and more text than fits."""
    study = new_study(tmp_path_factory.mktemp("budgeted") / "study", OPEN)
    tiny.save_text(study.path / "text.jsonl", count=1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "measure_costs", planted)
        pipeline.run(study)
    return study.path


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_plan_holds_the_budget_and_what_is_made_keeps_to_it(budgeted: Path) -> None:
    budget = Budget(**read(budgeted / "plan/main/plan.json")["budget"])
    assert (budget.minutes, budget.d_sae) == (MINUTES, 1024)
    assert 64 * 1024 <= budget.tokens <= TOKENS
    counts = read(budgeted / "tokens/main.main/tokens.json")["counts"]
    longest = 160 * 4 + 8  # words of a story, tokens of a word, the story's number
    assert budget.tokens <= counts["tokens"] < budget.tokens + longest
    assert counts["documents"] < 1000
    assert read(budgeted / "sae/main/manifest.json")["asked"]["d_sae"] == 1024
    assert pipeline.open_study(budgeted).sae().d_sae == 1024
    measured = read(budgeted / "plan/main/manifest.json")["measured"]
    assert measured["estimated_seconds"] == budget.seconds
    assert measured["microseconds_a_position"]["main"]["forward"] == pytest.approx(1e6 * PLANTED.forward)


def test_what_fits_the_minutes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, said = new_study(tmp_path / "study", OPEN), list[str]()
    monkeypatch.setattr(making, "measure_costs", planted)
    pipeline.run(study, goal="plan", say=said.append)
    budget = Budget(**read(study.path / "plan/main/plan.json")["budget"])
    assert said == [f"{budget.minutes:g} minutes fit {budget.tokens:,} tokens and 1,024 features"]


def test_a_second_run_measures_nothing_and_makes_nothing(
    budgeted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (budgeted / "plan/main/plan.json").read_bytes()
    monkeypatch.setattr(making, "measure_costs", refuse)
    monkeypatch.setattr(making, "batch_size", refuse)
    assert {state["state"] for state in pipeline.states(Study(budgeted))} == {"fresh"}
    assert pipeline.run(Study(budgeted)) == []
    assert (budgeted / "plan/main/plan.json").read_bytes() == before


def test_a_plan_that_was_killed_before_it_was_whole_is_read_and_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(new_study(tmp_path / "s", OPEN))
    (tmp_path / "draft").mkdir()
    first, second = (Draft(tmp_path / "draft", resumed) for resumed in (False, True))
    monkeypatch.setattr(making, "measure_costs", planted)
    making.make_plan(work, "main", first)
    written = (tmp_path / "draft/plan.json").read_bytes()
    monkeypatch.setattr(making, "measure_costs", refuse)
    monkeypatch.setattr(making, "batch_size", refuse)
    making.make_plan(work, "main", second)
    assert (tmp_path / "draft/plan.json").read_bytes() == written
    assert second.measured == first.measured


@pytest.mark.parametrize(
    ("line", "reason"), [("minutes = 20\n", "minutes was 1000.0, now 20.0"), ("", "now None")]
)
def test_other_minutes_make_the_plan_stale(budgeted: Path, tmp_path: Path, line: str, reason: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in ("plan", "tokens", "model", "text.jsonl", "concepts"):
        (other / folder).symlink_to(budgeted / folder)
    (other / "study.toml").write_text(OPEN.replace("minutes = 1000\n", line))
    states = {state["artifact"]: state for state in pipeline.states(Study(other))}
    assert states["plan/main"]["state"] == "stale"
    assert reason in states["plan/main"]["reason"]


def test_a_study_made_before_there_were_budgets_stays_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = making.once

    def older(path: Path, decide: Any) -> dict[str, Any]:
        return once(path, lambda: {key: value for key, value in decide().items() if key != "budget"})

    monkeypatch.setattr(making, "once", older)
    study = new_study(tmp_path / "s", TOML.replace("d_sae = 64\n", ""))
    made = pipeline.run(study, goal="sae")
    monkeypatch.undo()
    assert "budget" not in read(study.path / "plan/main/plan.json")
    assert Plan.load(study.path / "plan/main").budget is None
    assert "minutes" not in read(study.path / "plan/main/manifest.json")["asked"]
    assert read(study.path / "tokens/main.main/manifest.json")["asked"]["tokens"] is None
    assert read(study.path / "sae/main/manifest.json")["asked"]["d_sae"] == 8192
    states = {state["artifact"]: state["state"] for state in pipeline.states(study)}
    assert {name: states[name] for name in made} == dict.fromkeys(made, "fresh")
    assert pipeline.run(study, goal="sae") == []


def test_a_budget_that_is_none_names_its_file(budgeted: Path, tmp_path: Path) -> None:
    raw = read(budgeted / "plan/main/plan.json")
    (tmp_path / "plan.json").write_text(json.dumps(raw | {"budget": {"minutes": 3}}))
    with pytest.raises(DamagedError, match=r"plan\.json is no plan"):
        Plan.load(tmp_path)


def test_minutes_that_are_too_few_end_the_run_before_anything_is_made(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s", OPEN.replace("minutes = 1000", "minutes = 1e-6"))
    with pytest.raises(UsageError, match=r"study\.toml: minutes is 1e-06; this machine needs about \S+ for"):
        pipeline.run(study)
    assert not (study.path / "plan/main").exists()


@pytest.mark.parametrize("minutes", ["0", "-1", '"ten"', "nan", "inf", "true"])
def test_wrong_minutes_are_one_line_that_names_file_and_key(tmp_path: Path, minutes: str) -> None:
    (tmp_path / "study.toml").write_text(OPEN.replace("minutes = 1000", f"minutes = {minutes}"))
    with pytest.raises(UsageError, match=r"study\.toml: minutes is .*; expected a number above 0") as caught:
        pipeline.open_study(tmp_path)
    assert "\n" not in str(caught.value)


def test_minutes_are_divided_among_the_models_that_saes_use() -> None:
    raw: dict[str, Any] = {
        "minutes": 10,
        "models": {name: {"source": name} for name in ("a", "b", "unused")},
        "corpora": {"main": {"sources": ["text.jsonl"]}},
        "saes": {n: {"hook": "resid_post.1", "model": m} for n, m in [("x", "b"), ("y", "a"), ("z", "b")]},
    }
    asked = read_asked(raw)
    assert (asked.minutes, asked.models_used) == (10.0, ["b", "a"])


def test_init_writes_the_minutes(finished: Path, tmp_path: Path) -> None:
    model, text = str(finished / "model"), str(finished / "text.jsonl")
    verb = [sys.executable, "-m", "monosema", "init", str(tmp_path / "s")]
    options = ["--model", model, "--corpus", text, "--minutes", "10"]
    done = subprocess.run([*verb, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    settings = Study(tmp_path / "s").settings
    assert settings["minutes"] == 10
    assert set(settings["saes"]["main"]) == {"hook"}
    with pytest.raises(UsageError, match=r"study\.toml: minutes is 0"):
        pipeline.init(tmp_path / "t", model=model, sources=[text], minutes=0)
    assert not (tmp_path / "t").exists()
    assert "minutes" not in pipeline.init(tmp_path / "u", model=model, sources=[text]).settings


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind().k is None])
def test_what_is_timed_of_a_kind_is_about_as_sparse_as_after_training(name: str) -> None:
    config = SAEConfig(
        kind=KINDS[name](), d_model=32, d_sae=1024, input="a.0", output="a.0", model="m", model_hash=""
    )
    x = torch.randn(400, 32, generator=torch.Generator().manual_seed(0)) * 5 + 1
    sae = SAE.initialise(config, mean=x.mean(0), scale=1.0)
    sae_rates._thin(sae, x)
    aimed = likely_l0(config.kind)
    assert aimed / 2 < sae.encode(x).l0() < 2 * aimed
