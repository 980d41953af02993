"""The benchmark of `plan`: what a seed draws is a study that can be made, and its figures by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from benchmarks.plan import FEATURES, RUNS, SEED, TARGETS, TOKENS, drawn, factor, figures_of, stage_of

from monosema.pipeline.read_asked import read_asked


def outcome(seconds: tuple[float, float], memory: tuple[float, float]) -> dict[str, Any]:
    told, took = seconds
    stage = {"told_s": told, "took_s": took / 2, "told_gb": 1.0, "took_gb": None}
    whole = {"told_s": told, "took_s": took, "told_gb": memory[0], "took_gb": memory[1]}
    return {"stages": {"train": stage}, "all": whole}


@pytest.mark.parametrize("seed", [SEED, 1, 2, 3])
def test_a_seed_draws_the_same_studies_that_can_be_made_smallest_first(seed: int) -> None:
    found = drawn(seed)
    assert found == drawn(seed)
    assert len(found) == RUNS
    assert [one.size for one in found] == sorted(one.size for one in found)
    for one in found:
        asked = read_asked(tomllib.loads(one.toml()))
        assert sum(one.d_sae) <= FEATURES[1] + 64 * len(one.d_sae)
        assert TOKENS[0] <= one.tokens <= TOKENS[1]
        assert sorted(sae.place.d_sae or 0 for sae in asked.saes.values()) == list(one.d_sae)
        for sae in asked.saes.values():
            sae.kind.check(sae.place.d_sae or 0)
    assert drawn(seed) != drawn(seed + 1)


def test_too_much_and_too_little_differ_by_the_same_factor() -> None:
    assert factor(13.0, 10.0) == factor(10.0, 13.0) == 1.3
    assert factor(0.0, 0.02) == 1.0


def test_figures_are_the_largest_factors_over_all_runs() -> None:
    found = figures_of([outcome((10.0, 8.0), (1.0, 1.1)), outcome((10.0, 15.0), (2.0, 2.0))])
    assert found == {"seconds_within": 1.5, "memory_within": 1.1, "train_seconds_within": 2.5}
    assert TARGETS.keys() <= found.keys()


def test_the_stage_of_a_run_is_that_of_the_last_kind_of_artifact_it_has_begun(tmp_path: Path) -> None:
    seen = [stage_of(tmp_path)]
    for kind in ("plan", "activations", "sae", "evaluation", "index"):
        (tmp_path / kind).mkdir()
        seen.append(stage_of(tmp_path))
    assert seen == ["prepare", "prepare", "harvest", "train", "evaluate", "index"]
