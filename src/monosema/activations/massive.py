"""What an SAE must know of its activations: the massive threshold, the scale, mean and variance (metrics.md, C2).

The record is streaming and mergeable: one for each block of rows, merged in the order of the blocks, in
float64, so that the same rows in the same blocks give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from monosema.errors import ActivationError, DamagedError
from monosema.files import atomic_file, read_json, write_json

MASSIVE_FACTOR = 10.0
"""A position is massive when its norm is above this many times the median norm."""
MASSIVE_SAMPLE = 50_000
"""The median is that of the first so many kept training positions."""
_CHUNK_ROWS = 8192  # bounds the copies that masking and summing make
_JSON, _TENSORS = "stats.json", "stats.safetensors"


def row_norms(x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch"]:
    """Norm of each raw activation in float32, whatever the type that it was harvested in."""
    return torch.linalg.vector_norm(x.float(), dim=-1)


def median_norm(norms: Float[Tensor, " n"]) -> float:
    """Median of the first 50,000 norms; raise `ActivationError` where it is 0 or there are none."""
    sample = norms[:MASSIVE_SAMPLE].double().cpu().numpy()
    median = float(np.median(sample)) if len(sample) else 0.0
    if not median > 0:
        raise ActivationError(
            f"the median norm of the first {len(sample)} activations is {median:g}; expected more than 0: "
            "check the model's weights and the hook point"
        )
    return median


@dataclass(frozen=True, kw_only=True, eq=False)
class ActivationStats:
    """Statistics of the unmassive ones among the kept positions of one hook point, in raw units."""

    n: int
    """Unmassive kept positions."""
    massive: int
    """Massive kept positions; they are in no other figure."""
    median_norm: float
    """Median norm of the first 50,000 kept training positions, massive ones among them."""
    mean: Float[Tensor, " d_model"]
    """Mean activation, float64."""
    mean_square: float
    """Mean of ‖x‖²."""
    squares: tuple[float, ...] = ()
    """The same of each of several hook points that stand side by side; empty for one."""

    @classmethod
    def of(
        cls, x: Float[Tensor, "n d_model"], norms: Float[Tensor, " n"], *, median: float, places: int = 1
    ) -> ActivationStats:
        """Statistics of rows with their norms; `median` as `median_norm` gives it, `places`: hook points in a row."""
        usual: Bool[Tensor, " n"] = norms <= MASSIVE_FACTOR * median
        total = torch.zeros(x.shape[1], dtype=torch.float64)
        square, squares = 0.0, torch.zeros(places, dtype=torch.float64)
        for rows, length, ok in zip(
            x.split(_CHUNK_ROWS), norms.split(_CHUNK_ROWS), usual.split(_CHUNK_ROWS), strict=True
        ):
            total += rows[ok].sum(0, dtype=torch.float64).cpu()
            square += float(length[ok].double().square().sum())
            if places > 1:
                parts = rows[ok].float().view(-1, places, x.shape[1] // places)
                squares += parts.square().sum(2, dtype=torch.float64).sum(0).cpu()
        n = int(usual.sum())
        return cls(
            n=n,
            massive=len(usual) - n,
            median_norm=median,
            mean=total / max(n, 1),
            mean_square=square / max(n, 1),
            squares=tuple((squares / max(n, 1)).tolist()) if places > 1 else (),
        )

    def merge(self, other: ActivationStats) -> ActivationStats:
        """Statistics of both blocks together; they must share the median."""
        assert self.median_norm == other.median_norm
        n = self.n + other.n
        share = other.n / max(n, 1)
        return ActivationStats(
            n=n,
            massive=self.massive + other.massive,
            median_norm=self.median_norm,
            mean=self.mean + (other.mean - self.mean) * share,
            mean_square=self.mean_square + (other.mean_square - self.mean_square) * share,
            squares=tuple(a + (b - a) * share for a, b in zip(self.squares, other.squares, strict=True)),
        )

    @property
    def d_model(self) -> int:
        """Width of the activations."""
        return len(self.mean)

    @property
    def massive_threshold(self) -> float:
        """Norm above which a position is massive."""
        return MASSIVE_FACTOR * self.median_norm

    @property
    def massive_share(self) -> float:
        """Massive positions among the kept ones."""
        return self.massive / max(self.n + self.massive, 1)

    @property
    def variance(self) -> float:
        """Mean of ‖x - mean‖², summed over the width."""
        return max(0.0, self.mean_square - float(self.mean.square().sum()))

    @property
    def scale(self) -> float:
        """The s with which the mean of ‖s·x‖² equals d_model (C2); of several hook points that of the last."""
        square = self.squares[-1] if self.squares else self.mean_square
        return math.sqrt(self.d_model / max(len(self.squares), 1) / square)

    @property
    def balance(self) -> tuple[float, ...]:
        """What `scale` is multiplied by at each of several hook points to be its own; empty for one."""
        return tuple(math.sqrt(self.squares[-1] / square) for square in self.squares)

    def to_dict(self) -> dict[str, float | int | list[float]]:
        """All figures but the mean."""
        return {
            "n": self.n,
            "massive": self.massive,
            "massive_share": self.massive_share,
            "massive_threshold": self.massive_threshold,
            "median_norm": self.median_norm,
            "mean_square": self.mean_square,
            "variance": self.variance,
            "scale": self.scale,
            "d_model": self.d_model,
        } | ({"squares": list(self.squares)} if self.squares else {})

    def save(self, folder: Path) -> None:
        """Write `stats.safetensors` (mean, float64) and then `stats.json` into a folder, each atomically."""
        with atomic_file(folder / _TENSORS) as temporary:
            temporary.write_bytes(save({"mean": self.mean}))
        write_json(folder / _JSON, self.to_dict())

    @classmethod
    def load(cls, folder: Path) -> ActivationStats:
        """Read what `save` wrote; raise `DamagedError` that names the file which is not readable."""
        raw = read_json(folder / _JSON)
        try:
            mean = load_file(folder / _TENSORS)["mean"]
        except (OSError, SafetensorError, KeyError) as error:
            raise DamagedError(f"{folder / _TENSORS} is not readable ({error}); harvest again") from None
        try:
            known = {name: raw[name] for name in ("n", "massive", "median_norm", "mean_square")}
        except KeyError as error:
            raise DamagedError(f"{folder / _JSON} lacks {error}; harvest again") from None
        if raw.get("d_model") != len(mean):
            raise DamagedError(
                f"{folder / _TENSORS} has width {len(mean)}, {folder / _JSON} says {raw.get('d_model')}; "
                "harvest again"
            )
        return cls(mean=mean, squares=tuple(raw.get("squares", ())), **known)

    @staticmethod
    def is_saved(folder: Path) -> bool:
        """Whether `save` was finished in this folder."""
        return (folder / _JSON).is_file() and (folder / _TENSORS).is_file()

    @staticmethod
    def forget(folder: Path) -> None:
        """Undo `save`: the store in this folder counts as unfinished."""
        (folder / _JSON).unlink(missing_ok=True)
