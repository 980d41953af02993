"""Interventions: edits of features, steered text, how strong an edit should be."""

from monosema.interventions.dose import Dose, DoseCurve, DosePoint, search_dose, turned_up
from monosema.interventions.edits import (
    OPERATIONS,
    PLACES,
    Edit,
    Positions,
    Push,
    Steering,
    Way,
    ablate,
    add,
    clamp,
    raise_to,
    scale,
)
from monosema.interventions.effect import Effect, Saying
from monosema.interventions.fluency import Fluency, mean_losses
from monosema.interventions.push import PushPoint, search_push
from monosema.interventions.steer import as_ids, steer, steer_each
from monosema.interventions.stream import Changes, FiringsAt, steer_stream
from monosema.interventions.trials import PROMPTS, Shares, Trials, Verdict

__all__ = [
    "OPERATIONS",
    "PLACES",
    "PROMPTS",
    "Changes",
    "Dose",
    "DoseCurve",
    "DosePoint",
    "Edit",
    "Effect",
    "FiringsAt",
    "Fluency",
    "Positions",
    "Push",
    "PushPoint",
    "Saying",
    "Shares",
    "Steering",
    "Trials",
    "Verdict",
    "Way",
    "ablate",
    "add",
    "as_ids",
    "clamp",
    "mean_losses",
    "raise_to",
    "scale",
    "search_dose",
    "search_push",
    "steer",
    "steer_each",
    "steer_stream",
    "turned_up",
]
