"""TopK: squared error of the k largest pre-activations of each position (Gao et al. 2024)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from monosema.kernels import Encoder, Selected
from monosema.sae import BatchTopK, Kind, TopK, Weights
from monosema.training.entries import Entries
from monosema.training.objectives.objective import PRODUCT_BYTES, Held, Objective


class TopKObjective(Objective):
    """Codes of TopK."""

    def __init__(
        self, weights: Weights, kind: TopK | BatchTopK, threshold: Float[Tensor, " d_sae"] | None
    ) -> None:
        super().__init__(weights)
        self.k = kind.k

    @classmethod
    def held(cls, kind: Kind, d_model: int, d_sae: int) -> Held:
        """Codes are never dense, but those of the auxiliary loss, for which half of all features are taken to be dead.

        Of dead ones it holds codes and their gradient, 4 each; copies of the rows and a product to add to theirs.
        """
        if not (kind.aux_coefficient and kind.aux_latents(d_model)):
            return Held(entry=PRODUCT_BYTES)
        return Held(entry=PRODUCT_BYTES + 8 // 2, weight=12 // 2)

    def select(self, product: Encoder, inputs: Float[Tensor, "n d_model"], limit: int) -> Selected:
        """The k largest of each position, those above 0 only."""
        return product.top_k(inputs, self.k)

    def codes(self, h: Tensor, at: Entries) -> Tensor:
        """What was selected is above 0."""
        return h

    def slopes(self, h: Tensor, f: Tensor, along: Tensor, at: Entries) -> Tensor:
        """Squared error alone."""
        return along
