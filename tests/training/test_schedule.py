"""Plan and schedules: every number follows from settings and facts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from monosema.errors import UsageError
from monosema.sae import L1, SAEConfig, TopK
from monosema.training import TrainSettings, default_lr, faster_gemm, machine, make_plan
from monosema.training.schedule import l1_at, lr_at
from monosema.training.step import ENCODERS

TOPK = SAEConfig(
    kind=TopK(),
    d_model=576,
    d_sae=8192,
    input="resid_post.16",
    output="resid_post.16",
    model="m",
    model_hash="0",
)
PENALISED = replace(TOPK, kind=L1(l1_coefficient=5.0))


def test_four_passes_are_the_default_length() -> None:
    plan = make_plan(TrainSettings(), TOPK, positions=1_000_000)
    assert plan.steps == 4_000_000 // 2048
    assert plan.positions == plan.steps * 2048
    assert plan.lr == 1.3e-3
    assert plan.l1 == 0
    assert plan.dead_after == 10_000_000
    assert plan.aux_dead_after == plan.positions // 10


def test_the_length_can_be_given_in_positions() -> None:
    assert make_plan(TrainSettings(tokens=100_000, batch=1000), TOPK, positions=50_000).steps == 100


def test_a_batch_never_exceeds_one_pass_and_there_is_always_a_step() -> None:
    plan = make_plan(TrainSettings(tokens=10), TOPK, positions=700)
    assert (plan.batch, plan.steps) == (700, 1)


def test_no_positions_are_refused() -> None:
    with pytest.raises(UsageError, match="0 positions"):
        make_plan(TrainSettings(), TOPK, positions=0)


@pytest.mark.parametrize(
    ("positions", "expected"), [(50_000, 10 * 2048), (1_000_000, None), (10**9, 10_000_000)]
)
def test_the_auxiliary_loss_waits_a_tenth_of_the_run_within_bounds(
    positions: int, expected: int | None
) -> None:
    plan = make_plan(TrainSettings(tokens=min(positions, 10**9)), TOPK, positions=positions)
    assert plan.aux_dead_after == (expected or plan.positions // 10)


def test_the_learning_rate_rises_stays_and_falls_towards_zero() -> None:
    settings = TrainSettings(tokens=100, batch=1, lr=1.0, lr_warmup=0.1, lr_decay=0.2)
    plan = make_plan(settings, TOPK, positions=1000)
    rates = [lr_at(plan, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:80] == [1.0] * 71
    assert rates[80] == 1.0
    assert rates[90] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.05)


def test_warm_up_and_decay_can_be_left_out() -> None:
    settings = TrainSettings(tokens=10, batch=1, lr=1.0, lr_warmup=0, lr_decay=0, l1_warmup=0)
    plan = make_plan(settings, PENALISED, positions=1000)
    assert [lr_at(plan, step) for step in (0, 9)] == [1.0, 1.0]
    assert l1_at(plan, 0) == 5.0


def test_a_short_run_lets_the_penalty_rise_over_more_of_its_steps() -> None:
    short = make_plan(TrainSettings(tokens=200, batch=1), PENALISED, positions=1000)
    long = make_plan(TrainSettings(tokens=40_000, batch=1), PENALISED, positions=1000)
    assert (short.l1_warmup, long.l1_warmup) == (60, 2000)


def test_the_penalty_rises_from_zero_over_its_share_of_the_steps() -> None:
    plan = make_plan(TrainSettings(tokens=200, batch=1, l1_warmup=0.05), PENALISED, positions=1000)
    assert [l1_at(plan, step) for step in (0, 5, 10, 199)] == [0, 2.5, 5, 5]


def test_default_rates_are_those_of_the_trials_and_the_paper() -> None:
    assert default_lr(TopK(), 8192, 700) == 1.3e-3
    assert default_lr(TopK(), 16384, 700) == pytest.approx(9.19e-4, rel=1e-2)
    assert default_lr(TopK(), 64, 700) == 2.5e-3
    assert default_lr(L1(), 131_072, 200_000) == 5e-5
    assert 2e-3 < default_lr(L1(), 8192, 800) <= 3e-3


def test_memory_is_told_before_training() -> None:
    plan = make_plan(TrainSettings(), TOPK, positions=1_000_000)
    assert 34 * 8192 * 576 < plan.memory_bytes(TOPK.kind) < 1 << 30


@pytest.mark.parametrize(
    ("setting", "value"),
    [("batch", 0), ("tokens", 0), ("lr", -1.0), ("lr", float("nan")), ("lr_decay", 1.5), ("clip", 0.0)],
)
def test_settings_out_of_range_are_refused(setting: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{setting} is {value}"):
        TrainSettings(**{setting: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("units", "capability", "here", "there"),
    [(True, (9, 0), "bf16", "bf16"), (False, (7, 5), "fp32", "fp32")],
)
def test_hardware_decides_which_product_is_put_into_the_plan(
    units: bool, capability: tuple[int, int], here: str, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "has_bf16_units", lambda: units)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert (faster_gemm(), faster_gemm("cuda:1")) == (here, there)
    assert {here, there} <= ENCODERS.keys()
    assert make_plan(TrainSettings(), TOPK, positions=100, encoder_gemm=here).encoder_gemm == here
