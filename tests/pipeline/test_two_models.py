"""Crosscoders over two models that read the same tokens, such as a chat model and its base."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import tiny
from monosema import pipeline
from monosema.errors import UsageError
from monosema.models import LanguageModel
from monosema.pipeline import OpenStudy
from pipeline.small_study import TOML, new_study

BOTH = (
    TOML.replace('source = "model"', 'source = "model"\nother = "tuned"')
    + """
[saes.diff]
hook = "resid_post.1+other.resid_post.1"
kind = "l1"
d_sae = 48
batch = 64
tokens = 12000
"""
)


def two_models(folder: Path, toml: str = BOTH) -> Path:
    made = new_study(folder, toml)
    tiny.save_llama(folder / "tuned", seed=1)
    for file in (folder / "model").iterdir():  # of one tokenizer
        if "token" in file.name:
            shutil.copy(file, folder / "tuned" / file.name)
    return made.path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    folder = two_models(tmp_path_factory.mktemp("two") / "study")
    pipeline.run(pipeline.open_study(folder))
    return pipeline.open_study(folder)


def test_both_models_read_the_same_tokens_side_by_side(study: OpenStudy) -> None:
    model, name = study.model(), "resid_post.1+other.resid_post.1"
    ids = model.tokenize(["The old fox sees a red bridge."])[0]
    found = model.capture(ids, [name])[name]
    each = [
        LanguageModel.load(str(study.path / folder), dtype="float32", device="cpu").capture(
            ids, ["resid_post.1"]
        )["resid_post.1"]
        for folder in ("model", "tuned")
    ]
    assert not torch.equal(*each)
    assert torch.equal(found, torch.cat(each, dim=-1))


def test_a_crosscoder_of_two_models_is_trained_measured_and_indexed(study: OpenStudy) -> None:
    sae = study.sae("diff")
    assert (sae.place, sae.config.blocks) == ("resid_post.1+other.resid_post.1", 2)
    figures = pipeline.figures(study)["diff"]["figures"]
    assert figures["fvu"] < 0.9
    assert study.index("diff").positions > 0
    assert pipeline.find(study, on=["The old fox."], sae="diff", n=2)
    parts = sae.W_dec.view(48, 2, -1).norm(dim=2)  # how much of each feature is in each model
    assert bool((parts > 0).all(0).any())


def test_losses_are_those_of_the_model_itself(study: OpenStudy) -> None:
    model, name = study.model(), "resid_post.1+other.resid_post.1"
    ids = model.tokenize(["The old fox sees a red bridge."])[0]
    x = model.capture(ids, [name])[name]
    alone = model.resume("resid_post.1", x[..., : model.d_model], ids)
    assert torch.equal(model.resume(name, x, ids), alone)
    with pytest.raises(UsageError, match="name a hook point of this one"):
        model.resume("other.resid_post.1", x[..., model.d_model :], ids)
    with pytest.raises(UsageError, match="edits act in one model"), model.edit({name: lambda x: x}):
        pass


def test_what_makes_no_pair_is_named(tmp_path: Path) -> None:
    alone = BOTH.replace('other = "tuned"\n', "")
    with pytest.raises(UsageError, match=r"other\.resid_post\.1 is of a second model.*say which \(other\)"):
        pipeline.run(pipeline.open_study(two_models(tmp_path / "alone", alone)))
    folder = two_models(tmp_path / "deep", BOTH.replace("other.resid_post.1", "other.resid_post.7"))
    with pytest.raises(UsageError, match="7 is outside the model, which has 3 layers"):
        pipeline.run(pipeline.open_study(folder))
    odd = two_models(tmp_path / "odd")
    text = (odd / "tuned" / "tokenizer.json").read_text()
    (odd / "tuned" / "tokenizer.json").write_text(text.replace('"vocab": {', '"vocab": {"zzz": 9999, ', 1))
    with pytest.raises(UsageError, match="another tokenizer"):
        pipeline.run(pipeline.open_study(odd))
