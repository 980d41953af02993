"""What every kind of SAE offers: traits that the one trainer reads, the start of its weights."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError

Thresholds = Literal["none", "trained", "by_cost", "by_l0"]
"""Where inference thresholds come from: nowhere, training itself, or a fit after it (threshold.py)."""


class Weights(NamedTuple):
    """The four tensors of an SAE, in the one orientation that is used in memory."""

    encoder: Float[Tensor, "d_sae d_model"]
    W_dec: Float[Tensor, "d_sae d_model"]
    b_enc: Float[Tensor, " d_sae"]
    b_dec: Float[Tensor, " d_model"]
    blocks: int = 1
    """Hook points side by side whose decoder norms count apart."""

    def norms(self) -> Float[Tensor, " d_sae"]:
        """‖d‖ of every feature."""
        return block_norms(self.W_dec, self.blocks)


def block_norms(decoder: Float[Tensor, "f d_model"], blocks: int) -> Float[Tensor, " f"]:
    """Norms of decoder rows: with several blocks the sum of theirs."""
    if blocks == 1:
        return torch.linalg.vector_norm(decoder, dim=1)
    parts = decoder.unflatten(1, (blocks, decoder.shape[1] // blocks))  # [f, blocks, width]
    return torch.linalg.vector_norm(parts, dim=2).sum(1)


@runtime_checkable
class Kind(Protocol):
    """Settings of one kind: a frozen dataclass with traits, and initialisation."""

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
    def keeps(self) -> int | None:
        """Activations above 0 and the threshold that a position keeps, its largest; None: all of them."""

    @property
    def aimed_l0(self) -> int | None:
        """Features a position that training aims at; None where it finds how many there are."""

    @property
    def penalty(self) -> float:
        """λ of its penalty on activity, once its warm-up is over; 0 where there is none."""

    @property
    def thresholds(self) -> Thresholds:
        """Where its inference thresholds come from."""

    @property
    def initial_threshold(self) -> float | None:
        """Threshold of every feature at the start where thresholds are trained."""

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


class Penalised:
    """What kinds share whose sparsity a penalty sets: no fixed number of activations, no auxiliary loss."""

    k: ClassVar[int | None] = None
    keeps: ClassVar[int | None] = None
    aux_coefficient: ClassVar[float] = 0.0

    @property
    def aimed_l0(self) -> int | None:
        """None: the penalty decides."""
        return None

    def aux_latents(self, d_model: int) -> int:
        """None: there is no auxiliary loss."""
        return 0


def check_number(name: str, value: float, *, above: float | None = None, hint: str) -> None:
    """Raise `UsageError` unless a setting is finite and 0 or more, or more than `above` where that is given."""
    enough = value >= 0 if above is None else value > above
    if not (math.isfinite(value) and enough):
        expected = "0 or more" if above is None else f"more than {above:g}"
        raise UsageError(f"{name} is {value}; expected {expected}; try {hint}")


def random_directions(
    d_sae: int, d_model: int, generator: torch.Generator
) -> Float[Tensor, "{d_sae} {d_model}"]:
    """Independent directions, uniform on the unit sphere."""
    rows = torch.randn(d_sae, d_model, generator=generator)
    return rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True)


def unit_rows_at(mean: Float[Tensor, " d_model"], d_sae: int, generator: torch.Generator) -> Weights:
    """Unit random decoder rows, the encoder equal to them, b_enc zero, b_dec at the mean."""
    rows = random_directions(d_sae, len(mean), generator)
    return Weights(rows.clone(), rows, torch.zeros(d_sae), mean.clone())
