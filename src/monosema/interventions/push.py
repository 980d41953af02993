"""Steering without an SAE: a vector is added, such as the mean difference of a concept. The baseline of `dose.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from jaxtyping import Float
from torch import Tensor

from monosema.interventions.trials import Shares, Trials

TRIED = (0.2, 0.3, 0.4, 0.5, 0.65)
"""Multiples of the usual distance from the mean."""


@dataclass(frozen=True, kw_only=True)
class PushPoint(Shares):
    """What a vector of one length did on the prompts of the search."""

    multiple: float
    """Its length over the usual distance of a position from the mean."""


def search_push(
    trials: Trials, direction: Float[Tensor, " d_model"], usual: float, multiples: Sequence[float] = TRIED
) -> PushPoint:
    """The length at which a direction makes fluent text name the concept most often.

    `direction` has length 1; `usual` is the root of the mean squared distance of a position from the mean.
    """
    shares = trials.at_strengths(multiples, push=usual * direction, again=1)
    points = [PushPoint(multiple=m, **asdict(one)) for m, one in zip(multiples, shares, strict=True)]
    return max(points, key=lambda point: (point.both, point.fluent))
