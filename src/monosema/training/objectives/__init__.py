"""What each kind of SAE is trained for: the row of a kind of `KINDS` here says how, a file each."""

from __future__ import annotations

from typing import Final

from monosema.training.objectives.batch_topk import BatchTopKObjective
from monosema.training.objectives.gated import GatedObjective
from monosema.training.objectives.jumprelu import JumpReLUObjective
from monosema.training.objectives.l1 import L1Objective
from monosema.training.objectives.matryoshka import MatryoshkaBatchTopKObjective, MatryoshkaTopKObjective
from monosema.training.objectives.objective import DENSE, Moment, Objective
from monosema.training.objectives.tanh import TanhObjective
from monosema.training.objectives.topk import TopKObjective

OBJECTIVES: Final[dict[str, type[Objective]]] = {
    "topk": TopKObjective,
    "batchtopk": BatchTopKObjective,
    "matryoshka": MatryoshkaBatchTopKObjective,
    "matryoshka_topk": MatryoshkaTopKObjective,
    "l1": L1Objective,
    "jumprelu": JumpReLUObjective,
    "tanh": TanhObjective,
    "gated": GatedObjective,
}
"""Made from the weights, the settings of the kind, and thresholds on a where the kind trains them."""

__all__ = ["DENSE", "OBJECTIVES", "Moment", "Objective"]
