"""What an SAE is made of: its settings, its tensors and the facts measured on its training positions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError
from monosema.sae.kinds import Kind, block_norms

BESIDE = "+"
"""Between the names of hook points whose activations stand side by side in a row."""
TENSORS = ("encoder", "W_dec", "b_enc", "b_dec")
EXCLUDED = ("padding", "bos", "special", "massive")
"""The policy of metrics.md: which positions are left out of training, evaluation and index."""


def place_of(read: str, written: str | None) -> str:
    """Hook points of a row: what is read, and after it what is written where that is another (None: the same)."""
    return read if written in (None, read) else f"{read}{BESIDE}{written}"


@dataclass(frozen=True, kw_only=True)
class SAEConfig:
    """What was asked of an SAE, and of which model and place it is."""

    kind: Kind
    """Settings of its kind; a row of `KINDS`."""
    d_model: int
    """Width of what it reads, which is that of what it writes: of all hook points that stand side by side."""
    d_sae: int
    """Number of its features."""
    input: str
    """Hook point that it reads, such as `resid_post.16`; a crosscoder's side by side: `resid_post.8+resid_post.16`."""
    output: str
    """Hook point that it reconstructs; the same as `input` but for transcoders."""
    model: str
    """Name of the model whose activations it was trained on."""
    model_hash: str
    """Identity of that model's weights."""
    seed: int = 0
    """Seed of the weights at the start."""
    excluded: tuple[str, ...] = EXCLUDED
    """Positions left out of training and statistics."""

    def __post_init__(self) -> None:
        """Raise `UsageError` where sizes make no SAE."""
        for name, size in (("d_model", self.d_model), ("d_sae", self.d_sae)):
            if size < 1:
                raise UsageError(f"{name} is {size}; expected 1 or more")
        if self.d_model % self.blocks or len(self.output.split(BESIDE)) != self.blocks:
            raise UsageError(
                f"an SAE of width {self.d_model} reads {self.input} and writes {self.output}; expected as many hook "
                "points on both sides, all of one width"
            )
        self.kind.check(self.d_sae)

    @property
    def blocks(self) -> int:
        """Hook points side by side: 1 but for crosscoders."""
        return len(self.input.split(BESIDE))

    @property
    def transcodes(self) -> bool:
        """Whether it writes elsewhere than it reads."""
        return self.input != self.output

    @property
    def place(self) -> str:
        """Hook points whose activations make a row: what it reads, and after it what it writes where that differs."""
        return place_of(self.input, self.output)

    @property
    def row(self) -> int:
        """Width of a row."""
        return 2 * self.d_model if self.transcodes else self.d_model

    @property
    def centred(self) -> bool:
        """Whether b_dec is subtracted before the encoder: a transcoder's stands elsewhere."""
        return self.kind.subtract_b_dec and not self.transcodes

    def norms(self, decoder: Float[Tensor, "f d_model"]) -> Float[Tensor, " f"]:
        """‖d‖ of rows of a decoder: of a crosscoder the sum over its hook points, which its penalty is on.

        Kinds that keep rows at norm 1 have no such penalty; there it is the norm of the whole row. Source: the
        crosscoders of October 2024.
        """
        return block_norms(decoder, 1 if self.kind.unit_decoder else self.blocks)


@dataclass(frozen=True, kw_only=True)
class ScaleFold:
    """How the scale was folded into the weights (formats F1 and F2), so that they read raw activations."""

    form: Literal["F1", "F2"]
    """F1: encoder·s, W_dec/s, b_dec/s; F2: b_enc/s, b_dec/s."""
    scale: float
    """The s that was folded."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SAEParts:
    """Everything that a file of an SAE holds; `SAE` adds what it does."""

    config: SAEConfig
    encoder: Float[Tensor, "d_sae d_model"]
    """Rows are features: the transpose of W_enc, contiguous."""
    W_dec: Float[Tensor, "d_sae d_model"]
    """Rows are the features' directions."""
    b_enc: Float[Tensor, " d_sae"]
    b_dec: Float[Tensor, " d_model"]
    threshold: Float[Tensor, " d_sae"] | None = None
    """Inference threshold of each feature in the units of a (C3): what is not above it counts as 0."""
    scale: float = 1.0
    """The s that multiplies activations before the encoder and divides x̂ (C2); 1 once it is folded."""
    massive: float = math.inf
    """Norm of raw activations above which a position is massive; infinite where there is no such rule."""
    folded: ScaleFold | None = None
    """Set where the scale lives in the weights."""
    balance: tuple[float, ...] = ()
    """What the scale is multiplied by at each hook point of a row, so that all count alike; empty: 1."""

    def __post_init__(self) -> None:
        """Raise `UsageError` where shapes, types or facts do not fit the config."""
        shapes = tensor_shapes(self.config, threshold=self.threshold is not None)
        for name, shape in shapes.items():
            tensor = getattr(self, name)
            if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
                raise UsageError(
                    f"{name} has shape {tuple(tensor.shape)} and type {tensor.dtype}; "
                    f"expected {shape} and torch.float32"
                )
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise UsageError(f"scale is {self.scale}; expected a finite number above 0")
        blocks = self.config.row // (self.config.d_model // self.config.blocks)
        if self.balance and not (
            len(self.balance) == blocks and all(0 < one < math.inf for one in self.balance)
        ):
            raise UsageError(f"balance is {self.balance}; expected {blocks} finite numbers above 0, or none")
        if not self.massive > 0:
            raise UsageError(f"massive is {self.massive}; expected a norm above 0")

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name, `threshold` only where there is one."""
        names = tensor_shapes(self.config, threshold=self.threshold is not None)
        return {name: getattr(self, name) for name in names}


def tensor_shapes(config: SAEConfig, *, threshold: bool) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of an SAE with this config, by name."""
    wide, flat = (config.d_sae, config.d_model), (config.d_sae,)
    shapes: dict[str, tuple[int, ...]] = {"encoder": wide, "W_dec": wide, "b_enc": flat}
    return shapes | {"b_dec": (config.d_model,)} | ({"threshold": flat} if threshold else {})
