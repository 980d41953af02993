"""Evaluation: how faithful an SAE is, measured on other documents and beside what could beat it."""

from __future__ import annotations

from monosema.evaluation.bootstrap import Bootstrap, Figure, jackknife
from monosema.evaluation.evaluate import evaluate, evaluate_each, place_of
from monosema.evaluation.groundtruth import OF_HELD_OUT_TEMPLATE, groundtruth, groundtruth_each, scorable
from monosema.evaluation.known import KnownFacts, Question, known_facts
from monosema.evaluation.record import (
    Baseline,
    CrossEntropy,
    Evaluation,
    Histogram,
    LeftOut,
    WithMassive,
)
from monosema.evaluation.settings import EvaluationSettings
from monosema.evaluation.truth_record import ConceptRecord, GroundTruth

__all__ = [
    "OF_HELD_OUT_TEMPLATE",
    "Baseline",
    "Bootstrap",
    "ConceptRecord",
    "CrossEntropy",
    "Evaluation",
    "EvaluationSettings",
    "Figure",
    "GroundTruth",
    "Histogram",
    "KnownFacts",
    "LeftOut",
    "Question",
    "WithMassive",
    "evaluate",
    "evaluate_each",
    "groundtruth",
    "groundtruth_each",
    "jackknife",
    "known_facts",
    "place_of",
    "scorable",
]
