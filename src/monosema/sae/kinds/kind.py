"""What every kind of SAE offers: traits that the one trainer reads, the start of its weights, its selection."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.kernels import SparseActs


class Weights(NamedTuple):
    """The four tensors of an SAE, in the one orientation that is used in memory."""

    encoder: Float[Tensor, "d_sae d_model"]
    W_dec: Float[Tensor, "d_sae d_model"]
    b_enc: Float[Tensor, " d_sae"]
    b_dec: Float[Tensor, " d_model"]


@runtime_checkable
class Kind(Protocol):
    """Settings of one kind: a frozen dataclass with traits, initialisation and selection."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """Its row in `KINDS`."""

    @property
    def subtract_b_dec(self) -> bool:
        """Whether b_dec is subtracted before the encoder."""

    @property
    def unit_decoder(self) -> bool:
        """Whether training keeps every decoder row at norm 1."""

    @property
    def k(self) -> int | None:
        """The largest number of features that a position may have; None where a penalty sets it."""

    @property
    def l1_coefficient(self) -> float:
        """λ of the penalty λ·Σ a; 0 where there is none."""

    @property
    def aux_coefficient(self) -> float:
        """Weight of the auxiliary loss on dead features; 0 where there is none."""

    def aux_latents(self, d_model: int) -> int:
        """How many dead features the auxiliary loss takes a position; 0 where there is none."""

    def check(self, d_sae: int) -> None:
        """Raise `UsageError` where the settings do not fit a dictionary of `d_sae` features."""

    def initialise(
        self, d_model: int, d_sae: int, generator: torch.Generator, mean: Float[Tensor, " d_model"]
    ) -> Weights:
        """Return the weights at step 0; `mean` is that of the scaled activations at unmassive positions."""

    def select(
        self, pre_acts: Float[Tensor, "n d_sae"], decoder_norms: Float[Tensor, " d_sae"]
    ) -> SparseActs:
        """Return the activations a = f·‖d‖ > 0 that this kind keeps, indices ascending within a row.

        `pre_acts` is overwritten.
        """


def random_directions(
    d_sae: int, d_model: int, generator: torch.Generator
) -> Float[Tensor, "{d_sae} {d_model}"]:
    """Independent directions, uniform on the unit sphere."""
    rows = torch.randn(d_sae, d_model, generator=generator)
    return rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True)
