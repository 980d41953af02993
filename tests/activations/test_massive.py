"""Statistics of activations: thresholds, scale, merging, files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from activations.tiny import HOOK, D, MemoryTokens, TinyModel
from monosema.activations import ActivationStats, derive_seed, measure, row_norms, torch_generator
from monosema.activations.massive import MASSIVE_SAMPLE, median_norm
from monosema.errors import ActivationError, DamagedError, UsageError


def rows(n: int = 500, massive: int = 3) -> torch.Tensor:
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(1)) + 1
    x[:: n // massive][:massive] *= 100
    return x


def of(x: torch.Tensor, median: float | None = None) -> ActivationStats:
    norms = row_norms(x)
    return ActivationStats.of(x, norms, median=median_norm(norms) if median is None else median)


def test_the_scale_makes_the_mean_squared_norm_of_unmassive_positions_equal_d_model() -> None:
    x = rows()
    stats = of(x)
    usual = x[row_norms(x) <= 10 * float(row_norms(x).double().quantile(0.5))].double()
    assert stats.massive == 3
    assert stats.massive_share == pytest.approx(3 / 500)
    assert (stats.scale * usual).square().sum(1).mean() == pytest.approx(4, rel=1e-7)
    torch.testing.assert_close(stats.mean, usual.mean(0))
    assert stats.variance == pytest.approx(float((usual - usual.mean(0)).square().sum(1).mean()), rel=1e-7)


def test_the_median_is_that_of_the_first_positions_only() -> None:
    norms = torch.cat([torch.full((MASSIVE_SAMPLE,), 2.0), torch.full((2 * MASSIVE_SAMPLE,), 50.0)])
    assert median_norm(norms) == 2.0


def test_merging_blocks_equals_one_block() -> None:
    x = rows()
    whole = of(x)
    parts = [of(part, whole.median_norm) for part in x.split([7, 0, 200, 293])]
    merged = parts[0].merge(parts[1]).merge(parts[2]).merge(parts[3])
    assert (merged.n, merged.massive) == (whole.n, whole.massive)
    assert merged.mean_square == pytest.approx(whole.mean_square, rel=1e-12)
    torch.testing.assert_close(merged.mean, whole.mean, rtol=1e-12, atol=1e-14)


def test_saved_statistics_are_read_back_to_the_bit(tmp_path: Path) -> None:
    stats = of(rows())
    stats.save(tmp_path)
    again = ActivationStats.load(tmp_path)
    assert again.to_dict() == stats.to_dict()
    assert torch.equal(again.mean, stats.mean)


def test_damaged_statistics_are_named(tmp_path: Path) -> None:
    of(rows()).save(tmp_path)
    file = tmp_path / "stats.safetensors"
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(DamagedError, match=r"stats\.safetensors"):
        ActivationStats.load(tmp_path)


def test_activations_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ActivationError, match="median norm"):
        of(torch.zeros(5, 4))


def test_measuring_a_model_gives_the_statistics_of_its_kept_positions() -> None:
    model, tokens = TinyModel(), MemoryTokens()
    stats = measure(model, tokens, [HOOK], tokens_per_batch=40, seed=0)[HOOK]
    ids = torch.cat([torch.from_numpy(row[1:]) for row in tokens.rows["train"]])
    x = model.embedding[ids]
    assert (stats.n, stats.massive, stats.d_model) == (len(ids), 0, D)
    torch.testing.assert_close(stats.mean, x.mean(0))
    assert stats.mean_square == pytest.approx(float(x.square().sum(1).mean()))


def test_measuring_stops_at_the_batch_that_reaches_the_limit() -> None:
    model, tokens = TinyModel(), MemoryTokens()
    stats = measure(model, tokens, [HOOK], tokens_per_batch=40, max_positions=1, seed=0)[HOOK]
    assert model.forwards == 1
    assert 0 < stats.n < tokens.count("train")


def test_measuring_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no position"):
        measure(TinyModel(), MemoryTokens(documents=0), [HOOK], tokens_per_batch=40, seed=0)


def test_seeds_differ_by_seed_stage_and_part_and_never_change() -> None:
    seeds = {derive_seed(seed, stage, part) for seed in (0, 1) for stage in ("a", "b") for part in (0, 1)}
    assert len(seeds) == 8
    assert derive_seed(0, "a") == derive_seed(0, "a", 0)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert torch_generator(0, "a").initial_seed() == derive_seed(0, "a")
