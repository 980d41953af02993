"""SAELens's folder: `cfg.json` says what the SAE is, `sae_weights.safetensors` holds its tensors (its versions 2 to 6).

    standard    f = max(h, 0)
    jumprelu    f = max(h, 0) where h > threshold; BatchTopK and Matryoshka SAEs are saved as this
    topk        the k largest h of a position, of these max(h, 0)
    gated       max(m, 0) where h > 0, with h of b_gate and m = e^r_mag (h - b_gate) + b_mag
    transcoder, jumprelu_transcoder    as standard and jumprelu; hook_name_out is written

h is as in `weights`, c `apply_b_dec_to_input`. The first two are our kind l1 (without a penalty: nothing tells what
they were trained with), jumprelu with its thresholds. Gated is kept as our kind is: by m alone, h > 0 being
m > b_mag - e^r_mag b_gate. Our TopK ranks by a = f·‖d‖: that is theirs with
`rescale_acts_by_decoder_norm`, or where all rows of W_dec have one norm; others are refused. So is whatever else
cannot be represented exactly. Their training checkpoints are read too, the scale of `activation_scaler.json` folded.

Source: sae-lens 6.54.12, `saes/sae.py` and `loading/pretrained_sae_loaders.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from monosema.errors import DamagedError, UsageError, nearest
from monosema.files import read_json
from monosema.sae.config import BESIDE, SAEConfig, SAEParts
from monosema.sae.formats.weights import check_shapes, foreign_shapes, make_parts
from monosema.sae.kinds import L1, Gated, Kind, TopK

CONFIG = "cfg.json"
TENSORS = "sae_weights.safetensors"
SCALER = "activation_scaler.json"

TRANSCODERS = {"transcoder": "standard", "jumprelu_transcoder": "jumprelu"}
"""Architectures that write elsewhere than they read, and what they are otherwise."""
ARCHITECTURES = ("standard", "topk", "jumprelu", "gated", *TRANSCODERS)
NORM_SPREAD = 1e-3
"""How far norms of decoder rows may lie apart, as a share of their mean, for one norm: the rounding of bfloat16."""
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
class _Settings:
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


def config(folder: Path, hook: str | None) -> SAEConfig:
    """What cfg.json says, without the tensors; `hook` comes before the hook point that it names."""
    return _config(_settings(folder), folder, hook)


def read(folder: Path, hook: str | None) -> SAEParts:
    """Read the SAE in `folder`; errors as those of `Format`."""
    settings = _settings(folder)
    made = _config(settings, folder, hook)
    file = folder / TENSORS
    tensors = _tensors(file, settings)
    if settings.architecture == "topk" and not settings.by_norm:
        _check_norms(tensors["W_dec"], file)
    return make_parts(made, tensors, file, centred=settings.centred, scale=settings.scale)


def _config(settings: _Settings, folder: Path, hook: str | None) -> SAEConfig:
    if settings.transcodes and hook is not None:  # both, as `SAEConfig.place` names them
        hook, _, output = hook.partition(BESIDE)
    else:
        hook, output = hook or settings.hook, settings.output or ""
    if hook is None:
        raise UsageError(f"{folder / CONFIG} names no hook point; give it (hook, such as resid_post.12)")
    if settings.transcodes and not output:
        raise UsageError(
            f"{folder / CONFIG} is of a transcoder and names no hook point that it writes; give output"
        )
    kind: Kind = L1(l1_coefficient=0.0) if settings.k is None else TopK(k=settings.k, aux_k=0)
    if settings.architecture == "gated":
        kind = Gated(l1_coefficient=0.0)
    try:
        return SAEConfig(
            kind=kind,
            d_model=settings.d_in,
            d_sae=settings.d_sae,
            input=hook,
            output=output if settings.transcodes else hook,
            model=settings.model,
            model_hash="",
        )
    except UsageError as error:
        raise DamagedError(f"{folder / CONFIG}: {error}") from None


def _settings(folder: Path) -> _Settings:
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
    return _Settings(
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


def _tensors(file: Path, settings: _Settings) -> dict[str, Tensor]:
    expected = foreign_shapes(settings.d_in, settings.d_sae)
    try:
        with safe_open(file, framework="pt") as opened:
            seen = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
            if settings.architecture == "gated":
                del expected["b_enc"]
                expected |= dict.fromkeys(("b_gate", "b_mag", "r_mag"), (settings.d_sae,))
            if settings.architecture == "jumprelu":
                expected["log_threshold" if "log_threshold" in seen else "threshold"] = (settings.d_sae,)
            if "scaling_factor" in seen:
                expected["scaling_factor"] = (settings.d_sae,)
            check_shapes(seen, expected, file)
            tensors: dict[str, Tensor] = {name: opened.get_tensor(name) for name in expected}
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{file} is no whole safetensors file ({error}); get it again") from None
    if settings.architecture == "gated":
        tensors = _ungated(tensors)
    if "log_threshold" in tensors:  # of checkpoints before August 2026
        tensors["threshold"] = tensors.pop("log_threshold").double().exp()
    if not (tensors.pop("scaling_factor", torch.ones(1)) == 1).all():
        raise UsageError(f"{file}: scaling_factor is not 1 for every feature; only SAEs without it are read")
    return tensors


def _ungated(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Encoder, bias and thresholds of the strengths."""
    gain, b_gate, b_mag = (tensors.pop(name).double() for name in ("r_mag", "b_gate", "b_mag"))
    gain = gain.exp()
    opens = (b_mag - gain * b_gate).clamp(min=0)
    return tensors | {"W_enc": tensors["W_enc"].double() * gain, "b_enc": b_mag, "threshold": opens}


def _check_norms(W_dec: Tensor, file: Path) -> None:
    norms = torch.linalg.vector_norm(W_dec.float(), dim=1)
    low, high = float(norms.min()), float(norms.max())
    if not high - low <= NORM_SPREAD * float(norms.mean()):
        raise UsageError(
            f"{file}: rows of W_dec have norms from {low:.4g} to {high:.4g}, and this TopK ranks features without "
            "them, which cannot be represented here; expected one norm, or rescale_acts_by_decoder_norm"
        )


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
