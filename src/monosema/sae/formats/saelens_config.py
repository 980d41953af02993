"""What SAELens's `cfg.json` says of an SAE (its versions 2 to 6); what cannot be represented exactly is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monosema.errors import DamagedError, UsageError, nearest
from monosema.files import read_json

CONFIG = "cfg.json"
SCALER = "activation_scaler.json"

TRANSCODERS = {"transcoder": "standard", "jumprelu_transcoder": "jumprelu"}
"""Architectures that write elsewhere than they read, and what they are otherwise."""
ARCHITECTURES = ("standard", "topk", "jumprelu", "gated", *TRANSCODERS)
_MOST_BYTES = 1 << 24  # of a JSON file
_INFERENCE = (
    *("d_in", "d_sae", "d_out", "dtype", "device", "architecture", "metadata", "k"),
    *("apply_b_dec_to_input", "normalize_activations", "reshape_activations", "rescale_acts_by_decoder_norm"),
)
_TRAINING = (  # of its checkpoints: they change nothing once it is trained
    *("decoder_init_norm", "lp_norm", "l1_coefficient", "l1_warm_up_steps"),
    *("l0_coefficient", "l0_warm_up_steps", "target_l0", "pre_act_loss_coefficient"),
    *("jumprelu_init_threshold", "jumprelu_bandwidth", "jumprelu_sparsity_loss_mode"),
    *("jumprelu_tanh_scale", "jumprelu_ste_to_input", "use_sparse_activations", "aux_loss_coefficient"),
)
_RENAMED = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
_UNFOLDED = {
    "layer_norm": "each position is scaled by its own deviation, which no weights express",
    "constant_norm_rescale": "each position is scaled by its own norm, which no weights express",
    "covariance_whitening": "the whitening was not folded; save the SAE with SAELens's inference format",
}
_PROCESSING = ("center_writing_weights", "fold_value_biases")
_BLOCK = re.compile(  # the module of a whole block
    r"(?:(?:model|base_model|language_model|transformer|gpt_neox|decoder)\.)*(?:layers|h)\.(\d+)"
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What bears on inference, from a configuration of any version."""

    architecture: str
    d_in: int
    d_sae: int
    k: int | None
    by_norm: bool
    """Whether TopK ranks by h·‖d‖."""
    centred: bool
    """Whether b_dec is subtracted before the encoder."""
    scale: float
    hook: str | None
    output: str | None
    """Where a transcoder writes."""
    transcodes: bool
    model: str


def read_settings(folder: Path) -> Settings:
    """Read `cfg.json` in a folder.

    Raises `UsageError` for what cannot be represented exactly, and `DamagedError` for a file that is damaged.
    """
    path = folder / CONFIG
    raw = _json(path)
    metadata = raw.get("metadata", {})
    if not isinstance(metadata, dict):
        raise DamagedError(f"{path}: metadata is {metadata!r}; expected an object")
    version = raw.get("sae_lens_version") or metadata.get("sae_lens_version")
    if _is_flat(version):
        raw = metadata = _unflattened(raw, path)
    elif unknown := [key for key in raw if key not in (*_INFERENCE, *_TRAINING)]:
        raise UsageError(
            f'{path}: unknown key "{unknown[0]}"{nearest(unknown[0], _INFERENCE)}; it is not known what it changes, '
            "so the SAE is not read"
        )
    architecture = raw.get("architecture")
    if architecture not in ARCHITECTURES:
        raise UsageError(
            f"{path}: architecture is {architecture!r}, which cannot be represented exactly; "
            f"read are {', '.join(ARCHITECTURES)} (BatchTopK and Matryoshka SAEs are saved as jumprelu)"
        )
    transcodes = architecture in TRANSCODERS
    _check_place(raw, metadata, path, transcodes=transcodes)
    hook, output = metadata.get("hook_name"), metadata.get("hook_name_out")
    return Settings(
        architecture=TRANSCODERS.get(architecture, architecture),
        d_in=_whole(raw, "d_in", path),
        d_sae=_whole(raw, "d_sae", path),
        k=_whole(raw, "k", path) if architecture == "topk" else None,
        by_norm=_flag(raw, "rescale_acts_by_decoder_norm", path, default=False),
        centred=_flag(raw, "apply_b_dec_to_input", path, default=True),
        scale=_scale(str(raw.get("normalize_activations") or "none"), folder),
        hook=None if hook is None else _own_name(str(hook)),
        output=None if output is None or not transcodes else _own_name(str(output)),
        transcodes=transcodes,
        model=str(metadata.get("model_name") or ""),
    )


def _is_flat(version: object) -> bool:
    """Whether a configuration is of a version before 6, in which all keys stand side by side."""
    major = str(version or "").partition(".")[0]
    return not major.isdigit() or int(major) < 6


def _unflattened(raw: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A configuration of before version 6 under the names of today. Settings of its training stand in it too."""
    found = {"architecture": "standard"} | {_RENAMED.get(key, key): value for key, value in raw.items()}
    activation = found.get("activation_fn", "relu")
    if activation == "topk":
        given = found.get("activation_fn_kwargs")
        found["architecture"] = "topk"
        found["k"] = given.get("k") if isinstance(given, dict) else found.get("k")
    elif activation != "relu":
        raise UsageError(
            f"{path}: activation_fn is {activation!r}, which cannot be represented; read are relu and topk"
        )
    if isinstance(found.get("normalize_activations"), bool):
        found["normalize_activations"] = (
            "expected_average_only_in" if found["normalize_activations"] else "none"
        )
    return found


def _check_place(
    raw: Mapping[str, Any], metadata: Mapping[str, Any], path: Path, *, transcodes: bool
) -> None:
    """Refuse what says that other activations are read or written than those of one whole hook point, or two."""
    hook = metadata.get("hook_name")
    for key, expected in (
        ("d_out", raw.get("d_in")),
        ("hook_name_out", metadata.get("hook_name_out") if transcodes else hook),
        ("hook_head_index", None),
        ("hook_head_index_out", None),
    ):
        value = metadata.get(key, raw.get(key))
        if value is not None and value != expected:
            raise UsageError(
                f"{path}: {key} is {value!r}; only SAEs that read and write one hook point as a whole are read"
            )
    reshape = raw.get("reshape_activations", "none")
    if reshape not in ("none", "hook_z"):
        raise UsageError(f"{path}: reshape_activations is {reshape!r}; read are none and hook_z")
    options = metadata.get("model_from_pretrained_kwargs") or {}
    if not isinstance(options, dict):
        raise DamagedError(f"{path}: model_from_pretrained_kwargs is {options!r}; expected an object")
    for key in _PROCESSING:
        if options.get(key):
            raise UsageError(
                f"{path}: model_from_pretrained_kwargs.{key} is {options[key]!r}: it reads activations of a model "
                "that TransformerLens changed, which are not those of the model itself"
            )


def _scale(normalise: str, folder: Path) -> float:
    """The s on activations that is not folded yet; raise `UsageError` where it is no one number."""
    path = folder / CONFIG
    if normalise == "none":
        return 1.0
    if normalise != "expected_average_only_in":
        why = _UNFOLDED.get(normalise, "it is not known what that does")
        raise UsageError(f"{path}: normalize_activations is {normalise!r}: {why}")
    if not (folder / SCALER).is_file():
        raise UsageError(
            f"{path}: normalize_activations is expected_average_only_in, so the scale is not in the weights, and "
            f"{SCALER} with it is absent; fold it with SAELens (fold_activation_norm_scaling_factor) and save again"
        )
    raw = _json(folder / SCALER)
    scale: Any = raw.get("scaling_factor")
    number = isinstance(scale, int | float) and not isinstance(scale, bool)
    if raw.get("has_whitening") or not (number and math.isfinite(scale) and scale > 0):
        raise UsageError(f"{folder / SCALER}: scaling_factor is {scale!r}; expected a number above 0 alone")
    return float(scale)


def _own_name(hook: str) -> str:
    """Our name for the module of a whole block (`model.layers.5`); TransformerLens's names are known elsewhere."""
    block = _BLOCK.fullmatch(hook)
    return f"resid_post.{block[1]}" if block else hook


def _json(path: Path) -> dict[str, Any]:
    if path.is_file() and path.stat().st_size > _MOST_BYTES:
        raise DamagedError(f"{path} has {path.stat().st_size} bytes; expected at most {_MOST_BYTES}")
    return read_json(path)


def _whole(raw: Mapping[str, Any], key: str, path: Path) -> int:
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DamagedError(f"{path}: {key} is {value!r}; expected a whole number of 1 or more")
    return value


def _flag(raw: Mapping[str, Any], key: str, path: Path, *, default: bool) -> bool:
    value = raw.get(key, default)
    if not isinstance(value, bool):
        raise DamagedError(f"{path}: {key} is {value!r}; expected true or false")
    return value
