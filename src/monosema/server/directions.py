"""Routes of directions: cosines of a feature with all of its SAE, and the nearest features of other SAEs."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response
from jaxtyping import Float
from torch import Tensor

from monosema.files import digest_json
from monosema.index.chance import best_of_random
from monosema.index.neighbours import cosines_with, nearest_to
from monosema.models import points_of
from monosema.sae import SAE, SAEConfig
from monosema.server.access import Served
from monosema.server.columns import ARROW_TOO, arrow, compact_json, form_of, wants_arrow
from monosema.server.errors import NotFoundError
from monosema.server.feature_records import Neighbour
from monosema.server.features import Number
from monosema.server.fresh import Versioned, freshness
from monosema.server.record import Record
from monosema.server.rows import feature_name
from monosema.server.served import ServedSAE
from monosema.server.shelf import asked_of

router = APIRouter(prefix="/studies/{study}/saes/{sae}/features/{number}", tags=["features"])
NEAREST = 10
"""Features of each other SAE."""
HIGH = 0.99
RESIDUAL = ("resid_pre", "resid_post", "attn_out", "mlp_out")
"""Hook points whose activations stand in the coordinates of the residual stream, at whatever layer."""


class Cosines(Record):
    """Cosines of a feature's decoder row with those of all features of its SAE."""

    number: int
    version: str
    """Version of the SAE."""
    cosine: list[float | None]
    """By the number of the feature; null for one without a direction."""


class Elsewhere(Record):
    """The features of another SAE that are nearest to one."""

    sae: str
    hook: str
    """Hook point that it reads."""
    chance: float
    """Cosine that 1 direction in 100 reaches with the best of as many evenly drawn ones as that SAE has features."""
    neighbours: list[Neighbour]
    """Nearest first."""


class NeighboursElsewhere(Record):
    """The features of the study's other SAEs that are nearest to a feature."""

    number: int
    saes: list[Elsewhere]
    """SAEs of the same model that write at the same hook point, or both into the residual stream."""


def _row(sae: SAE, number: int) -> int:
    if not 0 <= number < sae.d_sae:
        raise NotFoundError(f"there is no feature {number}; this SAE has 0 to {sae.d_sae - 1}")
    return number


@router.get("/cosines", response_model=Cosines, responses=ARROW_TOO)
def get_cosines(
    request: Request, served: Served, number: Number, query: Annotated[Versioned, Query()]
) -> Response:
    """Cosines of a feature's direction with those of all features, also as an Arrow stream."""
    sae = served.autoencoder()
    row = _row(sae, number)
    headers = freshness(
        request,
        served.version,
        what=f"{served.name} of {served.study.name}",
        settled=served.settled,
        form=form_of(request),
    )
    cosine = cosines_with(sae.W_dec[row], sae.W_dec).numpy()
    head = {"number": number, "version": served.version}
    if wants_arrow(request):
        return arrow(head, pa.table({"cosine": pa.array(cosine, from_pandas=True)}), headers)
    return compact_json(head, {"cosine": cosine}, headers)


@router.get("/elsewhere")
def get_elsewhere(
    request: Request, response: Response, served: Served, number: Number
) -> NeighboursElsewhere:
    """The nearest features of the study's other SAEs, by the cosine of decoder rows; it works without an index, too."""
    direction = _direction(served, number)
    others = _others(served)
    versions = digest_json([served.version, *(other.version for other in others)])
    settled = all(other.settled for other in others)
    response.headers.update(freshness(request, versions, what="one of the SAEs", settled=settled))
    near = [_nearest(other, direction) for other in others if _comparable(served.config(), other.config())]
    return NeighboursElsewhere(number=number, saes=near)


def _direction(served: ServedSAE, number: int) -> Float[Tensor, " d_model"]:
    sae = served.autoencoder()
    return sae.W_dec[_row(sae, number)].clone()  # a view would hold the whole SAE while others are opened


def _others(served: ServedSAE) -> list[ServedSAE]:
    """The other trained SAEs of the study."""
    others = [ServedSAE(served.study, name, served.shelf) for name in asked_of(served.study).saes]
    return [other for other in others if other.name != served.name and other.made("sae") is not None]


def _comparable(one: SAEConfig, other: SAEConfig) -> bool:
    """Whether directions of two SAEs lie in one space."""
    if (one.model_hash, one.d_model) != (other.model_hash, other.d_model):
        return False
    kinds = {point.kind for config in (one, other) for point in points_of(config.output)}
    return one.output == other.output or kinds <= set(RESIDUAL)


def _nearest(other: ServedSAE, direction: Float[Tensor, " d_model"]) -> Elsewhere:
    """The features of one SAE that are nearest to a direction; nothing of it is held beyond that."""
    config = other.config()
    return Elsewhere(
        sae=other.name,
        hook=other.asked.place.at,
        chance=best_of_random(config.d_model, config.d_sae, HIGH),
        neighbours=_neighbours(other, nearest_to(direction, other.autoencoder().W_dec, NEAREST)),
    )


def _neighbours(other: ServedSAE, nearest: list[tuple[int, float]]) -> list[Neighbour]:
    names = other.names() if other.state("index") == "made" else None
    return [
        Neighbour(number=number, name=feature_name(names, number), cosine=cosine)
        for number, cosine in nearest
    ]
