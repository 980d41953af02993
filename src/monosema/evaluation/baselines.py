"""What an SAE must beat on the same positions: an untrained SAE, PCA, and the largest neurons.

untrained   an SAE of the same kind, size and scale, as training would begin it, with another seed; where the kind keeps
            k features in the mean, by a threshold that does so on training positions
pca         projection on as many principal directions as the SAE's L0, fitted on training positions
neurons     as many coordinates of the hook point, at each position those farthest from their mean

Of a transcoder, PCA and neurons are those of what it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.activations import derive_seed
from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.evaluation.positions import capture
from monosema.models import LanguageModel
from monosema.progress import Progress
from monosema.sae import SAE, thresholds_of

PCA_POSITIONS = 50_000
"""Kept training positions that PCA is fitted on."""
THRESHOLD_POSITIONS = 2048
"""Of those, the first ones that the untrained SAE's threshold is fitted on."""
_CHUNK_ROWS = 1024  # an untrained L1 SAE has half its features active: bounds the active pairs

Reconstruct = Callable[[Float[Tensor, "n row"]], Float[Tensor, "n d_model"]]
"""What makes of rows (`SAE`) something to stand where an SAE writes."""


@dataclass(frozen=True, eq=False)
class Baselines:
    """Baselines fitted on training positions; `k` is set once the SAE's L0 is known."""

    mean: Float[Tensor, " d_model"]
    """Mean of the training positions, raw, float32."""
    directions: Float[Tensor, "d_model d_model"]
    """Columns are principal directions, that of most variance first, float32."""
    untrained: SAE
    """The untrained SAE."""

    def energies(self, rows: Float[Tensor, "n row"]) -> dict[str, Float[Tensor, "n d_model"]]:
        """Squared norm that each further direction takes off ‖x - mean‖², by baseline."""
        centred = self.untrained.target(rows) - self.mean
        sorted_squares = centred.square().sort(dim=1, descending=True).values
        return {"pca": (centred @ self.directions).square(), "neurons": sorted_squares}

    def reconstructions(self, k: int) -> dict[str, Reconstruct]:
        """x̂ of each baseline with `k` directions or neurons, where the rows lie."""

        def pca(rows: Float[Tensor, "n row"]) -> Float[Tensor, "n d_model"]:
            mean, basis = self.mean.to(rows.device), self.directions[:, :k].to(rows.device)
            return (self.untrained.target(rows) - mean) @ basis @ basis.T + mean

        def neurons(rows: Float[Tensor, "n row"]) -> Float[Tensor, "n d_model"]:
            mean = self.mean.to(rows.device)
            centred = self.untrained.target(rows) - mean
            places = centred.abs().topk(k, dim=1).indices
            return torch.zeros_like(centred).scatter(1, places, centred.gather(1, places)) + mean

        return {"untrained": self.reconstruct_untrained, "pca": pca, "neurons": neurons}

    def reconstruct_untrained(self, x: Float[Tensor, "n row"]) -> Float[Tensor, "n d_model"]:
        """x̂ of the untrained SAE."""
        return torch.cat([self.untrained.reconstruct(part) for part in x.split(_CHUNK_ROWS)])


def fit_baselines(
    model: LanguageModel,
    saes: Sequence[SAE],
    tokens: Tokens,
    *,
    tokens_per_batch: int,
    seed: int,
    progress: Progress,
    positions: int = PCA_POSITIONS,
) -> list[Baselines]:
    """Of each of some SAEs at one place, fitted on the first kept, unmassive positions of split train.

    The covariance, which all share, is summed in float64.
    """
    sae = saes[0]
    d, width = sae.d_model, sae.config.row
    n, total, products = 0, torch.zeros(width, dtype=torch.float64), torch.zeros(d, d, dtype=torch.float64)
    centre: Float[Tensor, " row"] | None = None  # near the mean, so that nothing cancels
    sample = torch.zeros(0, width)
    for found in capture(
        model, sae, tokens, split="train", tokens_per_batch=tokens_per_batch, positions=positions, seed=seed
    ):
        x = found.x[found.usual.to(found.x.device)].cpu().double()  # [n, row]
        if centre is None and len(x):
            centre = x.mean(0)
        sample = torch.cat([sample, x[: THRESHOLD_POSITIONS - len(sample)].float()])
        if centre is not None:
            x = x - centre
            n, total = n + len(x), total + x.sum(0)
            written = sae.target(x)
            products.addmm_(written.T, written)
        progress.update(int(found.batch.keep.sum()))
    if centre is None:
        raise UsageError("split train has no kept position that is not massive; evaluate without baselines")
    offset = sae.target(total / n)
    covariance = products / n - torch.outer(offset, offset)
    directions = torch.linalg.eigh(covariance).eigenvectors.flip(1)  # [d, d], most variance first
    mean, columns = (centre + total / n).float(), directions.float().contiguous()
    return [
        Baselines(mean=one.target(mean), directions=columns, untrained=_untrained(one, mean, sample, seed))
        for one in saes
    ]


def _untrained(sae: SAE, mean: Float[Tensor, " row"], sample: Float[Tensor, "n row"], seed: int) -> SAE:
    """An SAE as `sae` would have begun; a threshold that its kind needs is fitted on the sample."""
    config = replace(sae.config, seed=derive_seed(seed, "evaluation-untrained"))
    untrained = SAE.initialise(
        config,
        mean=mean,
        scale=sae.unit,
        massive=sae.massive,
        balance=sae.balance,
        device=sae.encoder.device,
    )
    if config.kind.thresholds == "by_l0":
        untrained = thresholds_of(untrained, lambda: sample)
    return untrained
