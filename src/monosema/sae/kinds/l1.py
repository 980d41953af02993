"""L1: ReLU features under the penalty λ Σ f·‖d‖, as in the paper (C2) with the recipe of April 2024 (C3).

Decoder norms are free. b_dec is not subtracted before the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError
from monosema.sae.kinds.kind import Penalised, Thresholds, Weights, check_number, random_directions
from monosema.settings import later


@dataclass(frozen=True, kw_only=True)
class L1(Penalised):
    """Settings of an L1 SAE."""

    l1_coefficient: float = 1.0
    """λ, once its warm-up is over; it has its meaning only at the scale of C2. The paper's 5 goes with 200,000
    steps and 100,000 features or more; 1 was measured for hundreds of steps and thousands of features."""
    init_decoder_norm: float = 0.1
    """Norm of every decoder row at the start; C3 gives 0.05 to 1."""
    b_dec_at_mean: bool = True
    """Whether b_dec starts at the mean of the activations; C3 starts it at zero, which a short run cannot
    afford where the mean is large."""

    p_end: float = later(1.0)
    """Power p of the penalty Σ (f·‖d‖)^p at the end of training; 1: no p-annealing (training/objectives/l1.py)."""
    p_start: float = later(0.2)
    """Share of the steps after which p begins to fall from 1."""

    name: ClassVar[str] = "l1"
    subtract_b_dec: ClassVar[bool] = False
    unit_decoder: ClassVar[bool] = False
    thresholds: ClassVar[Thresholds] = "by_cost"
    initial_threshold: ClassVar[float | None] = None

    @property
    def penalty(self) -> float:
        """λ."""
        return self.l1_coefficient

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where λ or the norm at the start are out of range."""
        check_number("l1_coefficient", self.l1_coefficient, hint="5")
        check_number("init_decoder_norm", self.init_decoder_norm, above=0.0, hint="0.1")
        if not 0 < self.p_end <= 1:
            raise UsageError(
                f"p_end is {self.p_end}; expected more than 0, at most 1; try 0.5, or 1 for plain L1"
            )
        if not 0 <= self.p_start < 1:
            raise UsageError(f"p_start is {self.p_start}; expected a share of the steps below 1; try 0.2")

    def initialise(
        self, d_model: int, d_sae: int, generator: torch.Generator, mean: Float[Tensor, " d_model"]
    ) -> Weights:
        """Random decoder directions of one norm, the encoder equal to them, b_enc zero, b_dec as set."""
        rows = random_directions(d_sae, d_model, generator) * self.init_decoder_norm
        b_dec = mean.clone() if self.b_dec_at_mean else torch.zeros(d_model)
        return Weights(rows.clone(), rows, torch.zeros(d_sae), b_dec)
