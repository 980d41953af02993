"""Interventions: edits of features, steered text, how strong an edit should be."""

from monosema.interventions.dose import PROMPTS, Dose, DoseCurve, DosePoint, Trials, search_dose
from monosema.interventions.edits import OPERATIONS, Edit, Steering, ablate, add, clamp, raise_to, scale
from monosema.interventions.fluency import Fluency, mean_losses
from monosema.interventions.steer import as_ids, steer

__all__ = [
    "OPERATIONS",
    "PROMPTS",
    "Dose",
    "DoseCurve",
    "DosePoint",
    "Edit",
    "Fluency",
    "Steering",
    "Trials",
    "ablate",
    "add",
    "as_ids",
    "clamp",
    "mean_losses",
    "raise_to",
    "scale",
    "search_dose",
    "steer",
]
