"""Evaluation: how faithful an SAE is, measured on other documents and beside what could beat it."""

from __future__ import annotations

from monosema.evaluation.bootstrap import Bootstrap, Figure, jackknife
from monosema.evaluation.evaluate import evaluate
from monosema.evaluation.groundtruth import ConceptRecord, GroundTruth, groundtruth
from monosema.evaluation.record import (
    Baseline,
    CrossEntropy,
    Evaluation,
    Histogram,
    LeftOut,
    WithMassive,
)
from monosema.evaluation.settings import EvaluationSettings

__all__ = [
    "Baseline",
    "Bootstrap",
    "ConceptRecord",
    "CrossEntropy",
    "Evaluation",
    "EvaluationSettings",
    "Figure",
    "GroundTruth",
    "Histogram",
    "LeftOut",
    "WithMassive",
    "evaluate",
    "groundtruth",
    "jackknife",
]
