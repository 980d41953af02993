"""Gated: one pre-activation says whether a feature is on, another how strongly (Rajamanoharan et al. 2024a).

Both have the same direction, so that what is trained can be written as an encoder, its bias and a threshold: that is
how a gated SAE is kept here (training/objectives/gated.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.sae.kinds.kind import Penalised, Thresholds, Weights, check_number, unit_rows_at


@dataclass(frozen=True, kw_only=True)
class Gated(Penalised):
    """Settings of a gated SAE."""

    l1_coefficient: float = 3.0
    """λ of the penalty on the gates' pre-activations, once its warm-up is over; about 30 features a position where this
    was measured (docs/log.md)."""

    name: ClassVar[str] = "gated"
    subtract_b_dec: ClassVar[bool] = True
    unit_decoder: ClassVar[bool] = True
    thresholds: ClassVar[Thresholds] = "trained"
    initial_threshold: ClassVar[float | None] = 0.0

    @property
    def penalty(self) -> float:
        """λ."""
        return self.l1_coefficient

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where λ is out of range."""
        check_number("l1_coefficient", self.l1_coefficient, hint="1")

    def initialise(
        self, d_model: int, d_sae: int, generator: torch.Generator, mean: Float[Tensor, " d_model"]
    ) -> Weights:
        """Unit random decoder rows, the encoder equal to them, b_enc zero, b_dec at the mean."""
        return unit_rows_at(mean, d_sae, generator)
