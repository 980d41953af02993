"""How near the best of many random directions comes: what a cosine between features must beat to mean something.

Two floors. *Isotropic*, in closed form: a random unit vector of R^d has a cosine above t with a fixed one with
probability I(1-t²; (d-1)/2, 1/2)/2 (regularised incomplete beta), so the best of m stays below t with that of one, to
the power of m. *Alike*, by seeded sampling: random directions of the same mean and covariance as the features, which
share the few strong directions of the activations and so come nearer. The higher one counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import betaincinv
from torch import Tensor

from monosema.index.neighbours import unit_rows

HIGH = 0.99
"""Quantile that counts: of 100 features with random partners, one comes nearer."""
_SAMPLE = 1024  # features that are compared with random directions
_BLOCK = 8192  # random directions, or rows of a decoder, that live at a time


@dataclass(frozen=True, kw_only=True)
class Chance:
    """Cosines that a feature reaches with the best of `count` random directions."""

    count: int
    """Random directions: as many as there are features to choose from."""
    isotropic_median: float
    """Of directions drawn evenly: half of all features come nearer."""
    isotropic_high: float
    """Of directions drawn evenly: 1 feature of 100 comes nearer."""
    alike_median: float
    """Of directions with the features' own mean and covariance: half of all features come nearer."""
    alike_high: float
    """Of directions with the features' own mean and covariance: 1 feature of 100 comes nearer."""

    @property
    def high(self) -> float:
        """What a cosine must exceed to mean something."""
        return max(self.isotropic_high, self.alike_high)

    def to_dict(self) -> dict[str, float]:
        """All figures, by name."""
        return asdict(self) | {"high": self.high}


def chance(W_a: Float[Tensor, "a d_model"], W_b: Float[Tensor, "b d_model"], *, seed: int) -> Chance:
    """What features of `W_a` would reach if those of `W_b` were random: at most 1,024 of them, drawn by the seed.

    Cost: 2 b d_model (d_model + 1,024) FLOP. Memory: 8,192 x d_model x 20 bytes and 16 x d_model² bytes.
    """
    generator = np.random.default_rng(seed)
    count = len(W_b)
    features = np.sort(generator.permutation(len(W_a))[:_SAMPLE])
    a, alive = unit_rows(W_a[torch.from_numpy(features)])
    best = _best_of_alike(a[alive].numpy(), W_b, generator)
    middle, high = np.quantile(best, [0.5, HIGH]) if len(best) else (0.0, 0.0)
    return Chance(
        count=count,
        isotropic_median=round(best_of_random(W_b.shape[1], count, 0.5), 4),
        isotropic_high=round(best_of_random(W_b.shape[1], count, HIGH), 4),
        alike_median=round(float(middle), 4),
        alike_high=round(float(high), 4),
    )


def best_of_random(width: int, count: int, quantile: float) -> float:
    """The cosine below which the best of `count` even random directions stays with probability `quantile`."""
    above = -np.expm1(np.log(quantile) / count)  # probability that one of them exceeds it
    tail = min(above, 1 - above)
    cosine = float(np.sqrt(1 - betaincinv((max(width, 2) - 1) / 2, 0.5, 2 * tail)))
    return cosine if above <= 0.5 else -cosine


def _best_of_alike(
    a: Float[np.ndarray, "n d_model"], W: Float[Tensor, "b d_model"], generator: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """Largest cosine of each row with as many random directions as `W` has, of its rows' mean and covariance."""
    width = W.shape[1]
    mean, square, alive = np.zeros(width), np.zeros((width, width)), 0
    for part in W.split(_BLOCK):
        unit, usable = unit_rows(part)
        rows = unit[usable].double().numpy()
        mean, square, alive = mean + rows.sum(0), square + rows.T @ rows, alive + len(rows)
    mean = mean / max(alive, 1)
    values, vectors = np.linalg.eigh(square / max(alive, 1) - np.outer(mean, mean))
    spread = (vectors * np.sqrt(np.maximum(values, 0.0))).T.astype(np.float32)  # [d_model, d_model]
    best = np.full(len(a), -1.0, dtype=np.float32)
    for begin in range(0, len(W), _BLOCK):
        drawn = generator.standard_normal((min(_BLOCK, len(W) - begin), width), dtype=np.float32) @ spread
        unit, _ = unit_rows(torch.from_numpy(drawn + mean.astype(np.float32)))
        np.maximum(best, (a @ unit.numpy().T).max(1), out=best)
    return best
