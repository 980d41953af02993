"""What a kind of SAE asks of a training step: which entries its codes have, and what it adds to squared error.

A step goes through these methods in their order. h are pre-activations, f codes, `along` the gradient that squared
error has in f, which is r · d with r = (2 / n)(x̂ - x); z the gradient of the whole loss in h. Formulas are written
entry by entry over `Entries`, so that they hold for dense and for sparse codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.kernels import Encoder, Selected, SparseActs, residual_and_slopes
from monosema.sae import Kind, Weights
from monosema.training.entries import DenseEntries, Entries
from monosema.training.gradients import Gradients

DENSE = DenseEntries()
PRODUCT_BYTES = 6
"""Of each entry of a chunk [rows, d_sae], in buffers of the encoder: fp32 pre-activations, and their bf16 twins."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What changes from step to step."""

    n: int
    """Positions of the batch."""
    weight: float
    """λ / n: what one entry's penalty counts."""
    progress: float
    """Share of all steps that are done."""
    norms: Float[Tensor, " d_sae"]
    """‖d‖ of every feature."""


class Held(NamedTuple):
    """The most that a step holds at once, beside weights, inputs and residual."""

    entry: int
    """Bytes for each entry of a chunk [rows, d_sae]."""
    number: int = 0
    """Bytes for each number of the batch [n, d_model]."""
    weight: int = 0
    """Bytes for each weight of a matrix [d_sae, d_model]."""


class Objective:
    """Squared error of every code above 0; kinds change what differs.

    `bias` is what the encoder's product adds to W · x: pre-activations, or what of them is compared with 0.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.bias = weights.b_enc
        self.own: dict[str, Tensor] = {}
        """Parameters of this kind that are trained beside the four."""
        self.own_gradients: dict[str, Tensor] = {}
        device = weights.encoder.device
        self.penalty = torch.zeros((), dtype=torch.float64, device=device)
        """λ / n · the sum of what is penalised."""
        self.beside = torch.zeros((), dtype=torch.float64, device=device)
        """Squared errors of the loss beside that of x̂."""
        self.pulls: Tensor | None = None
        """What of each decoder row is added to its gradient; with several blocks the derivative in their norms' sum."""
        self.moment = Moment(n=0, weight=0.0, progress=0.0, norms=weights.b_enc)

    @classmethod
    def held(cls, kind: Kind, d_model: int, d_sae: int) -> Held:
        """What a step of this kind holds.

        Here dense `along`, 4, and what selection reads again where a sixteenth of all entries is active, 8.
        """
        return Held(entry=PRODUCT_BYTES + 12)

    def _with(self, **own: Tensor) -> None:
        """Take in parameters of its own."""
        self.own |= own
        self.own_gradients |= {name: torch.zeros_like(tensor) for name, tensor in own.items()}

    def begin(self, moment: Moment) -> None:
        """Forget the last step."""
        self.moment, self.pulls = moment, None
        self.penalty.zero_()
        self.beside.zero_()
        for gradient in self.own_gradients.values():
            gradient.zero_()

    def select(self, product: Encoder, inputs: Float[Tensor, "n d_model"], limit: int) -> Selected | Tensor:
        """Entries of some positions, values being h; where they are more than `limit`, all h [n, d_sae]."""
        return product.above(inputs, 0.0, limit)

    def settle(self, chunks: Sequence[SparseActs]) -> Sequence[SparseActs] | None:
        """The entries of the whole batch, given those of each chunk; None to have them all selected again."""
        return chunks

    def codes(self, h: Tensor, at: Entries) -> Tensor:
        """f of each entry; may overwrite h."""
        return h.relu_()

    def read_out(
        self,
        x: Float[Tensor, "n d_model"],
        f: SparseActs,
        h: Float[Tensor, " nnz"],
        residual: Float[Tensor, "n d_model"],
        rows: slice,
    ) -> Float[Tensor, " nnz"]:
        """Leave r of some positions of the batch, `rows`, in `residual`; return `along`."""
        return residual_and_slopes(x, f, self.weights.W_dec, self.weights.b_dec, 2 / self.moment.n, residual)

    def read_out_dense(
        self,
        x: Float[Tensor, "n d_model"],
        f: Float[Tensor, "n d_sae"],
        h: Float[Tensor, "n d_sae"],
        residual: Float[Tensor, "n d_model"],
        out: Float[Tensor, "n d_sae"],
    ) -> Float[Tensor, "n d_sae"]:
        """The same for dense codes, `along` in `out`."""
        torch.addmm(self.weights.b_dec, f, self.weights.W_dec, out=residual).sub_(x).mul_(2 / self.moment.n)
        return torch.mm(residual, self.weights.W_dec.T, out=out)

    def slopes(self, h: Tensor, f: Tensor, along: Tensor, at: Entries) -> Tensor:
        """z of each entry; may overwrite `along`. Adds to the penalty, to pulls and to gradients of its own."""
        return where_active(along, f)

    def residuals(self, residual: Float[Tensor, "n d_model"]) -> list[tuple[slice, Tensor]]:
        """Ranges of features, and for each the gradient of the loss in what its codes write."""
        return [(slice(None), residual)]

    def outset(self, gradients: Gradients, inputs: Float[Tensor, "n d_model"]) -> None:
        """Add what concerns all features to the gradients, before those of the pairs."""

    def amend(self, gradients: Gradients) -> None:
        """Change gradients of biases, once that of b_dec was made of that of b_enc."""

    def refresh(self) -> None:
        """Take note that the parameters have changed."""

    def restart(self, features: Int[Tensor, " f"]) -> None:
        """Give features that begin anew the parameters of its own that live ones have in the middle."""
        live = torch.ones(len(self.bias), dtype=torch.bool, device=features.device)
        live[features] = False
        for tensor in self.own.values():
            tensor[features] = tensor[live].median()

    def state(self) -> dict[str, Tensor]:
        """What it remembers from step to step, beside its parameters; live tensors."""
        return {}

    def publish(self) -> Float[Tensor, " d_sae"] | None:
        """Leave in the weights what they are after training; return trained thresholds on a, None if there are none."""
        return None

    def _pull(self, sums: Float[Tensor, " d_sae"]) -> None:
        """Pull decoder rows for a penalty whose derivative in ‖d‖ is `sums`."""
        norms = self.moment.norms
        pulls = sums if self.weights.blocks > 1 else torch.where(norms > 0, sums / norms, 0.0)
        self.pulls = pulls if self.pulls is None else self.pulls.add_(pulls)


def where_active(z: Tensor, f: Tensor) -> Tensor:
    """z where f is above 0, else 0, in place."""
    torch.ops.aten.threshold_backward.grad_input(z, f, 0.0, grad_input=z)
    return z
