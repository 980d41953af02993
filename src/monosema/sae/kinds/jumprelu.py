"""JumpReLU: a feature is on where its pre-activation is above a threshold that is trained (Rajamanoharan et al. 2024b).

b_dec is not subtracted before the encoder; b_enc starts where that makes no difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError
from monosema.sae.kinds.kind import Penalised, Thresholds, Weights, check_number, random_directions


class _Jumping(Penalised):
    """What kinds with trained thresholds share."""

    initial_threshold: float
    bandwidth: float

    subtract_b_dec: ClassVar[bool] = False
    thresholds: ClassVar[Thresholds] = "trained"

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where a setting is out of range."""
        check_number("initial_threshold", self.initial_threshold, above=0.0, hint="1")
        check_number("bandwidth", self.bandwidth, above=0.0, hint="1")


@dataclass(frozen=True, kw_only=True)
class JumpReLU(_Jumping):
    """Settings of a JumpReLU SAE with an L0 loss (Gemma Scope)."""

    l0_coefficient: float = 1.0
    """λ, once its warm-up is over."""
    target_l0: float | None = 32.0
    """Activations a position that the loss λ (l0 - target)² / target draws to, for each position; None: λ l0."""
    bandwidth: float = 1.0
    """Width around a threshold from which it learns, in the units of a. Gemma Scope's 0.001 is for activations of
    mean squared norm 1 and hundreds of thousands of steps."""
    initial_threshold: float = 1.0
    """Threshold of every feature at the start, in the units of a."""

    name: ClassVar[str] = "jumprelu"
    unit_decoder: ClassVar[bool] = True

    @property
    def penalty(self) -> float:
        """λ."""
        return self.l0_coefficient

    @property
    def aimed_l0(self) -> int | None:
        """`target_l0`, rounded up."""
        return None if self.target_l0 is None else math.ceil(self.target_l0)

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where a setting is out of range."""
        super().check(d_sae)
        check_number("l0_coefficient", self.l0_coefficient, hint="1")
        if self.target_l0 is not None and not 0 < self.target_l0 <= d_sae:
            raise UsageError(
                f"target_l0 is {self.target_l0}; expected more than 0, at most {d_sae} (d_sae); try 32"
            )

    def initialise(
        self, d_model: int, d_sae: int, generator: torch.Generator, mean: Float[Tensor, " d_model"]
    ) -> Weights:
        """Unit random decoder rows, the encoder equal to them, b_dec at the mean, b_enc what takes it off."""
        rows = random_directions(d_sae, d_model, generator)
        return Weights(rows.clone(), rows, -(rows @ mean), mean.clone())


@dataclass(frozen=True, kw_only=True)
class TanhJumpReLU(_Jumping):
    """Settings of the recipe of January 2025 (Anthropic's update on dictionary learning optimisation).

    The form of the loss is as published. The constants are those given there as far as we know them (tanh_scale 4,
    silent_coefficient 3e-6, bandwidth 2, initial_threshold 0.1, for inputs scaled as ours); what is uncertain is said
    beside each.
    """

    sparsity_coefficient: float = 0.25
    """λ, once its warm-up is over, which that recipe lets last all of training. Uncertain there, where it was chosen
    per size; about 35 features a position where this was measured (docs/log.md)."""
    tanh_scale: float = 4.0
    """c of λ Σ tanh(c f·‖d‖)."""
    silent_coefficient: float = 3e-6
    """λ_P of the loss on silent pre-activations. Uncertain whether it concerned dead features only; here all."""
    bandwidth: float = 2.0
    """Width around a threshold from which the straight-through estimator learns, in the units of a."""
    initial_threshold: float = 0.1
    """Threshold of every feature at the start, in the units of f."""
    init_decoder_norm: float = 0.1
    """Norm of every decoder row at the start. Uncertain: the recipe draws rows from a range."""

    name: ClassVar[str] = "tanh"
    unit_decoder: ClassVar[bool] = False

    @property
    def penalty(self) -> float:
        """λ."""
        return self.sparsity_coefficient

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where a setting is out of range."""
        super().check(d_sae)
        check_number("sparsity_coefficient", self.sparsity_coefficient, hint="0.25")
        check_number("tanh_scale", self.tanh_scale, above=0.0, hint="4")
        check_number("silent_coefficient", self.silent_coefficient, hint="3e-6")
        check_number("init_decoder_norm", self.init_decoder_norm, above=0.0, hint="0.1")

    def initialise(
        self, d_model: int, d_sae: int, generator: torch.Generator, mean: Float[Tensor, " d_model"]
    ) -> Weights:
        """Random directions of one norm for decoder and encoder, b_dec at the mean, b_enc what takes it off."""
        rows = random_directions(d_sae, d_model, generator) * self.init_decoder_norm
        return Weights(rows.clone(), rows, -(rows @ mean), mean.clone())
