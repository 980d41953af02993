"""A whole study on a GPU: every stage runs there, and what is made is what torch makes here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import monosema as ms
from far import gpu
from monosema import pipeline
from monosema.files import read_json
from monosema.interventions import Saying, Trials, clamp, search_dose, steer
from monosema.pipeline.loaders import OpenStudy
from pipeline.small_study import TOML, new_study


def made(folder: Path, device: str) -> OpenStudy:
    toml = TOML.replace("tokens_per_batch", f'device = "{device}"\ntokens_per_batch')
    pipeline.run(new_study(folder, toml), goal="index")
    pipeline.run(ms.open(folder), goal="evaluation")
    return ms.open(folder)


def rows(study: OpenStudy) -> torch.Tensor:
    store = study.activations()
    return store.rows(torch.arange(len(store)))


@pytest.mark.parametrize("name", ["cuda", "mps"])
@pytest.mark.usefixtures("torch_alone")
def test_a_study_on_a_gpu_comes_out_as_it_does_here(name: str, tmp_path: Path) -> None:
    here = made(tmp_path / "here", "cpu")
    with gpu(name) as device:
        there = made(tmp_path / "there", name)
        assert read_json(there.path / "plan" / "main" / "plan.json")["device"] == name
        torch.testing.assert_close(rows(there), rows(here), rtol=0, atol=0)
        for kind in ("evaluation", "index"):
            assert there.open(kind, "main").manifest.measured == here.open(kind, "main").manifest.measured
        model, sae, index = there.model(), there.sae(), there.index()
        assert model.device == device
        feature = pipeline.find(there, on=["the golden gate"], off=["a bridge"])[0].feature
        acts = sae.encode(model.capture("the golden gate", sae.input))
        assert feature in acts.indices.tolist()
        edit = clamp(feature, 3 * index.maximum(feature))
        assert len(steer(model, sae, ["the golden"], [edit], max_new_tokens=8).texts) == 1
        trials = Trials(
            model, sae, lambda text: "a" in text, ["the golden", "a red"], repeats=1, max_new_tokens=6
        )
        saying = Saying(model, sae, trials.prompts, trials.answers.ids, model.encode(" gate"))
        features = [feature, (feature + 1) % sae.d_sae]
        assert search_dose(trials, saying, features, [index.maximum(one) for one in features]).best.n > 0
