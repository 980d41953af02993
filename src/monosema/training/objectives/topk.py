"""TopK: squared error of the k largest pre-activations of each position (Gao et al. 2024)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from monosema.kernels import Encoder, Selected
from monosema.sae import BatchTopK, TopK, Weights
from monosema.training.entries import Entries
from monosema.training.objectives.objective import Objective


class TopKObjective(Objective):
    """Codes of TopK."""

    def __init__(
        self, weights: Weights, kind: TopK | BatchTopK, threshold: Float[Tensor, " d_sae"] | None
    ) -> None:
        super().__init__(weights)
        self.k = kind.k

    def select(self, product: Encoder, inputs: Float[Tensor, "n d_model"], limit: int) -> Selected:
        """The k largest of each position, those above 0 only."""
        return product.top_k(inputs, self.k)

    def codes(self, h: Tensor, at: Entries) -> Tensor:
        """What was selected is above 0."""
        return h

    def slopes(self, h: Tensor, f: Tensor, along: Tensor, at: Entries) -> Tensor:
        """Squared error alone."""
        return along
