"""SAEs as other tools write them, made by hand, and their own formulas in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

D, F, K = 12, 40, 5
HOOK = "blocks.1.hook_resid_post"


def weights(*, threshold: bool = False, unit: bool = False, seed: int = 0) -> dict[str, Tensor]:
    """Random weights in the orientation of SAELens and Gemma Scope."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    found = {"W_enc": drawn(D, F) / 3, "W_dec": drawn(F, D), "b_enc": drawn(F), "b_dec": drawn(D)}
    if unit:
        found["W_dec"] /= found["W_dec"].norm(dim=1, keepdim=True)
    return found | ({"threshold": drawn(F).abs()} if threshold else {})


def gated(weights: dict[str, Tensor], seed: int = 7) -> dict[str, Tensor]:
    """The same with the three vectors of a gated SAE in place of b_enc."""
    generator = torch.Generator().manual_seed(seed)
    gate, strength, gain = (torch.randn(F, generator=generator) for _ in range(3))
    rest = {name: tensor for name, tensor in weights.items() if name != "b_enc"}
    return rest | {"b_gate": gate, "b_mag": strength, "r_mag": gain / 2}


def positions(seed: int = 1) -> Tensor:
    return 2 * torch.randn(50, D, generator=torch.Generator().manual_seed(seed)) + 1


def save_saelens(
    folder: Path, tensors: dict[str, Tensor], architecture: str, *, metadata: Any = None, **config: Any
) -> Path:
    """A folder as SAELens 6 saves it."""
    d, f = tensors["W_enc"].shape
    text = {
        "d_in": d,
        "d_sae": f,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.54.12", "model_name": "tiny", "hook_name": HOOK}
        | (metadata or {}),
        "architecture": architecture,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(text | config))
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "sae_weights.safetensors"
    )
    return folder


def save_gemma_scope(folder: Path, tensors: dict[str, Tensor], *, lower: bool = False) -> Path:
    """A folder of Gemma Scope 1."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name.lower() if lower else name: tensor.numpy() for name, tensor in tensors.items()}
    np.savez(folder / "params.npz", **arrays)
    return folder


def slow(
    x: Tensor,
    tensors: dict[str, Tensor],
    architecture: str,
    *,
    centred: bool = True,
    scale: float = 1.0,
    by_norm: bool = False,
    k: int = K,
) -> tuple[np.ndarray, np.ndarray]:
    """What each feature adds to x̂, as a norm [n, f] (so in units that no folding changes), and x̂ [n, d]."""
    t = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    norms = np.linalg.norm(t["W_dec"], axis=1)
    read = (scale * x.double().numpy() - centred * t["b_dec"]) @ t["W_enc"]
    if architecture == "gated":
        strength = np.exp(t["r_mag"]) * read + t["b_mag"]
        f = np.maximum(strength, 0) * (read + t["b_gate"] > 0)
        return f * norms / scale, (f @ t["W_dec"] + t["b_dec"]) / scale
    h = read + t["b_enc"]
    f = np.maximum(h, 0)
    if architecture == "jumprelu":
        f = f * (h > t["threshold"])
    if architecture == "topk":
        gate = h * norms if by_norm else h
        f = np.where(gate >= np.sort(gate, axis=1)[:, [-k]], f, 0)
    return f * norms / scale, (f @ t["W_dec"] + t["b_dec"]) / scale
