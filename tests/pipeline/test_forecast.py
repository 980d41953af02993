"""What a run would take: the formulas by hand, sums over stages, and what fits against brute force."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monosema.activations import store_bytes
from monosema.pipeline import memory
from monosema.pipeline.asked import SAEAsked, SAEPlace
from monosema.pipeline.budget import estimate
from monosema.pipeline.forecast import Fits, Forecast, Limit, PlannedSAE, Prepared, forecast
from monosema.pipeline.memory import Facts, Held
from monosema.sae import L1, SAEConfig, TopK
from monosema.training import TrainSettings, make_plan
from pipeline.test_budget import COST

MB = 1 << 20
FACTS = Facts(
    base=600 * MB,
    model=500 * MB,
    until=200 * MB,
    d_model=512,
    inner=1536,
    itemsize=4,
    vocabulary=50_000,
    tokens_per_batch=4096,
    positions=1_000_000,
    held_out=40_000,
    store=2_100_000_000,
)
CONFIG = SAEConfig(
    kind=TopK(),
    d_model=512,
    d_sae=8192,
    input="resid_post.1",
    output="resid_post.1",
    model="m",
    model_hash="",
)
PLACE = SAEPlace(hook="resid_post.1")
SAE = PlannedSAE(
    asked=SAEAsked(PLACE, TopK(), TrainSettings()),
    cost=COST,
    facts=FACTS,
    dtype=torch.float32,
    tokens=1_000_000,
    d_sae=8192,
)
PREPARED = Prepared(loading=5.0, again=0.5, reading=2.0, encoding=1e-6, held=Held(needed=700 * MB))
ENOUGH = Limit(memory_gb=1000.0, disk_gb=1000.0, together_gb=0.0)


def test_a_harvest_holds_weights_a_shard_of_each_hook_point_and_a_pass_or_a_shard_more() -> None:
    forward = 4096 * 4 * (4 * 512 + 3 * 1536)
    assert memory.harvest_memory(FACTS).needed == 800 * MB + 32 * MB + forward
    two = memory.harvest_memory(replace(FACTS, hooks=2, inner=0, tokens_per_batch=64))
    assert two.needed == 800 * MB + 2 * 32 * MB + 32 * MB
    live = memory.harvest_memory(replace(FACTS, store=0))
    assert live.needed == 800 * MB + forward + 50_000 * 512 * 4


def test_training_holds_its_plan_and_the_stream_beside_the_weights_of_the_harvest() -> None:
    plan = make_plan(TrainSettings(), CONFIG, positions=1_000_000)
    size = memory.trained_bytes(CONFIG, plan, FACTS)
    assert size == plan.memory_bytes(CONFIG.kind)
    on_a_gpu = memory.trained_bytes(CONFIG, plan, replace(FACTS, steps_elsewhere=True))
    assert on_a_gpu == 2 * CONFIG.d_sae * CONFIG.d_model * 4
    held = memory.train_memory(FACTS, [size])
    assert (held.needed, held.mapped) == (800 * MB + size + 56_000_000, FACTS.store)
    assert held.resident == held.needed + FACTS.store
    live = memory.train_memory(replace(FACTS, store=0), [size])
    assert live.needed == 800 * MB + size + 2 * (1 << 18) * 2048 + FACTS.forward
    assert live.mapped == 0


def test_an_evaluation_holds_all_weights_two_logits_and_two_saes() -> None:
    def of(facts: memory.Facts, count: int = 1, *, baselines: bool = True) -> int:
        size = memory.evaluated_bytes(CONFIG, held_out=facts.held_out, baselines=baselines)
        return memory.evaluate_memory(facts, count * [size], baselines=baselines).needed

    held = of(FACTS)
    saes = 2 * 8 * 8192 * 512 + 160 * 8192
    sums = 400 * 8 * 512 * 4 + 24 * 512**2 + 2 * 4096 * 512 * 4
    assert held == 1100 * MB + 2 * 256 * MB + 64 * MB + saes + sums
    plain = of(FACTS, baselines=False)
    assert held - plain == 8 * 8192 * 512 + 400 * 8 * 512 * 2 + 24 * 512**2
    assert of(replace(FACTS, held_out=100, tokens_per_batch=64)) < held - 400 * MB
    assert of(FACTS, 3) - held == 2 * (saes + 400 * 8 * 512 * 4)


def test_an_index_holds_the_largest_of_its_phases() -> None:
    weights = 1100 * MB + 8 * 8192 * 512 + 16 * 1_000_000 + 900 * 8192
    block = 120 * (1 << 22)
    assert memory.index_memory(FACTS, CONFIG).needed == weights + block
    short = memory.index_memory(replace(FACTS, positions=1000, vocabulary=10**6), CONFIG)
    assert short.needed == weights - 16 * 999_000 + 16 * 10**6 * 256
    assert memory.index_memory(FACTS, CONFIG).mapped == FACTS.store


def test_in_half_precision_every_stage_holds_the_products_that_were_compiled() -> None:
    short = replace(FACTS, context=256, positions=8000)
    assert short.compiled == 4 * 2 * memory.PRODUCT  # two batches, so two lengths at most
    assert replace(short, positions=10**9).compiled == 4 * 256 * memory.PRODUCT
    assert replace(short, context=2048, positions=10**9).compiled == 1024 * memory.PRODUCT
    for held in (
        memory.harvest_memory,
        lambda facts: memory.harvest_memory(replace(facts, store=0)),
        lambda facts: memory.train_memory(facts, [1]),
        lambda facts: memory.evaluate_memory(facts, [1], baselines=True),
        lambda facts: memory.index_memory(facts, CONFIG),
    ):
        assert held(short).needed - held(replace(short, context=0)).needed == short.compiled


def test_a_kind_without_k_is_taken_to_have_as_many_features_a_position_as_rates_do() -> None:
    l1 = replace(CONFIG, kind=L1())
    assert memory.l0_of(l1) == 128
    assert memory.l0_of(replace(l1, d_sae=64)) == 64
    assert memory.l0_of(CONFIG) == 32


def test_stages_add_up_and_the_largest_memory_counts() -> None:
    found = forecast([SAE], PREPARED, ENOUGH)
    assert [one.stage for one in found.stages] == ["prepare", "harvest", "train", "evaluate", "index"]
    seconds = estimate([COST], 1_000_000, 8192)
    seconds["activations"] += 0.5
    seconds["evaluation"] += 0.5
    assert [one.seconds for one in found.stages[1:]] == [round(value, 3) for value in seconds.values()]
    assert found.stages[0].seconds == 8.0
    assert found.seconds == round(8.0 + sum(seconds.values()), 3)
    assert found.memory_gb == max(one.memory_gb for one in found.stages)
    assert found.longest == max(found.stages, key=lambda one: one.seconds).stage
    store = store_bytes(900_000, 512, torch.float32)
    assert found.stages[1].disk_gb == round(store / 1e9, 6)
    assert found.stages[2].cache_gb == round(store / 1e9, 2)
    assert (found.exceeded, found.fits) == ((), None)


def test_saes_of_one_hook_point_share_a_harvest_and_others_do_not() -> None:
    other = replace(SAE, cost=replace(COST, activations="main.main.resid_post.2"))
    one, shared, apart = (forecast(saes, PREPARED, ENOUGH) for saes in ([SAE], [SAE, SAE], [SAE, other]))
    harvest, train = 1, 2
    assert shared.stages[harvest] == one.stages[harvest]
    assert (
        apart.stages[harvest].seconds == 2 * (one.stages[harvest].seconds - PREPARED.again) + PREPARED.again
    )
    assert apart.stages[harvest].disk_gb == pytest.approx(2 * one.stages[harvest].disk_gb, abs=2e-6)
    assert shared.stages[train].seconds == pytest.approx(2 * one.stages[train].seconds, abs=0.11)
    assert shared.memory_gb == one.memory_gb
    assert (one.saes, shared.saes) == (1, 2)


def test_saes_of_one_stream_hold_their_training_together_as_far_as_there_is_room() -> None:
    size = make_plan(TrainSettings(), CONFIG, positions=900_000).memory_bytes(CONFIG.kind)
    train = 2
    alone = forecast([SAE], PREPARED, ENOUGH).stages[train].memory_gb
    for room, together in ((0.0, 1), (1.5, 2), (2.5, 3), (9.0, 3)):
        limit = replace(ENOUGH, together_gb=room * size / 1e9)
        found = forecast([SAE, SAE, SAE], PREPARED, limit).stages[train].memory_gb
        assert found == pytest.approx(alone + (together - 1) * size / 1e9, abs=0.011)
    other = replace(SAE, asked=replace(SAE.asked, training=TrainSettings(batch=2047)))
    apart = forecast([SAE, other], PREPARED, replace(ENOUGH, together_gb=10.0)).stages[train].memory_gb
    assert apart == alone


def test_activations_that_are_not_kept_take_no_disk_and_cost_passes() -> None:
    live = replace(
        SAE, asked=replace(SAE.asked, place=replace(PLACE, store=False)), cost=replace(COST, storable=0.0)
    )
    found, kept = forecast([live], PREPARED, ENOUGH), forecast([SAE], PREPARED, ENOUGH)
    assert (found.stages[1].disk_gb, found.stages[2].cache_gb) == (0.0, 0.0)
    assert found.stages[2].seconds > kept.stages[2].seconds


def limited(**limits: float) -> Forecast:
    return forecast([SAE], PREPARED, replace(ENOUGH, **limits))


@settings(max_examples=30)
@given(memory_gb=st.floats(1.0, 4.0), minutes=st.floats(1.0, 200.0))
def test_what_fits_fits_and_a_little_more_does_not(memory_gb: float, minutes: float) -> None:
    limit = replace(ENOUGH, memory_gb=memory_gb, minutes=minutes)
    found = forecast([SAE], PREPARED, limit)
    if found.fits is None:
        assert found.exceeded == ()
        return

    def exceeds(tokens: int, d_sae: int) -> bool:
        return bool(forecast([replace(SAE, tokens=tokens, d_sae=d_sae)], PREPARED, limit).exceeded)

    d_sae, tokens = found.fits.d_sae, found.fits.tokens
    assert d_sae is None or not exceeds(SAE.tokens, d_sae)
    assert exceeds(SAE.tokens, (d_sae or 0) + 64)
    assert tokens is None or not exceeds(tokens, SAE.d_sae)
    assert exceeds((tokens or 0) + 1000, SAE.d_sae)


def test_what_is_exceeded_is_named() -> None:
    assert limited(memory_gb=0.5).exceeded == ("memory",)
    assert limited(memory_gb=0.5).fits == Fits(d_sae=None, tokens=None)
    assert limited(minutes=1.0, disk_gb=0.01).exceeded == ("minutes", "disk")
    assert limited(minutes=1e9).fits is None


def test_no_fewer_features_are_told_than_a_position_may_have() -> None:
    wide = replace(SAE, asked=replace(SAE.asked, kind=TopK(k=4096)))
    few = forecast([wide], PREPARED, replace(ENOUGH, minutes=20.0))
    assert few.fits is not None
    assert few.fits.d_sae is None or few.fits.d_sae >= 4096


def test_a_forecast_is_json() -> None:
    found = limited(minutes=1.0).to_dict()
    assert json.loads(json.dumps(found))["exceeded"] == ["minutes"]
    assert math.isfinite(found["seconds"])
