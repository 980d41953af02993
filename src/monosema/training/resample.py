"""Resampling: dead features begin anew as inputs that are reconstructed badly (Bricken et al. 2023).

1. Positions are drawn with a chance proportional to the square of their squared error.
2. A dead feature's decoder row becomes the direction of one, less b_dec, with the norm that live rows have; its encoder
   row the same direction with a fifth of their norm; its bias is such that it is above 0 where the position is.
3. Adam forgets what it knew of these rows.

There 819,200 inputs were looked at, here the batch of that step, so that nothing has to be kept for a resume.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from monosema.training.plan import TrainPlan
from monosema.training.step import Step

ENCODER_NORM = 0.2


def is_due(plan: TrainPlan, done: int) -> bool:
    """Whether dead features begin anew after `done` steps: evenly in the first half of training."""
    return done in {plan.steps * number // (2 * plan.resample) for number in range(1, plan.resample + 1)}


def dead_for(plan: TrainPlan) -> int:
    """Positions without an activation after which a feature begins anew: half of the time between two occasions."""
    return max(1, plan.positions // (4 * plan.resample))


@torch.no_grad()
def resample(
    step: Step,
    x: Float[Tensor, "n d_model"],
    dead: Int[Tensor, " dead"],
    generator: torch.Generator,
    *,
    target: Float[Tensor, "n d_model"] | None = None,
) -> None:
    """Let the features `dead` begin anew; `x` is the batch, in scaled units, that `step` has just been trained on.

    With a `target`, decoder rows get its directions at the same positions, and the mean of x takes the part of b_dec.
    """
    if not len(dead) or len(dead) == len(step.silent):
        return
    live = torch.ones(len(step.silent), dtype=torch.bool, device=x.device).index_fill_(0, dead, value=False)
    chances = step.errors(len(x)).double().square().cpu()
    enough = int((chances > 0).sum()) >= len(dead)
    drawn = torch.multinomial(chances, len(dead), replacement=not enough, generator=generator).to(x.device)
    centre = step.b_dec if target is None else x.mean(0)
    rows = normalize(x[drawn] - centre, dim=1)  # [dead, d_model]
    out = rows if target is None else normalize(target[drawn] - step.b_dec, dim=1)
    norms = [torch.linalg.vector_norm(weight[live], dim=1).mean() for weight in (step.encoder, step.decoder)]
    step.restart(dead, rows * (ENCODER_NORM * norms[0]), out * norms[1], centre)
