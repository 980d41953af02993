"""Evaluation: how faithful an SAE is, measured on other documents and beside what could beat it."""

from __future__ import annotations

from monosema.evaluation.bootstrap import Bootstrap, Figure, jackknife
from monosema.evaluation.evaluate import evaluate
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
    "CrossEntropy",
    "Evaluation",
    "EvaluationSettings",
    "Figure",
    "Histogram",
    "LeftOut",
    "WithMassive",
    "evaluate",
    "jackknife",
]
