"""Finding features by a vector of the residual stream (or wherever the SAE reads and writes)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from monosema.errors import UsageError
from monosema.index.find import Among, Candidate
from monosema.sae import SAE


def find_by_direction(
    sae: SAE, vector: Float[Tensor, " d_model"], *, n: int = 10, among: Among = None
) -> list[Candidate]:
    """Features whose decoder rows point as a direction does, by cosine: for what is to be written (a steering vector).

    Raises `UsageError` for a vector of another width and for one that is zero or not finite.
    """
    _check(sae.W_dec.shape[1], vector)
    cosines = normalize(sae.W_dec.float(), dim=1) @ normalize(vector.to(sae.W_dec).float(), dim=0)  # [d_sae]
    order = _offered(cosines.argsort(descending=True, stable=True), among)[:n].tolist()
    return [
        Candidate(feature=one, score=float(cosines[one]), why=f"cosine {float(cosines[one]):.2f}")
        for one in order
    ]


def find_by_activation(
    sae: SAE, vector: Float[Tensor, " d_model"], *, n: int = 10, among: Among = None
) -> list[Candidate]:
    """Features that fire on a raw activation, the most active first: for what was read from a model.

    Raises `UsageError` as `find_by_direction` does.
    """
    _check(sae.W_enc.shape[0], vector)
    acts = sae.encode(vector.to(sae.W_enc).float()[None]).to("cpu")
    order = acts.values.argsort(descending=True, stable=True)
    value = dict(zip(acts.indices.tolist(), acts.values.tolist(), strict=True))
    return [
        Candidate(feature=one, score=value[one], why=f"{value[one]:.3g} on this activation")
        for one in _offered(acts.indices[order], among)[:n].tolist()
    ]


def _offered(features: Int[Tensor, " m"], among: Among) -> Int[Tensor, " left"]:
    return features if among is None else features[torch.from_numpy(among)[features]]


def _check(width: int, vector: Float[Tensor, " d_model"]) -> None:
    if len(vector) != width:
        raise UsageError(f"the vector to find by has {len(vector)} numbers; this SAE is {width} wide")
    if not bool(torch.isfinite(vector).all()) or not bool(vector.any()):
        raise UsageError("the vector to find by is zero or not finite; give a direction")
