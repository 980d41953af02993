"""From minutes to tokens and features: the arithmetic against brute force, rates as they are measured."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from monosema.activations import store_bytes
from monosema.errors import UsageError
from monosema.evaluation import EvaluationSettings
from monosema.models import LanguageModel
from monosema.pipeline.budget import LADDER, POSITIONS_A_FEATURE, RESERVE, Budget, Cost, Line, estimate, fit
from monosema.pipeline.rates import least_d_sae, measure_costs
from monosema.pipeline.read_asked import read_asked
from monosema.sae import L1, TopK

COST = Cost(
    activations="main.main.resid_post.1",
    stream="main.main.resid_post.1 2048",
    measured_at="main.main.resid_post.1 resid_post.1",
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
    context=256,
    untrained=Line(0.0, 8e-9),
    fitting=Line(0.0, 0.0),
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
    train, held, ce = 900_000, 40_000, 20_000 + 128
    encode = 6e-9 * 2048
    found = estimate([COST], 1_000_000, 2048)
    assert found == pytest.approx(
        {
            "activations": train * 1e-3,
            "sae": 4 * train * (1e-5 + 2048e-8),
            "evaluation": (50_000 + held + ce) * 1e-3 + held * 2 * (encode + 8e-9 * 2048) + ce * 8 * 2e-3,
            "index": train * (2e-5 + 2048e-8),
        },
        rel=1e-12,
    )
    plain = replace(
        COST, evaluation=EvaluationSettings(baselines=False, max_positions=1000, ce_positions=500)
    )
    measured = (1000 + 628) * 1e-3 + 1000 * 2 * encode + 628 * 5 * 2e-3
    assert estimate([plain], 1_000_000, 2048)["evaluation"] == pytest.approx(measured, rel=1e-12)


def test_training_fits_thresholds_on_at_most_50_000_positions() -> None:
    fitted = replace(COST, fitting=Line(1e-6, 1e-9))
    for tokens, sample in ((10**6, 50_000), (10_000, 9000)):
        more = estimate([fitted], tokens, 2048)["sae"] - estimate([COST], tokens, 2048)["sae"]
        assert more == pytest.approx(sample * (1e-6 + 2048e-9))
    assert estimate([replace(fitted, trained=0)], 10**6, 2048)["sae"] == 0


def test_features_cost_a_row_and_logits_each_and_a_cosine_a_pair() -> None:
    some = replace(COST, row=1e-4, logits=1e-3, cosine=1e-8)
    more = estimate([some], 10**6, 2048)["index"] - estimate([COST], 10**6, 2048)["index"]
    assert more == pytest.approx(2048 * 1.1e-3 + 2048**2 * 1e-8)


def test_saes_that_share_activations_share_one_harvest() -> None:
    one = estimate([COST], 10**6, 4096)
    other = replace(
        COST, activations="main.main.resid_post.2", measured_at="main.main.resid_post.2 resid_post.2"
    )
    both = estimate([COST, COST], 10**6, 4096)
    assert {stage: both[stage] for stage in ("activations", "sae", "index")} == pytest.approx(
        {"activations": one["activations"], "sae": 2 * one["sae"], "index": 2 * one["index"]}
    )
    assert total([COST, other], 10**6, 4096) == pytest.approx(2 * sum(one.values()))


def test_saes_at_one_place_share_passes_and_ablated_runs_of_their_evaluation() -> None:
    one = estimate([COST], 10**6, 4096)["evaluation"]
    passes = (50_000 + 40_000 + 20_128) * COST.forward + 20_128 * 3 * COST.continuation
    assert estimate([COST, COST, COST], 10**6, 4096)["evaluation"] == pytest.approx(3 * one - 2 * passes)
    elsewhere = replace(COST, measured_at="main.main.resid_post.1 mlp_out.1")
    assert estimate([COST, elsewhere], 10**6, 4096)["evaluation"] == pytest.approx(2 * one)


def test_without_room_on_disk_training_and_index_pass_the_model_again() -> None:
    stored, live = (estimate([replace(COST, storable=most)], 10**6, 4096) for most in (900_000, 899_999))
    again = 900_000 * COST.forward
    assert live["sae"] - stored["sae"] == pytest.approx(4 * again)
    assert live["index"] - stored["index"] == pytest.approx(again)
    assert live["activations"] == stored["activations"]


def test_saes_on_one_stream_share_its_passes_as_long_as_the_longest_training() -> None:
    live = replace(COST, storable=0.0)
    short, long = replace(live, trained=10**6), replace(live, trained=3 * 10**6)
    other = replace(long, stream="main.main.resid_post.1 4096")
    given_one = replace(live, trained=0, stream=None)
    steps = 1e-5 + 2048e-8

    def of_sae(*costs: Cost) -> float:
        return estimate(costs, 10**6, 2048)["sae"]

    assert of_sae(short, long) == pytest.approx(4e6 * steps + 3e6 * COST.forward)
    assert of_sae(long, short, given_one) == of_sae(short, long)
    assert of_sae(short, long, other) == pytest.approx(7e6 * steps + 6e6 * COST.forward)
    index = estimate([short, long], 10**6, 2048)["index"]
    assert index == pytest.approx(
        2 * estimate([short], 10**6, 2048)["index"]
    )  # each passes the model for itself


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
        lines = (cost.step, cost.encode, cost.index, cost.untrained, cost.fitting)
        rates += [line.at(size) for line in lines for size in LADDER]
        assert 0 <= cost.row < math.inf
        assert all(0 < rate < math.inf for rate in rates)
    assert not list((tmp_path / "scratch").iterdir())


def test_a_budget_goes_through_json_unchanged() -> None:
    budget = fit(60, [COST])
    assert Budget(**json.loads(json.dumps(asdict(budget)))) == budget
