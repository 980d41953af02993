"""TopK and BatchTopK: the k largest activations are kept; dead features learn from what is left (AuxK).

Decoder rows have unit norm, so ranking by f is ranking by a. b_dec starts at the mean and is subtracted before
the encoder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError
from monosema.sae.kinds.kind import Thresholds, Weights, check_number, unit_rows_at

LARGEST_AUX_K = 512


class LargestK:
    """What all kinds share that keep so many activations: unit rows, AuxK, the start of the weights."""

    k: int
    aux_k: int | None
    aux_coefficient: float

    subtract_b_dec: ClassVar[bool] = True
    unit_decoder: ClassVar[bool] = True
    penalty: ClassVar[float] = 0.0
    initial_threshold: ClassVar[float | None] = None

    @property
    def aimed_l0(self) -> int:
        """`k`."""
        return self.k

    def aux_latents(self, d_model: int) -> int:
        """`aux_k`, or its default for this width."""
        if self.aux_k is not None:
            return self.aux_k
        return min(LARGEST_AUX_K, 2 ** round(math.log2(max(1, d_model / 2))))

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where k, aux_k or aux_coefficient are out of range."""
        if not 1 <= self.k <= d_sae:
            raise UsageError(f"k is {self.k}; expected 1 to {d_sae} (d_sae); try k = {min(32, d_sae)}")
        if self.aux_k is not None and not 0 <= self.aux_k <= d_sae:
            raise UsageError(
                f"aux_k is {self.aux_k}; expected 0 to {d_sae} (d_sae), or leave it out for the default"
            )
        check_number("aux_coefficient", self.aux_coefficient, hint="0.03125")

    def initialise(
        self, d_model: int, d_sae: int, generator: torch.Generator, mean: Float[Tensor, " d_model"]
    ) -> Weights:
        """Unit random decoder rows, the encoder equal to them, b_enc zero, b_dec at the mean."""
        return unit_rows_at(mean, d_sae, generator)


@dataclass(frozen=True, kw_only=True)
class TopK(LargestK):
    """Settings of a TopK SAE."""

    k: int = 32
    """Features that a position may have."""
    aux_k: int | None = None
    """Dead features that the auxiliary loss takes a position; None: half of d_model, rounded to a power of
    two, at most 512; 0: no auxiliary loss."""
    aux_coefficient: float = 1 / 32
    """Weight of the auxiliary loss beside the reconstruction loss."""

    name: ClassVar[str] = "topk"
    thresholds: ClassVar[Thresholds] = "none"

    @property
    def keeps(self) -> int:
        """`k`."""
        return self.k


@dataclass(frozen=True, kw_only=True)
class BatchTopK(LargestK):
    """Settings of a BatchTopK SAE: a batch keeps k activations a position in the mean (Bussmann et al. 2024).

    After training one threshold for all features gives the same mean, and needs no batch.
    """

    k: int = 32
    """Features that a position has in the mean."""
    aux_k: int | None = None
    """Dead features that the auxiliary loss takes a position; None: half of d_model, rounded to a power of
    two, at most 512; 0: no auxiliary loss."""
    aux_coefficient: float = 1 / 32
    """Weight of the auxiliary loss beside the reconstruction loss."""

    name: ClassVar[str] = "batchtopk"
    thresholds: ClassVar[Thresholds] = "by_l0"
    keeps: ClassVar[int | None] = None
