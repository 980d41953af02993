"""Relations of a subset of features: measured once, kept, and shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import monosema as ms
from monosema import pipeline
from monosema.errors import UsageError
from pipeline.small_study import TOML, new_study
from pipeline.test_cli import monosema


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = new_study(tmp_path_factory.mktemp("related") / "study")
    pipeline.run(made, goal="index")
    return made.path


def test_relations_are_kept_and_hold_what_the_rooms_below_measure(study: Path) -> None:
    opened = ms.open(study)
    found = pipeline.relations(opened, features=8, positions=400)
    assert (study / "relations" / "main" / "manifest.json").is_file()
    index, model, sae = opened.index(), opened.model(), opened.sae()
    alive = np.flatnonzero(index.table["count"])
    assert [row["feature"] for row in found.rows] == sorted({row["feature"] for row in found.rows})
    assert {row["feature"] for row in found.rows} <= set(alive.tolist())
    row = max(found.rows, key=lambda one: one["together"][0])
    mine, other = (set(index.postings(one)[0].tolist()) for one in (row["feature"], row["features"][0]))
    assert len(mine & other) == row["together"][0]
    figures = found.figures
    assert figures["positions"] >= 400
    assert figures["features"] == 8
    assert figures["neuron_layers"] == 2
    low = figures["low_neuron_share"]
    assert low["low"] <= low["value"] <= low["high"]
    assert low["value"] == np.mean([abs(one["neuron_r"][0]) <= figures["low"] for one in found.rows])
    assert model.width(f"mlp_act.{row['neuron_layers'][0]}") > row["neurons"][0]
    assert sae.d_model > row["coordinates"][0]
    torch.testing.assert_close(pipeline.relations(opened, features=8, positions=400).rows, found.rows)


def test_the_verb_shows_shares_beside_chance(study: Path) -> None:
    asked = ["relate", str(study), "--features", "8", "--positions", "400"]
    done = monosema(*asked)
    assert done.returncode == 0, done.stderr
    assert "by chance" in done.stderr
    assert len(json.loads(monosema(*asked, "--json").stdout)["features"]) == 8


def test_no_feature_is_refused(study: Path) -> None:
    with pytest.raises(UsageError, match="features is 0"):
        pipeline.relations(ms.open(study), features=0)


def test_before_the_first_mlp_there_are_no_neurons_to_be_like(tmp_path: Path) -> None:
    made = new_study(tmp_path / "study", TOML.replace("resid_post.1", "resid_pre.0"))
    pipeline.run(made, goal="index")
    found = pipeline.relations(ms.open(made.path), features=4, positions=200)
    assert all(row["neurons"] == row["neuron_layers"] == row["neuron_r"] == [] for row in found.rows)
    assert all(len(row["coordinates"]) == 3 for row in found.rows)
    assert found.figures["neuron_layers"] == 0
    assert found.figures["best_neuron_r"] == [0.0, 0.0, 0.0]
    assert found.figures["best_coordinate_r"][1] > 0
    done = monosema("relate", str(made.path), "--features", "4", "--positions", "200")
    assert "(none before it)" in done.stdout
    assert "there is no neuron to be like" in done.stderr
    assert "coordinate with |r|" in done.stderr
