"""From minutes to tokens and features: the arithmetic against brute force, the plan against what was made by it."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from monosema import pipeline
from monosema.activations import store_bytes
from monosema.artifact import Draft
from monosema.errors import DamagedError, UsageError
from monosema.evaluation import EvaluationSettings
from monosema.models import LanguageModel
from monosema.pipeline import making
from monosema.pipeline.asked import read_asked
from monosema.pipeline.budget import LADDER, POSITIONS_A_FEATURE, RESERVE, Budget, Cost, Line, estimate, fit
from monosema.pipeline.rates import least_d_sae, measure_costs
from monosema.pipeline.work import Plan, Work
from monosema.sae import L1, TopK
from monosema.study import Study
from pipeline.small_study import TOML, new_study

COST = Cost(
    activations="main.main.resid_post.1",
    tokens=None,
    d_sae=None,
    least_d_sae=1024,
    trained=None,
    train_share=0.9,
    held_share=0.04,
    storable=math.inf,
    forward=1e-3,
    step=Line(1e-5, 1e-8),
    encode=Line(0.0, 6e-9),
    index=Line(2e-5, 1e-8),
    continuation=2e-3,
    evaluation=EvaluationSettings(),
)
NUMBERS = st.floats(1e-6, 1e-2)
COSTS = st.builds(
    replace,
    st.just(COST),
    forward=NUMBERS,
    continuation=NUMBERS,
    step=st.builds(Line, NUMBERS, st.floats(0, 1e-6)),
    index=st.builds(Line, NUMBERS, st.floats(0, 1e-6)),
    storable=st.sampled_from([0.0, 3e5, math.inf]),
)


def total(costs: list[Cost], tokens: int, d_sae: int) -> float:
    return sum(estimate(costs, tokens, d_sae).values())


def fits(minutes: float, costs: list[Cost], tokens: int, d_sae: int) -> bool:
    return total(costs, tokens, d_sae) <= 60 * minutes * (1 - RESERVE)


def test_the_estimate_is_the_sum_that_its_page_gives() -> None:
    train, held, ce = 900_000, 40_000, 20_000
    encode = 6e-9 * 2048
    found = estimate([COST], 1_000_000, 2048)
    assert found == pytest.approx(
        {
            "activations": train * 1e-3,
            "sae": 3 * train * (1e-5 + 2048e-8),
            "evaluation": (50_000 + held + ce) * 1e-3 + held * 4 * encode + ce * 8 * 2e-3,
            "index": train * (2e-5 + 2048e-8),
        },
        rel=1e-12,
    )
    plain = replace(
        COST, evaluation=EvaluationSettings(baselines=False, max_positions=1000, ce_positions=500)
    )
    measured = (1000 + 500) * 1e-3 + 1000 * 2 * encode + 500 * 5 * 2e-3
    assert estimate([plain], 1_000_000, 2048)["evaluation"] == pytest.approx(measured, rel=1e-12)


def test_saes_that_share_activations_share_one_harvest() -> None:
    one, other = estimate([COST], 10**6, 4096), replace(COST, activations="main.main.resid_post.2")
    assert estimate([COST, COST], 10**6, 4096) == pytest.approx(
        {stage: value * (1 if stage == "activations" else 2) for stage, value in one.items()}
    )
    assert total([COST, other], 10**6, 4096) == pytest.approx(2 * sum(one.values()))


def test_without_room_on_disk_training_and_index_pass_the_model_again() -> None:
    stored, live = (estimate([replace(COST, storable=most)], 10**6, 4096) for most in (900_000, 899_999))
    again = 900_000 * COST.forward
    assert live["sae"] - stored["sae"] == pytest.approx(3 * again)
    assert live["index"] - stored["index"] == pytest.approx(again)
    assert live["activations"] == stored["activations"]


@given(st.floats(1.0, 1e5), st.lists(COSTS, min_size=1, max_size=2))
def test_the_largest_size_that_has_64_tokens_a_feature_is_taken_and_then_all_the_time(
    minutes: float, costs: list[Cost]
) -> None:
    possible = [size for size in LADDER if fits(minutes, costs, POSITIONS_A_FEATURE * size, size)]
    if not possible:
        with pytest.raises(UsageError, match="minutes is"):
            fit(minutes, costs)
        return
    budget = fit(minutes, costs)
    assert budget.d_sae == max(possible)
    assert fits(minutes, costs, budget.tokens, budget.d_sae)
    assert not fits(minutes, costs, budget.tokens + 1, budget.d_sae)


@given(st.floats(1.0, 1e4), st.floats(1.0, 10.0), COSTS)
def test_more_minutes_never_give_less(minutes: float, times: float, cost: Cost) -> None:
    fixed = replace(cost, d_sae=64)
    try:
        few, few_fixed = fit(minutes, [cost]), fit(minutes, [fixed])
    except UsageError:
        return
    assert fit(times * minutes, [cost]).d_sae >= few.d_sae
    assert fit(times * minutes, [fixed]).tokens >= few_fixed.tokens


def test_what_is_given_is_kept_and_only_the_rest_is_fitted() -> None:
    free = fit(60, [COST])
    sized = fit(60, [replace(COST, d_sae=3000)])
    assert sized.d_sae == 3000
    assert not fits(60, [COST], sized.tokens + 1, 3000)
    texted = fit(60, [replace(COST, tokens=600_000)])
    assert texted.tokens == 600_000
    assert texted.d_sae == 8192 < free.d_sae  # 64 x 8,192 <= 600,000 < 64 x 16,384
    both = fit(60, [replace(COST, tokens=600_000, d_sae=3000)])
    assert (both.tokens, both.d_sae) == (600_000, 3000)
    mixed = fit(60, [replace(COST, tokens=600_000, d_sae=3000), COST])
    assert not fits(60, [replace(COST, tokens=600_000, d_sae=3000), COST], mixed.tokens + 1, mixed.d_sae)


def test_a_given_text_that_is_short_has_the_smallest_size() -> None:
    assert fit(1e6, [replace(COST, tokens=6000)]).d_sae == LADDER[0]
    assert fit(1e6, [replace(COST, tokens=6000, least_d_sae=4096)]).d_sae == 4096


@pytest.mark.parametrize(
    ("cost", "models"),
    [
        (COST, 1),
        (COST, 3),
        (replace(COST, d_sae=64), 1),
        (replace(COST, tokens=10**7), 1),
        (replace(COST, tokens=10**7, d_sae=512), 2),
    ],
)
def test_too_few_minutes_are_one_line_that_says_how_many_would_do(cost: Cost, models: int) -> None:
    with pytest.raises(
        UsageError, match=r"study\.toml: minutes is 0\.01; this machine needs about"
    ) as caught:
        fit(0.01, [cost], models=models, planned=2.0)
    assert "\n" not in str(caught.value)
    found = re.search(r"needs about (\S+) for", str(caught.value))
    assert found
    fit(float(found[1]), [cost], models=models, planned=2.0)
    with pytest.raises(UsageError):
        fit(0.9 * float(found[1]), [cost], models=models, planned=2.0)


def test_models_have_equal_parts_of_the_minutes_and_planning_counts() -> None:
    assert fit(90, [COST], models=3) == fit(30, [COST])
    later = fit(30, [COST], planned=60.0)
    assert later.seconds["plan"] == 60.0
    assert later.tokens < fit(30, [COST]).tokens


def test_a_line_goes_through_both_points_and_never_falls_or_starts_below_zero() -> None:
    line = Line.through((1024, 3.0), (4096, 9.0))
    assert (line.at(1024), line.at(4096)) == pytest.approx((3.0, 9.0))
    assert Line.through((1024, 5.0), (4096, 4.0)).at(8192) == 4.0
    assert Line.through((1024, 1.0), (4096, 8.0)).at(2048) == 4.0


def test_the_smallest_size_is_one_that_the_kind_allows() -> None:
    assert least_d_sae(TopK()) == least_d_sae(L1()) == LADDER[0]
    assert least_d_sae(TopK(k=1500)) == 2048
    assert least_d_sae(TopK(aux_k=5000)) == 8192


def test_every_rate_of_a_real_model_is_measured(tmp_path: Path) -> None:
    raw: dict[str, Any] = {
        "models": {"main": {"source": "model"}},
        "corpora": {"main": {"sources": ["text.jsonl"], "context": 64, "shares": [0.7, 0.1, 0.1, 0.1]}},
        "saes": {
            name: {"hook": hook, "kind": kind, "batch": 128} | store
            for name, hook, kind, store in [
                ("disk", "resid_post.1", "topk", {"store": True}),
                ("live", "resid_post.1", "l1", {"store": False}),
                ("room", "mlp_out.0", "topk", {}),
            ]
        },
        "evaluation": {"split": "score"},
    }
    asked = read_asked(raw)
    model = LanguageModel.load(str(tiny.save_llama(tmp_path / "model")), dtype="float32")
    room = 10.0 * store_bytes(1_000_000, model.d_model, model.dtype)
    costs = measure_costs(
        model, asked.saes, asked, tokens_per_batch=512, room=room, scratch=tmp_path / "scratch"
    )
    assert {name: cost.storable for name, cost in costs.items()} == {
        "disk": math.inf,
        "live": 0.0,
        "room": pytest.approx(1e7),
    }
    for cost in costs.values():
        assert (cost.train_share, cost.held_share) == (0.7, 0.1)
        rates = [cost.forward, cost.continuation]
        rates += [line.at(size) for line in (cost.step, cost.encode, cost.index) for size in LADDER]
        assert all(0 < rate < math.inf for rate in rates)
    assert not list((tmp_path / "scratch").iterdir())


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
    monkeypatch.setattr(making, "_batch_size", refuse)
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
    monkeypatch.setattr(making, "_batch_size", refuse)
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
    verb = [sys.executable, "-c", "from monosema.cli import main; main()", "init", str(tmp_path / "s")]
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


def test_a_budget_goes_through_json_unchanged() -> None:
    budget = fit(60, [COST])
    assert Budget(**json.loads(json.dumps(asdict(budget)))) == budget
