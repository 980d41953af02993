"""SAELens's own classes read what is written for them, and what they save is read and gone on from here.

They run in one process, in an environment of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.peers import KEPT, PINS, made_python
from safetensors.torch import load_file, save_file
from torch import Tensor

from monosema import pipeline
from monosema.activations import ActivationStats, ActivationStore
from monosema.cli import run as verbs
from monosema.sae import KINDS, L1, SAE, BatchTopK, Gated, JumpReLU, MatryoshkaBatchTopK, TanhJumpReLU, TopK
from monosema.study import Study
from monosema.training import read_metrics
from pipeline.small_study import new_study
from sae.foreign import HOOK, F, K, positions
from sae.test_saelens_write import SAES, made, transcoder

OURS = SAES | {
    "l1 of heads": made(L1(), hook="z.0"),
    "transcoder": transcoder(L1(), threshold=False),
    "transcoder, l1 with thresholds": transcoder(L1()),
    "transcoder, batchtopk": transcoder(BatchTopK(k=K)),
    "transcoder, matryoshka": transcoder(MatryoshkaBatchTopK(k=K)),
    "transcoder, jumprelu": transcoder(JumpReLU()),
    "transcoder, tanh": transcoder(TanhJumpReLU()),
    "transcoder, gated": transcoder(Gated()),
}
PLACE = {"hook_name": HOOK, "model_name": "tiny"}
HEADS = {"hook_name": "blocks.1.attn.hook_z"}
ACROSS = {"hook_name": "blocks.1.hook_mlp_in", "hook_name_out": "blocks.1.hook_mlp_out"}
CHECKPOINT = {"trains": True, "scale": 0.37, "normalize_activations": "expected_average_only_in"}
THEIRS: dict[str, dict[str, Any]] = {
    "standard": {"architecture": "standard"},
    "standard that subtracts nothing": {"architecture": "standard", "apply_b_dec_to_input": False},
    "standard of heads": {"architecture": "standard", "reshape_activations": "hook_z", "place": HEADS},
    "topk": {"architecture": "topk", "k": K, "unit": True},
    "topk by norm": {"architecture": "topk", "k": K, "rescale_acts_by_decoder_norm": True},
    "jumprelu": {"architecture": "jumprelu"},
    "jumprelu that subtracts nothing": {"architecture": "jumprelu", "apply_b_dec_to_input": False},
    "gated": {"architecture": "gated"},
    "transcoder": {"architecture": "transcoder", "place": ACROSS},
    "jumprelu transcoder": {"architecture": "jumprelu_transcoder", "place": ACROSS},
    "standard, trained": {"architecture": "standard", "trains": True},
    "topk, trained": {"architecture": "topk", "k": K, "trains": True},
    "batchtopk, trained": {"architecture": "batchtopk", "k": K, "trains": True},
    "matryoshka, trained": {
        "architecture": "matryoshka_batchtopk",
        "k": K,
        "matryoshka_widths": [F // 4, F],
        "trains": True,
    },
    "jumprelu, trained": {"architecture": "jumprelu", "trains": True},
    "gated, trained": {"architecture": "gated", "trains": True},
    "checkpoint of standard": {"architecture": "standard", **CHECKPOINT},
    "checkpoint of topk": {"architecture": "topk", "k": K, **CHECKPOINT},
    "checkpoint of jumprelu": {"architecture": "jumprelu", **CHECKPOINT},
    "checkpoint of gated": {"architecture": "gated", **CHECKPOINT},
}
"""What they make: settings of their own, and what lens_classes.py adds to these."""
NOT_SHARED = {
    *("abstopk", "temporal", "matching_pursuit"),
    *("skip_transcoder", "jumprelu_skip_transcoder"),
}
"""Architectures of theirs that have no exact form here."""
TRAIN = {"d_sae": 64, "k": 4, "steps": 150, "batch": 128, "place": PLACE}


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter that has SAELens."""
    found = made_python(KEPT / "sae-lens", PINS["sae-lens"])
    if found is None:
        pytest.skip(
            f"no environment of {PINS['sae-lens']}; make it with: python -m benchmarks.peers sae-lens"
        )
    return found


@pytest.fixture(scope="module")
def study(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study with activations."""
    asked = new_study(tmp_path_factory.mktemp("study") / "s")
    pipeline.run(asked, goal="activations")
    return asked


@pytest.fixture(scope="module")
def usual(study: Study) -> Tensor:
    """The study's activations that are not massive [n, d_model]."""
    store = ActivationStore(study.path / "activations" / "main.main.resid_post.1")
    x = store.rows(torch.arange(2000)).float()
    return x[x.norm(dim=1) <= ActivationStats.load(store.folder).massive_threshold]


@pytest.fixture(scope="module")
def shared(python: Path, usual: Tensor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder through which SAEs went both ways, once (lens_classes.py)."""
    folder = tmp_path_factory.mktemp("shared")
    for name, sae in OURS.items():
        sae.save(folder / "ours" / name, format="saelens")
    (folder / "theirs").mkdir()
    theirs = {name: {"d_sae": F, "place": PLACE} | _transcodes(settings) for name, settings in THEIRS.items()}
    (folder / "asked.json").write_text(json.dumps({"theirs": theirs, "train": TRAIN}))
    save_file({"x": positions(), "train": usual}, folder / "x.safetensors")
    done = subprocess.run(
        [python, "-I", Path(__file__).with_name("lens_classes.py"), folder],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def _transcodes(settings: dict[str, Any]) -> dict[str, Any]:
    if "transcoder" not in settings["architecture"]:
        return settings
    return settings | {"d_out": positions().shape[1], "apply_b_dec_to_input": False}


def equal(ours: Tensor, theirs: Tensor) -> None:
    """Equal to 1e-5 of the largest."""
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max()) <= 1e-5 * float(theirs.abs().max())


def compare(sae: SAE, acts: Tensor, x_hat: Tensor) -> None:
    """What `sae` makes of the same positions is this, and something is on and something off."""
    x = positions()
    mine = sae.encode(torch.cat([x, torch.zeros_like(x)], dim=1) if sae.config.transcodes else x)
    assert 0 < mine.nnz < acts.numel()
    assert torch.equal(mine.dense() > 0, acts > 0)
    equal(mine.dense(), acts)
    equal(sae.decode(mine), x_hat)


@pytest.mark.parametrize("name", OURS)
def test_their_class_encodes_and_decodes_what_is_written_for_it_as_ours(shared: Path, name: str) -> None:
    found = load_file(shared / "ours" / f"{name}.safetensors")
    compare(OURS[name], found["f"], found["x_hat"])


@pytest.mark.parametrize("name", THEIRS)
def test_what_their_class_saves_encodes_and_decodes_here_as_there(shared: Path, name: str) -> None:
    found = load_file(shared / "theirs" / f"{name}.safetensors")
    compare(SAE.load(shared / "theirs" / name, format="saelens"), found["added"], found["x_hat"])


def test_no_kind_of_either_side_is_left_out(shared: Path) -> None:
    assert {sae.config.kind.name for sae in OURS.values()} == set(KINDS)
    registered = json.loads((shared / "registered.json").read_text())
    assert {settings["architecture"] for settings in THEIRS.values()} | NOT_SHARED == set(registered)


def fvu(sae: SAE, x: Tensor) -> float:
    return float((x - sae.reconstruct(x)).square().sum() / (x - x.mean(0)).square().sum())


def test_training_goes_on_from_what_their_trainer_trained(study: Study, shared: Path, usual: Tensor) -> None:
    before = fvu(SAE.load(shared / "trained", format="saelens"), usual)
    assert before < 0.5
    verbs.train(study.path, start=str(shared / "trained"))
    sae = pipeline.open_study(study.path).sae("main")
    assert isinstance(sae.config.kind, TopK)
    assert fvu(sae, usual) < before
    lines = list(read_metrics(study.place("sae", "main") / "logs" / "metrics"))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[0]["variance_explained"] > 1 - before - 0.1  # not from the beginning
