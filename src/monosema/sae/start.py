"""An SAE that training goes on from: the same features, in the form that a kind trains."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from monosema.errors import UsageError
from monosema.sae.config import SAEConfig
from monosema.sae.sae import SAE


def start_from(given: SAE, config: SAEConfig, *, scale: float, massive: float = math.inf) -> SAE:
    """Return an SAE of `config` that begins with the features of `given`, which is left as it is.

    x̂ and a are those of `given` (a in units of `scale`), so far as the kind selects alike: decoder rows get norm 1
    where the kind keeps them so, b_dec moves into b_enc or out of it, thresholds stay where the kind trains them and
    are left out otherwise. Raises `UsageError` for another size.
    """
    for name in ("d_model", "d_sae"):
        asked, had = getattr(config, name), getattr(given.config, name)
        if asked != had:
            raise UsageError(
                f"{name} is {asked}, but the SAE to start from has {had}; leave {name} out, or start from another SAE"
            )
    sae = given.unfold_scale().with_unit(scale)
    if config.kind.unit_decoder:
        sae = sae.fold_decoder_norms()
    b_enc = sae.b_enc.clone()
    if config.kind.subtract_b_dec != sae.config.kind.subtract_b_dec:
        shift = sae.encoder @ sae.b_dec  # [d_sae]
        b_enc = b_enc + shift if config.kind.subtract_b_dec else b_enc - shift
    first, threshold = config.kind.initial_threshold, sae.threshold
    if first is None:
        threshold = None
    elif threshold is None:
        threshold = first * torch.linalg.vector_norm(sae.W_dec, dim=1)
    return replace(
        sae,
        config=config,
        massive=massive,
        encoder=sae.encoder.clone(),
        W_dec=sae.W_dec.clone(),
        b_enc=b_enc,
        b_dec=sae.b_dec.clone(),
        threshold=None if threshold is None else threshold.clone(),
    )
