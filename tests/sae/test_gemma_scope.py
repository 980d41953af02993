"""Gemma Scope's params.npz: a, support and x̂ are those of its formula in float64; its folder tells the hook point."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monosema.errors import DamagedError, UsageError
from monosema.sae import L1, SAE, config_of, recognise
from sae.foreign import D, F, positions, save_gemma_scope, slow, weights

PLACE = "gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71"


@pytest.mark.parametrize("lower", [False, True])
def test_an_sae_encodes_and_decodes_as_it_does_there(tmp_path: Path, lower: bool) -> None:
    tensors, x = weights(threshold=True), positions()
    folder = save_gemma_scope(tmp_path / PLACE, tensors, lower=lower)
    assert recognise(folder) == recognise(folder / "params.npz") == ("gemma_scope", folder)
    sae = SAE.load(folder, format="gemma_scope")
    expected = slow(x, tensors, "jumprelu", centred=False)
    for one in (sae, sae.with_unit(0.21)):
        acts = one.encode(x)
        added = acts.dense().double() / one.unit
        assert torch.equal(added > 0, torch.from_numpy(expected[0] > 0))
        torch.testing.assert_close(added.float(), torch.from_numpy(expected[0]).float())
        torch.testing.assert_close(one.decode(acts), torch.from_numpy(expected[1]).float())
    assert (sae.config.kind, sae.d_model, sae.d_sae) == (L1(l1_coefficient=0.0), D, F)


@pytest.mark.parametrize(
    ("place", "hook"),
    [
        (PLACE, "resid_post.20"),
        ("models--google--gemma-scope-9b-pt-mlp/snapshots/0f/layer_3/width_16k/average_l0_7", "mlp_out.3"),
        ("gemma-scope-2b-pt-att-canonical/layer_0/width_65k/canonical", "z.0"),
    ],
)
def test_folders_tell_the_hook_point(tmp_path: Path, place: str, hook: str) -> None:
    folder = save_gemma_scope(tmp_path / place, weights(threshold=True))
    assert config_of(folder).input == hook
    assert config_of(folder, "resid_pre.1").input == "resid_pre.1"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("layer_20/width_16k", r"does not tell which hook point .*give it"),
        ("gemma-scope-2b-pt-res/width_16k", r"does not tell which hook point"),
        ("gemma-scope-2b-pt-transcoders/layer_3/width_16k", r"holds no SAE of a layer"),
        ("gemma-scope-2b-pt-res/embedding/width_4k", r"holds no SAE of a layer"),
    ],
)
def test_a_folder_that_does_not_tell_is_refused(tmp_path: Path, place: str, message: str) -> None:
    folder = save_gemma_scope(tmp_path / place, weights(threshold=True))
    with pytest.raises(UsageError, match=message):
        config_of(folder)
    if "layer_3" in place or "embedding" in place:  # told, yet something else
        with pytest.raises(UsageError, match=message):
            config_of(folder, "resid_post.3")


def test_packed_files_are_read_and_those_that_unpack_to_far_more_than_they_hold_are_not(
    tmp_path: Path,
) -> None:
    tensors = {name: one.numpy() for name, one in weights(threshold=True).items()}
    folder = tmp_path / PLACE
    folder.mkdir(parents=True)
    np.savez_compressed(folder / "params.npz", **tensors)
    assert torch.equal(SAE.load(folder, format="gemma_scope").W_dec, torch.from_numpy(tensors["W_dec"]))
    np.savez_compressed(folder / "params.npz", **tensors | {"W_dec": np.zeros((1 << 21, 1), np.float32)})
    with pytest.raises(DamagedError, match=r"W_dec claims shape \(2097152, 1\) \(8388736 bytes\)"):
        SAE.load(folder, format="gemma_scope")


def save(file: Path, **changes: Any) -> None:
    arrays = {name: one.numpy() for name, one in weights(threshold=True).items()} | changes
    np.savez(file, **{name: one for name, one in arrays.items() if one is not None})


def claim(file: Path) -> None:
    """Make the head of W_enc claim more numbers than stand in it."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["W_enc.npy"] = members["W_enc.npy"].replace(b"(12, 40)", b"(12, 99)")
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: f.write_bytes(f.read_bytes()[:-40]), r"params\.npz is no whole \.npz file"),
        (lambda f: f.write_bytes(b"PK\x03\x04" + bytes(100)), r"params\.npz is no whole \.npz file"),
        (lambda f: save(f, W_enc=None), r"W_enc has shape None; expected \(d_model, d_sae\)"),
        (lambda f: save(f, threshold=None), r"tensor threshold is missing"),
        (lambda f: save(f, W_skip=np.ones((D, D))), r'unknown tensor "W_skip"'),
        (lambda f: save(f, w_enc=np.ones((D, F))), r"tensor W_enc stands in it twice"),
        (lambda f: save(f, b_dec=np.ones(D + 1)), r"b_dec has shape \(13,\); expected \(12,\)"),
        (lambda f: save(f, b_dec=np.ones(D, np.int32)), r"b_dec has type int32"),
        (lambda f: save(f, b_dec=np.array([{}] * D)), r"b_dec has type object"),
        (lambda f: save(f, b_enc=np.full(F, np.nan)), r"b_enc holds NaN"),
        (lambda f: save(f, threshold=np.full(F, np.nan)), r"threshold holds NaN"),
        (claim, r"W_enc claims shape \(12, 99\)"),
    ],
)
def test_damage_is_named_and_no_object_is_unpickled(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    folder = save_gemma_scope(tmp_path / PLACE, weights(threshold=True))
    damage(folder / "params.npz")
    with pytest.raises(DamagedError, match=message) as caught:
        SAE.load(folder, format="gemma_scope")
    assert "\n" not in str(caught.value)
