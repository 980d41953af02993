"""An SAE that training goes on from: the same features, in the form that a kind trains."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from monosema.errors import UsageError
from monosema.sae.config import SAEConfig
from monosema.sae.sae import SAE

DATA_SHARE = 0.8


def towards_data(sae: SAE, x: Float[Tensor, "d_sae d_model"]) -> None:
    """Turn the rows of a new SAE towards raw activations, one for each feature, in place (data-point initialisation).

    A row becomes .8 of the direction of s·x - b_dec and .2 of the random one, and keeps its norm; encoder rows are
    along them. Features then begin where there is something to reconstruct. Source: Anthropic's updates of 2025, which
    give the mixture and no constant for other models. Raises `UsageError` for another number of positions.
    """
    if sae.config.transcodes:
        raise UsageError("start is data, but what a transcoder reads is not what it writes; leave start out")
    if x.shape != sae.W_dec.shape:
        raise UsageError(f"{len(x)} positions to start from; expected one for each of {sae.d_sae} features")
    before = sae.encoder.clone()
    towards = normalize(sae.scaled(x.to(sae.W_dec.device, torch.float32)) - sae.b_dec, dim=1)
    for rows in (sae.encoder, sae.W_dec):
        norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        mixed = normalize(DATA_SHARE * towards + (1 - DATA_SHARE) * normalize(rows, dim=1), dim=1)
        rows.copy_(mixed * norms)
    if sae.b_enc.any():  # it takes off the mean
        sae.b_enc.add_((before - sae.encoder) @ sae.b_dec)


def start_from(
    given: SAE,
    config: SAEConfig,
    *,
    scale: float,
    massive: float = math.inf,
    balance: tuple[float, ...] = (),
) -> SAE:
    """Return an SAE of `config` that begins with the features of `given`, which is left as it is.

    x̂ and a are those of `given` (a in units of `scale`), so far as the kind selects alike: decoder rows get norm 1
    where the kind keeps them so, b_dec moves into b_enc or out of it, thresholds stay where the kind trains them and
    are left out otherwise. An SAE of several hook points keeps x̂ where these have the `balance` that it was trained
    with. Raises `UsageError` for another size.
    """
    for name in ("d_model", "d_sae", "blocks", "transcodes"):
        asked, had = getattr(config, name), getattr(given.config, name)
        if asked != had:
            raise UsageError(
                f"{name} is {asked}, but the SAE to start from has {had}; leave {name} out, or start from another SAE"
            )
    sae = given.unfold_scale().with_unit(scale)
    if config.kind.unit_decoder:
        sae = sae.fold_decoder_norms()
    b_enc = sae.b_enc.clone()
    if config.centred != sae.config.centred:
        shift = sae.encoder @ sae.b_dec  # [d_sae]
        b_enc = b_enc + shift if config.centred else b_enc - shift
    first, threshold = config.kind.initial_threshold, sae.threshold
    if first is None:
        threshold = None
    elif threshold is None:
        threshold = first * config.norms(sae.W_dec)
    return replace(
        sae,
        config=config,
        massive=massive,
        balance=balance,
        encoder=sae.encoder.clone(),
        W_dec=sae.W_dec.clone(),
        b_enc=b_enc,
        b_dec=sae.b_dec.clone(),
        threshold=None if threshold is None else threshold.clone(),
    )
