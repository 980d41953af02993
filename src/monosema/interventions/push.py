"""Steering without an SAE: a vector is added, such as the mean difference of a concept. The baseline of `dose.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from jaxtyping import Float
from torch import Tensor

from monosema.interventions.edits import Positions, Push, Way
from monosema.interventions.trials import Shares, Trials

TRIED: Mapping[Positions, Sequence[float]] = {
    "prompt": (0.4, 0.6, 0.8, 1.0, 1.3),
    "fading": (0.3, 0.45, 0.6, 0.8, 1.0),
    "all": (0.2, 0.3, 0.4, 0.5, 0.65),
}
"""Multiples of the usual distance from the mean, at each of the positions that are tried."""


@dataclass(frozen=True, kw_only=True)
class PushPoint(Shares):
    """What a vector of one length did on the prompts of the search."""

    multiple: float
    """Its length over the usual distance of a position from the mean."""
    positions: Positions
    """Where it was added."""


def search_push(
    trials: Trials,
    direction: Float[Tensor, " d_model"],
    usual: float,
    tried: Mapping[Positions, Sequence[float]] = TRIED,
) -> PushPoint:
    """The positions and the length at which a direction makes fluent text name the concept most often.

    `direction` has length 1; `usual` is the root of the mean squared distance of a position from the mean.
    """
    points = []
    for positions, multiples in tried.items():
        ways = [Way(push=Push(multiple * usual * direction, positions)) for multiple in multiples]
        points += [
            PushPoint(multiple=multiple, positions=positions, **asdict(one))
            for multiple, one in zip(multiples, trials.of_ways(ways, again=1), strict=True)
        ]
    return max(points, key=lambda point: (point.both, point.fluent))
