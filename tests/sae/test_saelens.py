"""SAEs of SAELens: a, support and x̂ are those of its own formulas in float64; what has no exact form is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from monosema.errors import DamagedError, MonosemaError, UsageError
from monosema.sae import L1, SAE, Gated, TopK, config_of, digest_of, recognise
from sae.foreign import HOOK, D, F, K, gated, positions, save_saelens, slow, weights


def agree(sae: SAE, expected: tuple[np.ndarray, np.ndarray], x: torch.Tensor) -> None:
    """Compare at the unit of the file and at another."""
    for one in (sae, sae.with_unit(0.21)):
        acts = one.encode(x)
        added = acts.dense().double() / one.unit
        assert torch.equal(added > 0, torch.from_numpy(expected[0] > 0))
        torch.testing.assert_close(added.float(), torch.from_numpy(expected[0]).float())
        torch.testing.assert_close(one.decode(acts), torch.from_numpy(expected[1]).float())


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(
    ("architecture", "config"),
    [
        ("standard", {}),
        ("jumprelu", {}),
        ("gated", {}),
        ("topk", {"k": K}),
        ("topk", {"k": K, "rescale_acts_by_decoder_norm": True}),
    ],
)
def test_an_sae_encodes_and_decodes_as_it_does_there(
    tmp_path: Path, architecture: str, config: dict[str, Any], centred: bool
) -> None:
    by_norm = "rescale_acts_by_decoder_norm" in config
    tensors = weights(threshold=architecture == "jumprelu", unit=architecture == "topk" and not by_norm)
    tensors = gated(tensors) if architecture == "gated" else tensors
    folder = save_saelens(tmp_path, tensors, architecture, apply_b_dec_to_input=centred, **config)
    sae = SAE.load(folder, format="saelens")
    x = positions()
    expected = slow(x, tensors, architecture, centred=centred, by_norm=by_norm)
    assert 0 < (expected[0] > 0).mean() < 0.6
    agree(sae, expected, x)
    kinds = {"topk": TopK(k=K, aux_k=0), "gated": Gated(l1_coefficient=0.0)}
    assert sae.config.kind == kinds.get(architecture, L1(l1_coefficient=0.0))
    assert (sae.input, sae.output, sae.config.model) == (HOOK, HOOK, "tiny")


def test_it_is_the_same_once_it_is_saved_in_our_format(tmp_path: Path) -> None:
    tensors, x = weights(threshold=True), positions()
    sae = SAE.load(save_saelens(tmp_path / "theirs", tensors, "jumprelu"), format="saelens")
    sae.with_unit(3.0).save(tmp_path / "ours")
    agree(SAE.load(tmp_path / "ours"), slow(x, tensors, "jumprelu"), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_types_are_read_as_what_they_hold(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors, x = {name: one.to(dtype) for name, one in weights(threshold=True).items()}, positions()
    folder = save_saelens(tmp_path, tensors, "jumprelu", dtype=str(dtype).removeprefix("torch."))
    agree(SAE.load(folder, format="saelens"), slow(x, tensors, "jumprelu"), x)


def test_what_only_reaches_its_threshold_is_silent(tmp_path: Path) -> None:
    eye = torch.eye(4)
    tensors = {"W_enc": eye, "W_dec": 3 * eye, "b_enc": torch.zeros(4), "b_dec": torch.zeros(4)}
    folder = save_saelens(tmp_path, tensors | {"threshold": torch.tensor([1.0, 1.0, -2.0, 0.0])}, "jumprelu")
    acts = SAE.load(folder, format="saelens").encode(torch.tensor([[1.0, 1.5, -1.0, 0.0]]))
    assert acts.dense().tolist() == [[0.0, 4.5, 0.0, 0.0]]


def test_thresholds_of_older_checkpoints_are_logarithms(tmp_path: Path) -> None:
    tensors, x = weights(threshold=True), positions()
    expected = slow(x, tensors, "jumprelu")
    tensors["log_threshold"] = tensors.pop("threshold").double().log()
    agree(SAE.load(save_saelens(tmp_path, tensors, "jumprelu"), format="saelens"), expected, x)


def test_a_topk_whose_decoder_rows_differ_is_refused_with_their_norms(tmp_path: Path) -> None:
    folder = save_saelens(tmp_path, weights(), "topk", k=K)
    with pytest.raises(
        UsageError, match=r"norms from \d\.\d+ to \d\.\d+, and this TopK ranks features without"
    ):
        SAE.load(folder, format="saelens")


def test_a_scale_that_is_not_folded_is_folded_where_it_is_known_and_else_refused(tmp_path: Path) -> None:
    tensors, x = weights(threshold=True), positions()
    folder = save_saelens(tmp_path, tensors, "jumprelu", normalize_activations="expected_average_only_in")
    with pytest.raises(UsageError, match=r"the scale is not in the weights, and activation_scaler\.json"):
        SAE.load(folder, format="saelens")
    (folder / "activation_scaler.json").write_text('{"scaling_factor": 0.37, "has_whitening": false}')
    agree(SAE.load(folder, format="saelens"), slow(x, tensors, "jumprelu", scale=0.37), x)
    (folder / "activation_scaler.json").write_text('{"scaling_factor": null, "has_whitening": false}')
    with pytest.raises(UsageError, match="scaling_factor is None; expected a number above 0"):
        SAE.load(folder, format="saelens")


@pytest.mark.parametrize(
    ("flat", "architecture"),
    [
        ({}, "standard"),
        ({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}}, "topk"),
        ({"architecture": "jumprelu", "activation_fn_str": "relu"}, "jumprelu"),
    ],
)
def test_configurations_from_before_version_6_are_read(
    tmp_path: Path, flat: dict[str, Any], architecture: str
) -> None:
    tensors, x = weights(threshold=architecture == "jumprelu", unit=True), positions()
    folder = save_saelens(tmp_path, tensors | {"scaling_factor": torch.ones(F)}, architecture)
    old = {
        "d_in": D,
        "d_sae": F,
        "model_name": "gpt2-small",
        "hook_point": "blocks.7.hook_mlp_out",
        "hook_point_head_index": None,
        "normalize_activations": False,
        "l1_coefficient": 8e-5,
        "lr": 4e-4,
        "sae_lens_version": "3.11.0",
    }
    (folder / "cfg.json").write_text(json.dumps(old | flat))
    sae = SAE.load(folder, format="saelens")
    agree(sae, slow(x, tensors, architecture), x)
    assert (sae.input, sae.config.model) == ("blocks.7.hook_mlp_out", "gpt2-small")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("model.layers.12", "resid_post.12"),
        ("transformer.h.3", "resid_post.3"),
        ("model.layers.12.mlp", "model.layers.12.mlp"),  # which side of a norm it is depends on the model
        ("vision_tower.encoder.layers.2", "vision_tower.encoder.layers.2"),
    ],
)
def test_the_module_of_a_whole_block_is_the_stream_after_it(tmp_path: Path, name: str, ours: str) -> None:
    save_saelens(tmp_path, weights(), "standard", metadata={"hook_name": name})
    assert config_of(tmp_path).input == ours
    assert config_of(tmp_path, "resid_pre.1").input == "resid_pre.1"


def set_config(**changes: Any) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        config = json.loads((folder / "cfg.json").read_text())
        metadata = changes.get("metadata", {})
        merged = config["metadata"] | metadata if isinstance(metadata, dict) else metadata
        (folder / "cfg.json").write_text(json.dumps(config | changes | {"metadata": merged}))

    return apply


def set_tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "sae_weights.safetensors")
        change(tensors)
        save_file(tensors, folder / "sae_weights.safetensors")

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_config(architecture="abstopk"),
            r"cfg\.json: architecture is 'abstopk', which cannot be represented",
        ),
        (set_config(architecture="matching_pursuit"), r"architecture is 'matching_pursuit'"),
        (set_config(architecture="temporal"), r"architecture is 'temporal'"),
        (set_config(architecture="jumprelu_skip_transcoder", d_out=D), r"architecture is 'jumprelu_skip_tra"),
        (set_config(normalize_activations="layer_norm"), r"'layer_norm': each position is scaled"),
        (
            set_config(normalize_activations="constant_norm_rescale"),
            r"each position is scaled by its own norm",
        ),
        (set_config(normalize_activations="covariance_whitening"), r"the whitening was not folded"),
        (set_config(normalize_activations="median"), r"'median': it is not known what that does"),
        (set_config(reshape_activations="hook_q"), r"reshape_activations is 'hook_q'"),
        (set_config(apply_b_dec_to_inputs=True), r'unknown key "apply_b_dec_to_inputs" \(did you mean'),
        (set_config(metadata={"hook_head_index": 3}), r"hook_head_index is 3; only SAEs that read and write"),
        (
            set_config(metadata={"hook_name_out": "blocks.1.hook_mlp_out"}),
            r"hook_name_out is 'blocks\.1\.hook_m",
        ),
        (
            set_config(metadata={"model_from_pretrained_kwargs": {"center_writing_weights": True}}),
            r"model_from_pretrained_kwargs\.center_writing_weights is True",
        ),
        (set_config(metadata={"hook_name": None}), r"names no hook point; give it \(hook"),
        (
            set_config(metadata={"sae_lens_version": "5.0.0"}, activation_fn_str="tanh-relu"),
            r"activation_fn is 'tanh-relu'",
        ),
        (set_tensors(lambda t: t.update(scaling_factor=torch.rand(F))), r"scaling_factor is not 1"),
    ],
)
def test_what_has_no_exact_form_here_is_refused_by_name(
    tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    change(save_saelens(tmp_path, weights(), "standard"))
    with pytest.raises(UsageError, match=message) as caught:
        SAE.load(tmp_path, format="saelens")
    assert "\n" not in str(caught.value)


def truncate(folder: Path) -> None:
    file = folder / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-5])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, r"sae_weights\.safetensors is no whole safetensors file"),
        (lambda f: (f / "sae_weights.safetensors").unlink(), r"sae_weights\.safetensors is no whole"),
        (lambda f: (f / "cfg.json").unlink(), r"cfg\.json is no readable JSON"),
        (lambda f: (f / "cfg.json").write_text("{"), r"cfg\.json is no readable JSON"),
        (lambda f: (f / "cfg.json").write_text(" " * (1 << 24) + "{}"), r"cfg\.json has \d+ bytes"),
        (set_config(d_sae=0), r"d_sae is 0; expected a whole number"),
        (set_config(d_in=10**12), r"W_enc has shape \(12, 40\); expected \(1000000000000, 40\)"),
        (set_config(metadata=[]), r"metadata is \[\]"),
        (set_config(metadata={"model_from_pretrained_kwargs": "x"}), r"model_from_pretrained_kwargs is 'x'"),
        (set_config(apply_b_dec_to_input="yes"), r"apply_b_dec_to_input is 'yes'; expected true or false"),
        (set_config(architecture="topk"), r"k is None; expected a whole number"),
        (set_config(architecture="topk", k=99), r"k is 99; expected 1 to 40"),
        (set_config(architecture="jumprelu"), r"tensor threshold is missing"),
        (set_config(architecture="gated"), r'unknown tensor "b_enc"'),
        (set_tensors(lambda t: t.update(W_skip=torch.ones(D, D))), r'unknown tensor "W_skip"'),
        (set_tensors(lambda t: t.update(threshold=torch.ones(F))), r'unknown tensor "threshold"'),
        (set_tensors(lambda t: t.update(W_dec=t["W_dec"].T.contiguous())), r"W_dec has shape \(12, 40\)"),
        (set_tensors(lambda t: t["b_enc"].fill_(torch.inf)), r"b_enc holds NaN or infinite"),
        (set_tensors(lambda t: t.update(b_dec=t["b_dec"].int())), r"b_dec has type torch.int32"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    save_saelens(tmp_path, weights(), "standard")
    damage(tmp_path)
    with pytest.raises(DamagedError, match=message) as caught:
        SAE.load(tmp_path, format="saelens")
    assert "\n" not in str(caught.value)


def test_a_format_is_told_by_its_files_and_its_identity_by_those_that_matter(tmp_path: Path) -> None:
    folder = save_saelens(tmp_path / "sae", weights(), "standard")
    assert recognise(folder) == recognise(folder / "cfg.json") == ("saelens", folder)
    before = digest_of(folder)
    save_file({"sparsity": torch.zeros(F)}, folder / "sparsity.safetensors")
    assert digest_of(folder) == before
    set_config(apply_b_dec_to_input=False)(folder)
    assert digest_of(folder) != before
    for path, message in (
        (tmp_path / "none", "does not exist"),
        (tmp_path, r"no SAE of a format that is read"),
    ):
        with pytest.raises(UsageError, match=message):
            recognise(path)


def test_a_format_that_is_only_read_is_not_written(tmp_path: Path) -> None:
    sae = SAE.load(save_saelens(tmp_path / "a", weights(), "standard"), format="saelens")
    with pytest.raises(MonosemaError, match=r'"gemma_scope" is only read here'):
        sae.save(tmp_path / "b", format="gemma_scope")
