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

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from monosema.errors import DamagedError, UsageError
from monosema.sae.config import BESIDE, SAEConfig, SAEParts
from monosema.sae.formats.saelens_config import CONFIG, SCALER, Settings, read_settings
from monosema.sae.formats.weights import check_shapes, foreign_shapes, make_parts
from monosema.sae.kinds import L1, Gated, Kind, TopK

TENSORS = "sae_weights.safetensors"
FILES = (TENSORS, CONFIG, SCALER)
NORM_SPREAD = 1e-3
"""How far norms of decoder rows may lie apart, as a share of their mean, for one norm: the rounding of bfloat16."""


def config(folder: Path, hook: str | None) -> SAEConfig:
    """What cfg.json says, without the tensors; `hook` comes before the hook point that it names."""
    return _config(read_settings(folder), folder, hook)


def read(folder: Path, hook: str | None) -> SAEParts:
    """Read the SAE in `folder`; errors as those of `Format`."""
    settings = read_settings(folder)
    made = _config(settings, folder, hook)
    file = folder / TENSORS
    tensors = _tensors(file, settings)
    if settings.architecture == "topk" and not settings.by_norm:
        _check_norms(tensors["W_dec"], file)
    return make_parts(made, tensors, file, centred=settings.centred, scale=settings.scale)


def _config(settings: Settings, folder: Path, hook: str | None) -> SAEConfig:
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


def _tensors(file: Path, settings: Settings) -> dict[str, Tensor]:
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
