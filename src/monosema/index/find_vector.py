"""Finding features by a vector of the residual stream (or wherever the SAE reads and writes)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from monosema.errors import UsageError
from monosema.index.find import Candidate
from monosema.sae import SAE


def find_by_direction(sae: SAE, vector: Float[Tensor, " d_model"], *, n: int = 10) -> list[Candidate]:
    """Features whose decoder rows point as a direction does, by cosine: for what is to be written (a steering vector).

    Raises `UsageError` for a vector of another width and for one that is zero or not finite.
    """
    _check(sae.W_dec.shape[1], vector)
    cosines = normalize(sae.W_dec.float(), dim=1) @ normalize(vector.to(sae.W_dec).float(), dim=0)  # [d_sae]
    order = cosines.argsort(descending=True, stable=True)[:n].tolist()
    return [
        Candidate(feature=one, score=float(cosines[one]), why=f"cosine {float(cosines[one]):.2f}")
        for one in order
    ]


def find_by_activation(sae: SAE, vector: Float[Tensor, " d_model"], *, n: int = 10) -> list[Candidate]:
    """Features that fire on a raw activation, the most active first: for what was read from a model.

    Raises `UsageError` as `find_by_direction` does.
    """
    _check(sae.W_enc.shape[0], vector)
    acts = sae.encode(vector.to(sae.W_enc).float()[None]).to("cpu")
    order = acts.values.argsort(descending=True, stable=True)[:n].tolist()
    return [
        Candidate(
            feature=int(acts.indices[one]),
            score=float(acts.values[one]),
            why=f"{float(acts.values[one]):.3g} on this activation",
        )
        for one in order
    ]


def _check(width: int, vector: Float[Tensor, " d_model"]) -> None:
    if len(vector) != width:
        raise UsageError(f"the vector to find by has {len(vector)} numbers; this SAE is {width} wide")
    if not bool(torch.isfinite(vector).all()) or not bool(vector.any()):
        raise UsageError("the vector to find by is zero or not finite; give a direction")
