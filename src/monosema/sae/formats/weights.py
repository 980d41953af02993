"""Weights as other tools hold them, turned into ours.

Theirs, in the notation of the literature, with c 0 or 1 and s the scale that they put on activations:

    h = (s·x - c·b_dec) @ W_enc + b_enc     f = max(h, 0), where there are thresholds only if h > threshold
    x̂ = (f @ W_dec + b_dec) / s

Ours reads raw x: the scale is folded (F1: W_enc·s, W_dec/s, b_dec/s); where the kind subtracts b_dec and they do not,
or the other way round, b_dec @ W_enc goes into b_enc; thresholds on f become thresholds on a = f·‖d‖.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import DamagedError, nearest
from monosema.sae.config import SAEConfig, SAEParts

_ROWS = 4096  # of the encoder that are held in float64 at once


def foreign_shapes(d_model: int, d_sae: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors that every foreign SAE read here has, by name."""
    return {"W_enc": (d_model, d_sae), "W_dec": (d_sae, d_model), "b_enc": (d_sae,), "b_dec": (d_model,)}


def check_shapes(
    seen: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], file: Path
) -> None:
    """Raise `DamagedError` for the first tensor that is unknown, missing or of another shape."""
    for name in seen:
        if name not in expected:
            raise DamagedError(
                f'{file}: unknown tensor "{name}"{nearest(name, expected)}; it is not known what it does, '
                f"so the SAE is not read; known: {', '.join(expected)}"
            )
    for name, shape in expected.items():
        if name not in seen:
            raise DamagedError(f"{file}: tensor {name} is missing; get the file again")
        if seen[name] != shape:
            raise DamagedError(f"{file}: {name} has shape {seen[name]}; expected {shape}")


def make_parts(
    config: SAEConfig, tensors: Mapping[str, Tensor], file: Path, *, centred: bool, scale: float = 1.0
) -> SAEParts:
    """An SAE on raw activations with the same f, support and x̂ as the foreign one.

    `tensors`: W_enc [d_model, d_sae], W_dec [d_sae, d_model], b_enc, b_dec, and threshold (on f) where there is one,
    of any float type; they may be overwritten. `centred`: c, `scale`: s. Raises `DamagedError` where a weight is not
    finite or a threshold is no number.
    """
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise DamagedError(f"{file}: {name} has type {tensor.dtype}; expected floating-point numbers")
        bad = tensor.isnan() if name == "threshold" else ~torch.isfinite(tensor)
        if bad.any():
            raise DamagedError(f"{file}: {name} holds NaN or infinite numbers; get the file again")
    encoder = tensors["W_enc"].float().T.contiguous().mul_(scale)  # [d_sae, d_model]
    W_dec = tensors["W_dec"].float().contiguous().div_(scale)
    b_dec = tensors["b_dec"].float() / scale
    b_enc = tensors["b_enc"].float()
    if centred != config.centred:
        shift = _along(encoder, b_dec)  # [d_sae], float64
        b_enc = (b_enc.double() + (-shift if centred else shift)).float()
    threshold = tensors.get("threshold")
    if threshold is not None:
        threshold = threshold.float() * torch.linalg.vector_norm(W_dec, dim=1)
    return SAEParts(
        config=config, encoder=encoder, W_dec=W_dec, b_enc=b_enc, b_dec=b_dec, threshold=threshold
    )


def _along(rows: Float[Tensor, "f d"], vector: Float[Tensor, " d"]) -> Float[Tensor, " f"]:
    """Each row's product with a vector, in float64."""
    return torch.cat([part.double() @ vector.double() for part in rows.split(_ROWS)])
