"""AuxK (Gao et al. 2024, appendix A.2): dead features learn to reconstruct what the live ones leave over.

With e = x - x̂ held constant and ê = Σ f_j d_j over the k_aux largest pre-activations among *dead* features, ReLU
applied, the loss gets the term

    aux_coefficient · mean over positions ‖e - ê‖²

Its gradient reaches decoder rows, encoder rows and biases of dead features that were selected above 0, and b_dec
through their pre-activations where b_dec is subtracted; live features get none, because e is constant. What is
reported is the share Σ‖e - ê‖² / Σ‖e‖²: 1 where the dead features explain nothing.

Dead features are few, so their codes are dense here, some positions at a time: with D of them this costs 5 D / d_sae
of a dense encoder product and 8 · D bytes a position.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.kernels import energy
from monosema.training.gradients import Gradients
from monosema.training.objectives.objective import where_active


def auxiliary_loss(
    gradients: Gradients,
    dead: Int[Tensor, " dead"],
    parameters: tuple[Tensor, Tensor, Tensor],
    inputs: Float[Tensor, "n d_model"],
    residual: Float[Tensor, "n d_model"],
    *,
    k: int,
    coefficient: float,
    rows: int,
) -> tuple[float, float]:
    """Add the gradients of the auxiliary loss; return its term of the loss and the share that is unexplained.

    `parameters` are encoder, decoder and b_enc; `residual` is (2 / n)(x̂ - x) as the step keeps it; `rows` is
    the number of positions worked on at a time.
    """
    encoder, decoder, bias = (parameter[dead] for parameter in parameters)
    n = len(inputs)
    unexplained = torch.zeros((), dtype=torch.float64, device=inputs.device)
    whole = torch.zeros((), dtype=torch.float64, device=inputs.device)
    for start in range(0, n, rows):
        x, error = inputs[start : start + rows], residual[start : start + rows]
        acts = _largest(torch.addmm(bias, x, encoder.T), k)  # [rows, dead]
        left = torch.addmm(error, acts, decoder, alpha=2 / n)  # (2 / n)(ê - e)
        unexplained += energy(left)
        whole += energy(error)
        left.mul_(coefficient)
        z = where_active(left @ decoder.T, acts)
        gradients.add_features(dead, acts, z, left, x)
    to_mean = n / 4  # the sums hold (2 / n)² of the squares
    term = coefficient * to_mean * float(unexplained)
    return term, float(unexplained / whole) if float(whole) > 0 else 0.0


def _largest(pre_acts: Float[Tensor, "n dead"], k: int) -> Float[Tensor, "n dead"]:
    """ReLU of the k largest of each row, zero elsewhere."""
    if k >= pre_acts.shape[1]:
        return pre_acts.relu_()
    values, indices = pre_acts.topk(k, dim=1, sorted=False)
    return pre_acts.zero_().scatter_(1, indices, values.relu_())
