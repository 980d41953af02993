"""Writes SAELens's folder (its version 6), for whoever goes on there.

Everything is folded, so that their SAE reads raw activations and tells our a: f·‖d‖ of each feature stands in the
encoder, decoder rows have the norm 1/s.

    topk, matryoshka_topk    topk: k; rows of one norm rank as ours do
    l1                       standard, with thresholds jumprelu (theirs are on a, too, once norms are folded)
    all others               jumprelu: once trained they are an encoder, biases and thresholds
    transcoders              transcoder, jumprelu_transcoder: the same two

A transcoder's scales at both hook points are folded.

What their format has no place for stands in its metadata, under `monosema`: the norm above which a position is massive
(we neither train on such nor steer them), what else was left out, the weights of the model by hash.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from monosema.errors import RefusedError, UsageError
from monosema.files import atomic_file, write_json
from monosema.sae.config import SAEParts
from monosema.sae.formats.saelens import TENSORS
from monosema.sae.formats.saelens_config import CONFIG, TRANSCODERS
from monosema.sae.kinds import TopK

VERSION = "6.0.0"
"""Of the layout: without it their loader takes a configuration for one of before version 6."""
HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_post": "hook_resid_post",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "mlp_act": "mlp.hook_post",
    "z": "attn.hook_z",
}
_HOOK = re.compile(r"([a-z_]+)\.(\d+)")


def write(parts: SAEParts, folder: Path) -> None:
    """Write the SAE; raise `RefusedError` where one lies there, `UsageError` where it has no exact form there."""
    for name in (CONFIG, TENSORS):
        if (folder / name).exists():
            raise RefusedError(f"{folder / name} exists and is left as it is; name another folder")
    settings, tensors = _settings(parts), _folded(parts)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / TENSORS) as temporary:
        save_file(tensors, temporary)
    write_json(folder / CONFIG, settings)


def _settings(parts: SAEParts) -> dict[str, Any]:
    config, kind = parts.config, parts.config.kind
    if config.blocks > 1:
        raise UsageError(f"it reads {config.input} side by side; SAELens has no crosscoders")
    if isinstance(kind, TopK):
        if config.transcodes:
            raise UsageError(
                "SAELens has no TopK transcoders; one of batchtopk, which has thresholds, can be written"
            )
        if parts.threshold is not None:
            raise UsageError(
                "SAELens's TopK has no thresholds; take them off first: sae.with_threshold(None)"
            )
        own = {"architecture": "topk", "k": kind.k, "rescale_acts_by_decoder_norm": False}
    else:
        if parts.threshold is None and kind.thresholds in ("trained", "by_l0"):
            raise UsageError(
                f"this {kind.name} SAE has no thresholds yet, without which it is dense; train it first"
            )
        own = {"architecture": "standard" if parts.threshold is None else "jumprelu"}
    if config.transcodes:
        plain = {architecture: transcoder for transcoder, architecture in TRANSCODERS.items()}
        own = {"architecture": plain[str(own["architecture"])], "d_out": config.d_model}
    hook = _hook_name(config.input, own=config.transcodes)
    about = {
        "scale": parts.folded.scale if parts.folded else parts.scale,
        "massive": parts.massive if math.isfinite(parts.massive) else None,
        "excluded": list(config.excluded),
        "model_hash": config.model_hash,
        "hook": config.input,
    }
    metadata = {"sae_lens_version": VERSION, "model_name": config.model, "hook_name": hook, "monosema": about}
    if config.transcodes:
        metadata["hook_name_out"] = _hook_name(config.output, own=True)
    return own | {
        "d_in": config.d_model,
        "d_sae": config.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": config.centred,
        "normalize_activations": "none",
        "reshape_activations": "hook_z" if hook.endswith("hook_z") else "none",
        "metadata": metadata,
    }


def _hook_name(hook: str, *, own: bool) -> str:
    """TransformerLens's name of a hook point; where it has none and `own` says so, ours."""
    match = _HOOK.fullmatch(hook)
    if match is None or match[1] not in HOOKS:
        if own:
            return hook
        raise UsageError(f"TransformerLens, whose names SAELens uses, has none for {hook}")
    return f"blocks.{match[2]}.{HOOKS[match[1]]}"


def _folded(parts: SAEParts) -> dict[str, Tensor]:
    """Their tensors; a of a feature is its pre-activation there."""
    unit = parts.folded.scale if parts.folded else 1.0
    reads, writes = (parts.scale * (parts.balance or (1.0,))[end] for end in (0, -1))
    norms = torch.linalg.vector_norm(parts.W_dec, dim=1) * unit  # [d_sae]
    some = torch.where(norms > 0, norms, 1.0)
    tensors = {
        "W_enc": (parts.encoder * (norms * reads)[:, None]).T,
        "W_dec": parts.W_dec / (some * writes)[:, None],
        "b_enc": parts.b_enc * norms,
        "b_dec": parts.b_dec / writes,
    }
    if parts.threshold is not None:
        tensors["threshold"] = parts.threshold
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
