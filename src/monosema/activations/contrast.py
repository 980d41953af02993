"""How activations near the mentions of a thing differ from all others: the direction that needs no SAE."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.activations.massive import ActivationStats
from monosema.activations.source import RowSource
from monosema.corpora import NearMentions
from monosema.errors import UsageError


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrast:
    """A mean difference, in raw units."""

    direction: Float[Tensor, " d_model"]
    """Of length 1: from the mean of all other positions to that of the positions near a mention."""
    length: float
    """Length of the difference."""
    usual: float
    """Root of the mean squared distance of a position from the mean: what doses are multiples of."""
    near: int
    """Positions near a mention."""


def mean_difference(source: RowSource, mentions: NearMentions, stats: ActivationStats) -> Contrast:
    """The difference over all rows of a source; massive positions do not count.

    `stats` are those of the same positions. Raises `UsageError` where no row is near a mention.
    """
    total, count = torch.zeros(stats.d_model, dtype=torch.float64), 0
    for task in range(source.tasks):
        for rows in source.rows(task):
            near = torch.from_numpy(mentions.at(rows.document.numpy(), rows.position.numpy()))
            near &= rows.norm <= stats.massive_threshold
            total += rows.x[near].sum(0, dtype=torch.float64)
            count += int(near.sum())
    if count in (0, stats.n):
        raise UsageError(f"{count} of {stats.n} positions are near a mention; a difference needs both kinds")
    others = (stats.mean * stats.n - total) / (stats.n - count)
    difference = total / count - others  # [d_model]
    length = float(difference.norm())
    return Contrast(
        direction=(difference / length).float(),
        length=length,
        usual=(stats.mean_square - float(stats.mean.square().sum())) ** 0.5,
        near=count,
    )
