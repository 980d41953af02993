"""Records of doses."""

from __future__ import annotations

from monosema.interventions import Positions
from monosema.server.record import Record


class DoseFeature(Record):
    """What a dose does to a feature."""

    number: int
    maximum: float
    """Its largest activation when the dose was searched."""
    weight: float
    """Its share in the set."""
    operation: str
    """`clamp` for a single feature, `add` for those of a set."""
    value: float
    """The activation that it is put at, or that is added: maximum times weight times the dose's multiple."""


class DosePointRecord(Record):
    """A dose and what the model wrote at it."""

    features: list[DoseFeature]
    multiple: float
    positions: Positions
    named: float
    """Share of answers that name the concept."""
    fluent: float
    """Share of answers that are fluent (docs/metrics.md)."""
    both: float
    """Share of answers that name it in fluent text."""
    answers: int
    """Answers behind these shares."""


class DoseSummary(Record):
    """A dose in the list."""

    concept: str
    """Id in the catalogue of concepts; what `steering` takes."""
    plain: float
    """Share of plain answers that name it."""
    best: DosePointRecord


class DoseList(Record):
    """The doses that are stored for an SAE."""

    doses: list[DoseSummary]
    command: str
    """What to type for another one; CONCEPT stands for its id."""


class DoseRecord(DoseSummary):
    """A dose with all that was sampled."""

    single: DosePointRecord
    """The best one with a single feature."""
    points: list[DosePointRecord]
    """Every dose that was sampled."""
