"""The benchmark of all kinds: names of its SAEs are read back, and points are compared where both sides have some."""

from __future__ import annotations

import argparse
import tomllib

import pytest
from benchmarks.pareto import GRID, THEIRS, Point, asked, compared, means_in_common, read_name

from monosema.pipeline.read_asked import read_asked

OPTIONS = argparse.Namespace(
    kinds=list(GRID), layers=[12, 19], seeds=3, d_sae=4096, tokens=600_000, ce_positions=2000
)


def point(l0: float, variance: float, *, who: str = "ours", seed: int = 0, f1: float = 0.5) -> Point:
    prefix = "" if who == "ours" else f"{who}_"
    name = f"{prefix}topk_12-k{l0:g}-seed{seed}"
    return Point(name=name, **read_name(name), l0=l0, variance=variance, ce_recovered=0.9, f1=f1)


def test_the_names_of_all_saes_that_are_asked_say_kind_layer_and_seed() -> None:
    saes = read_asked(tomllib.loads(asked(OPTIONS))).saes
    assert len(saes) == len(GRID) * 2 * 5 * 3
    for name, sae in saes.items():
        found = read_name(name)
        assert found["who"] == "ours"
        assert (found["kind"], found["seed"]) == (sae.kind.name, sae.place.seed)
        assert sae.place.hook == f"resid_post.{found['layer']}"
    theirs = read_name(f"{THEIRS}_matryoshka_19-k8-seed2")
    assert theirs == {"who": THEIRS, "kind": "matryoshka", "layer": 19, "seed": 2}


def test_theirs_is_held_against_our_line_in_every_figure_and_what_lies_outside_is_told() -> None:
    ours = [point(l0, v, seed=s) for l0, v in ((8, 0.6), (32, 0.8)) for s in (0, 1)]
    ours[-1] = point(32, 0.82, seed=1)
    theirs = [point(20, 0.75, who=THEIRS, f1=0.4), point(64, 0.99, who=THEIRS), point(4, 0.3, who=THEIRS)]
    figures, notes = compared([*ours, *theirs])
    prefix = "below_saelens_12_topk"
    assert figures == {
        f"{prefix}_variance": pytest.approx(0.75 - (0.6 + 0.81) / 2 - 0.02, abs=1e-4),
        f"{prefix}_ce_recovered": 0.0,
        f"{prefix}_f1": pytest.approx(-0.1),
    }
    assert set(notes.values()) == {"at L0 8 to 32: 1 of 3 of theirs; left out at L0 4, 64"}
    figures, notes = compared([*ours, *theirs[1:]])
    assert figures == {}
    assert notes[f"{prefix}_f1"] == "at L0 8 to 32: 0 of 2 of theirs; left out at L0 4, 64"
    assert compared(ours) == ({}, {})
    assert means_in_common([*ours, *theirs]) == {"topk_12_variance": pytest.approx(0.705)}
