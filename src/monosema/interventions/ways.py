"""Several ways to steer in one batch, each with rows of its own: many rows cost less each than a few do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.interventions.edits import Steering, Way
from monosema.models import EditFn, HookPoint
from monosema.sae import SAE


class SteeringEach:
    """The first rows of a batch are steered in the first way, the next ones in the second, and so on.

    As `Steering`, it counts calls: make a new one for each run.
    """

    def __init__(self, sae: SAE, ways: Sequence[Way], rows: int) -> None:
        """`rows`: of each way."""
        self._each = [Steering(sae, way.edits, way.push) for way in ways]
        self._rows = [rows] * len(ways)

    @property
    def hooks(self) -> dict[HookPoint | str, EditFn]:
        """What to do where, for `LanguageModel.edit`; nothing anywhere where no way does anything."""
        if not any(one.hooks for one in self._each):
            return {}
        each = [one.everywhere for one in self._each]
        return {point: partial(self._act, [acts[point] for acts in each]) for point in each[0]}

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows of the batch, rising, only; one may stand several times, for its copies."""
        way_of = [way for way, n in enumerate(self._rows) for _ in range(n)]
        kept = [way_of[row] for row in rows]
        self._rows = [kept.count(way) for way in range(len(self._rows))]

    def _act(self, acts: Sequence[EditFn], x: Float[Tensor, "b s row"]) -> Float[Tensor, "b s d_model"]:
        parts = zip(acts, x.split(self._rows), strict=True)
        return torch.cat([act(part) for act, part in parts if len(part)])
