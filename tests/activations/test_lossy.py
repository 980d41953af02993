"""Activations kept as int8: smaller, off by at most what is stated, and said to be lossy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from activations.tiny import HOOK, D, MemoryTokens, TinyModel
from monosema.activations import ActivationStore, HarvestPlan, harvest_to_disk, plan_harvest, store_bytes

PLAN = HarvestPlan(tokens_per_batch=30, batches_per_shard=2, seed=0)


def both(tmp_path: Path) -> tuple[ActivationStore, ActivationStore]:
    model = TinyModel()
    model.embedding[5] *= 1000
    model.embedding[6] = 0
    exact = harvest_to_disk(model, MemoryTokens(), {HOOK: tmp_path / "exact"}, PLAN)[HOOK]
    plan = replace(PLAN, lossy="int8")
    return exact, harvest_to_disk(model, MemoryTokens(), {HOOK: tmp_path / "int8"}, plan)[HOOK]


def test_each_value_is_within_a_254th_of_the_largest_of_its_row(tmp_path: Path) -> None:
    exact, lossy = both(tmp_path)
    everything = torch.arange(len(exact))
    x, rounded = exact.rows(everything), lossy.rows(everything)
    bound = x.abs().amax(1, keepdim=True) / 254 * (1 + 1e-6)
    assert ((x - rounded).abs() <= bound).all()
    assert (x[x.abs().amax(1) == 0] == rounded[x.abs().amax(1) == 0]).all()
    assert not torch.equal(x, rounded)


def test_what_is_massive_is_told_by_the_norms_before_rounding(tmp_path: Path) -> None:
    exact, lossy = both(tmp_path)
    assert torch.equal(exact.norms, lossy.norms)
    assert (exact.stats.massive, exact.stats.median_norm) == (lossy.stats.massive, lossy.stats.median_norm)
    assert exact.stats.scale == lossy.stats.scale


def test_a_lossy_store_says_so_and_takes_the_bytes_that_were_foretold(tmp_path: Path) -> None:
    exact, lossy = both(tmp_path)
    assert (exact.lossy, lossy.lossy) == (None, "int8")
    assert lossy.dtype == torch.int8
    size = sum(path.stat().st_size for path in lossy.folder.iterdir())
    known = store_bytes(len(lossy), D, torch.float64, "int8")
    assert size <= known <= size + (1 << 20)
    plan = plan_harvest(576, torch.float32, tokens_per_batch=4096, lossy="int8")
    assert plan.batches_per_shard * 4096 * 576 > 0.9 * (32 << 20)
