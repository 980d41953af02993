"""What is written for SAELens gives there, by its own formulas, what it gives here."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from monosema.errors import RefusedError, UsageError
from monosema.sae import (
    L1,
    SAE,
    BatchTopK,
    Gated,
    JumpReLU,
    MatryoshkaBatchTopK,
    MatryoshkaTopK,
    SAEConfig,
    TanhJumpReLU,
    TopK,
)
from sae.foreign import D, F, K, positions, slow, weights

HOOKS = {
    "resid_post.3": ("blocks.3.hook_resid_post", "none"),
    "z.0": ("blocks.0.attn.hook_z", "hook_z"),
    "mlp_act.11": ("blocks.11.mlp.hook_post", "none"),
}


def made(kind: Any, *, threshold: bool = False, hook: str = "resid_post.3", **more: Any) -> SAE:
    tensors = weights(threshold=threshold, unit=isinstance(kind, TopK))
    config = SAEConfig(kind=kind, d_model=D, d_sae=F, input=hook, output=hook, model="tiny", model_hash="abc")
    return SAE(
        config=config,
        encoder=tensors.pop("W_enc").T.contiguous(),
        **{"scale": 0.3, "massive": 90.0, **tensors, **more},
    )


SAES = {
    "topk": made(TopK(k=K)),
    "topk whose rows differ": replace(made(TopK(k=K)), W_dec=weights(seed=4)["W_dec"]),
    "l1": made(L1()),
    "l1 with thresholds": made(L1(), threshold=True),
    "batchtopk": made(BatchTopK(k=K), threshold=True),
    "matryoshka": made(MatryoshkaBatchTopK(k=K), threshold=True),
    "matryoshka topk": made(MatryoshkaTopK(k=K)),
    "jumprelu": made(JumpReLU(), threshold=True),
    "tanh": made(TanhJumpReLU(), threshold=True),
    "gated": made(Gated(), threshold=True),
    "l1 with b_dec far off": made(L1(), b_dec=torch.full((D,), 7.0)),
    "folded (F1)": made(L1(), threshold=True).fold_scale("F1"),
    "folded (F2)": made(TopK(k=K)).fold_scale("F2"),
    "a feature without a direction": made(L1(), W_dec=weights()["W_dec"].index_fill(0, torch.tensor([3]), 0)),
}


@pytest.mark.parametrize("name", SAES)
def test_their_formulas_give_our_activations_and_reconstructions(tmp_path: Path, name: str) -> None:
    sae, x = SAES[name], positions()
    sae.save(tmp_path, format="saelens")
    config, tensors = (
        json.loads((tmp_path / "cfg.json").read_text()),
        load_file(tmp_path / "sae_weights.safetensors"),
    )
    architecture, centred = config["architecture"], config["apply_b_dec_to_input"]
    added, x_hat = slow(x, tensors, architecture, centred=centred)
    norms = tensors["W_dec"].double().norm(dim=1)
    acts = sae.encode(x)
    torch.testing.assert_close(
        (torch.from_numpy(added) / norms).nan_to_num().float(), acts.dense(), rtol=1e-5, atol=1e-5
    )
    silent = (norms == 0).nonzero().flatten()  # what these do not add is not seen above
    assert (tensors["W_enc"][:, silent] == 0).all()
    assert (tensors["b_enc"][silent] == 0).all()
    assert acts.nnz > 0
    torch.testing.assert_close(torch.from_numpy(x_hat).float(), sae.decode(acts), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("name", SAES)
def test_we_read_what_we_write(tmp_path: Path, name: str) -> None:
    sae, x = SAES[name], positions()
    sae.save(tmp_path, format="saelens")
    again = SAE.load(tmp_path, format="saelens").with_unit(sae.unit)
    torch.testing.assert_close(again.encode(x).dense(), sae.encode(x).dense(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(again.reconstruct(x), sae.reconstruct(x), rtol=1e-5, atol=2e-5)
    assert (again.config.d_sae, again.config.model) == (F, "tiny")


@pytest.mark.parametrize("hook", HOOKS)
def test_the_configuration_says_where_it_belongs_and_what_their_format_has_no_place_for(
    tmp_path: Path, hook: str
) -> None:
    made(L1(), hook=hook).save(tmp_path, format="saelens")
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert (config["metadata"]["hook_name"], config["reshape_activations"]) == HOOKS[hook]
    assert config["metadata"]["monosema"] == {
        "scale": 0.3,
        "massive": 90.0,
        "excluded": ["padding", "bos", "special", "massive"],
        "model_hash": "abc",
        "hook": hook,
    }
    made(L1(), massive=math.inf).save(tmp_path / "no rule", format="saelens")
    assert (
        json.loads((tmp_path / "no rule" / "cfg.json").read_text())["metadata"]["monosema"]["massive"] is None
    )


def test_what_has_no_exact_form_there_is_refused_and_nothing_is_overwritten(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TopK has no thresholds"):
        made(TopK(k=K), threshold=True).save(tmp_path / "a", format="saelens")
    with pytest.raises(UsageError, match="batchtopk SAE has no thresholds yet"):
        made(BatchTopK(k=K)).save(tmp_path / "a", format="saelens")
    with pytest.raises(UsageError, match=r"has none for mlp_in\.2"):
        made(L1(), hook="mlp_in.2").save(tmp_path / "a", format="saelens")
    assert not (tmp_path / "a").exists()
    made(L1()).save(tmp_path / "b", format="saelens")
    with pytest.raises(RefusedError, match=r"cfg.json exists and is left as it is"):
        made(L1()).save(tmp_path / "b", format="saelens")


def transcoder(kind: Any, *, threshold: bool = True) -> SAE:
    tensors = weights(threshold=threshold)
    config = SAEConfig(
        kind=kind, d_model=D, d_sae=F, input="mlp_in.2", output="mlp_out.2", model="tiny", model_hash=""
    )
    encoder = tensors.pop("W_enc").T.contiguous()
    return SAE(config=config, encoder=encoder, scale=0.3, balance=(2.5, 1.0), **tensors)


@pytest.mark.parametrize("threshold", [False, True])
def test_a_transcoder_is_written_and_read_back(tmp_path: Path, threshold: bool) -> None:
    sae = transcoder(L1(), threshold=threshold)
    sae.save(tmp_path, format="saelens")
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == ("jumprelu_transcoder" if threshold else "transcoder")
    assert (config["d_in"], config["d_out"], config["apply_b_dec_to_input"]) == (D, D, False)
    assert config["metadata"]["hook_name"] == "mlp_in.2"
    assert config["metadata"]["hook_name_out"] == "blocks.2.hook_mlp_out"
    tensors = {name: one.double() for name, one in load_file(tmp_path / "sae_weights.safetensors").items()}
    rows = torch.cat([positions(), torch.randn(len(positions()), D)], dim=1)
    h = rows[:, :D].double() @ tensors["W_enc"] + tensors["b_enc"]
    f = torch.where(h > tensors.get("threshold", torch.zeros(F).double()), h.clamp(min=0), 0)
    y = f @ tensors["W_dec"] + tensors["b_dec"]
    assert float((sae.reconstruct(rows) - y).abs().max() / y.abs().max()) < 1e-6
    back = SAE.load(tmp_path, format="saelens")
    assert (back.input, back.output) == ("mlp_in.2", "blocks.2.hook_mlp_out")
    torch.testing.assert_close(back.reconstruct(rows), sae.reconstruct(rows), rtol=1e-4, atol=1e-5)
    elsewhere = SAE.load(tmp_path, format="saelens", hook="mlp_in.4+mlp_out.4")
    assert elsewhere.place == "mlp_in.4+mlp_out.4"


def test_what_saelens_has_no_place_for_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no TopK transcoders"):
        transcoder(TopK(k=K), threshold=False).save(tmp_path, format="saelens")
    both = "resid_post.0+resid_post.1"
    config = replace(made(L1()).config, input=both, output=both)
    with pytest.raises(UsageError, match="no crosscoders"):
        replace(made(L1()), config=config, balance=(1.0, 2.0)).save(tmp_path, format="saelens")
    assert not list(tmp_path.iterdir())
