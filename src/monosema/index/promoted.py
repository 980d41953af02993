"""Tokens that a feature promotes and suppresses: its direction through the model's own final norm and unembedding."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.index.codes import NONE
from monosema.models import HookPoint, LanguageModel, points_of
from monosema.progress import Progress
from monosema.sae import SAE

SHOWN = 10
_ROWS = 256


class Promoted(NamedTuple):
    """The ends of each feature's logits."""

    tokens: Int[Tensor, "F shown"]
    """Token ids, strongest first; -1 where the hook point has no linear way to the residual stream."""
    logits: Float[Tensor, "F shown"]
    """What a residual stream that is only this direction adds to their logits; 0 for no token."""


def promoted(
    model: LanguageModel, sae: SAE, features: range, progress: Progress
) -> tuple[Promoted, Promoted]:
    """The tokens that each of some features promotes, and those that it suppresses.

    The last block's output is what the feature's direction adds to the residual stream (`into_stream`: a norm between
    is applied to it alone), less what an empty stream gives (a norm's bias). Of several hook points side by side the
    last one of this model counts. None where no linear map leads from there to the stream (`mlp_in`).
    Memory: 256 x vocabulary x 4 bytes, four times, and 480 bytes a feature.
    """
    last = HookPoint("resid_post", model.n_layers - 1)
    empty = _logits(model, last, torch.zeros(1, model.d_model))[0]
    up, down = _none(len(features)), _none(len(features))
    for places in torch.arange(len(features)).split(_ROWS):
        added = _into_stream(model, sae, places + features.start)
        if added is None:
            break
        logits = _logits(model, last, added) - empty  # [rows, vocabulary]
        # into what was made before: small pieces that stay, made between large ones that go, would split the heap,
        # and each block of logits would take new memory
        up.logits[places], up.tokens[places] = logits.topk(SHOWN, dim=1)
        down.logits[places], down.tokens[places] = logits.topk(SHOWN, dim=1, largest=False)
        progress.update(len(places))
    return up, down


def _into_stream(
    model: LanguageModel, sae: SAE, features: Int[Tensor, " f"]
) -> Float[Tensor, "f d_model"] | None:
    parts = sae.directions(features).chunk(sae.config.blocks, dim=1)
    own = [pair for pair in zip(points_of(sae.output), parts, strict=True) if not pair[0].other]
    return model.into_stream(*own[-1]) if own else None


def _none(features: int) -> Promoted:
    shape = (features, SHOWN)
    return Promoted(torch.full(shape, NONE), torch.zeros(shape))


def _logits(
    model: LanguageModel, last: HookPoint, x: Float[Tensor, "n d_model"]
) -> Float[Tensor, "n vocabulary"]:
    ids = torch.zeros(len(x), 1, dtype=torch.int64)
    return model.resume(last, x[:, None, :], ids)[:, 0].float().cpu()
