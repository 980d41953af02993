"""What a person may ask of the training of one SAE."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monosema.errors import UsageError
from monosema.settings import later

RANDOM, DATA = "random", "data"
"""What training begins from where it is no SAE's path."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Settings of the trainer; those of the SAE's kind (k, λ) stand in the kind."""

    tokens: int | None = None
    """Positions to train on, counted each time they are seen; None: four passes over what there is."""
    batch: int = 2048
    """Positions a step."""
    lr: float | None = None
    """Adam's learning rate between warm-up and decay; None: `default_lr` of plan.py."""
    lr_warmup: float = 0.02
    """Share of the steps over which the learning rate rises."""
    lr_decay: float = 0.2
    """Share of the steps, at the end, over which the learning rate falls to zero (C3)."""
    l1_warmup: float | None = None
    """Share of the steps over which λ rises from zero; None: .05 (C3), .3 below 20,000 steps."""
    clip: float = 1.0
    """Largest norm of the gradient of all four tensors together (C3)."""
    dead_after: int = 10_000_000
    """Positions without an activation after which a feature counts as dead (metrics.md)."""
    checkpoint_steps: int = 250
    """Steps between checkpoints: the most that a kill can cost."""
    metrics_every: int = 50
    """Steps between lines of metrics."""
    resample: int = later(0)
    """Times, evenly in the first half, at which dead features begin anew as badly reconstructed inputs (resample.py);
    0: never. Meant for kinds without an auxiliary loss on dead features."""
    start: str = later(RANDOM)
    """What training begins from: "random" directions; "data", which are mostly those of activations (`towards_data` of
    sae/start.py); or the path of an SAE in one of `FORMATS`."""

    def __post_init__(self) -> None:
        """Raise `UsageError` where a value is out of range."""
        for name in ("tokens", "batch", "dead_after", "checkpoint_steps", "metrics_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; expected 1 or more")
        if self.resample < 0:
            raise UsageError(f"resample is {self.resample}; expected 0 or more; try 4")
        for name in ("lr", "clip"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"{name} is {value}; expected a finite number above 0")
        for name in ("lr_warmup", "lr_decay", "l1_warmup"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UsageError(f"{name} is {value}; expected a share of the steps, 0 to 1")
