"""Tokens that a feature promotes and suppresses: its direction through the model's own final norm and unembedding."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.models import HookPoint, LanguageModel
from monosema.progress import Reporter
from monosema.sae import SAE

SHOWN = 10
_ROWS = 256


class Promoted(NamedTuple):
    """The ends of each feature's logits."""

    tokens: Int[Tensor, "F shown"]
    """Token ids, strongest first."""
    logits: Float[Tensor, "F shown"]
    """What a residual stream that is only this direction adds to their logits."""


def promoted(model: LanguageModel, sae: SAE, reporter: Reporter) -> tuple[Promoted, Promoted]:
    """The tokens that each feature promotes, and those that it suppresses; of a crosscoder at its last hook point.

    The last block's output is the feature's direction alone, less what an empty stream gives (a norm's bias).
    Memory: 256 x vocabulary x 4 bytes, four times.
    """
    last = HookPoint("resid_post", model.n_layers - 1)
    empty = _logits(model, last, torch.zeros(1, model.d_model))[0]
    up, down = [], []
    with reporter.stage("logits", sae.d_sae, "features") as progress:
        for features in torch.arange(sae.d_sae).split(_ROWS):
            along = sae.directions(features)[:, -sae.d_model // sae.config.blocks :]
            logits = _logits(model, last, along) - empty  # [rows, vocabulary]
            up.append(logits.topk(SHOWN, dim=1))
            down.append(logits.topk(SHOWN, dim=1, largest=False))
            progress.update(len(features))
    return tuple(  # type: ignore[return-value]
        Promoted(torch.cat([part.indices for part in parts]), torch.cat([part.values for part in parts]))
        for parts in (up, down)
    )


def _logits(
    model: LanguageModel, last: HookPoint, x: Float[Tensor, "n d_model"]
) -> Float[Tensor, "n vocabulary"]:
    ids = torch.zeros(len(x), 1, dtype=torch.int64)
    return model.resume(last, x[:, None, :], ids)[:, 0].float().cpu()
