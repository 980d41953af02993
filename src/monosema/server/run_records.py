"""Records of work: training runs with their curves, and what is being made."""

from __future__ import annotations

from typing import Literal

from monosema.server.record import Record
from monosema.server.records import State
from monosema.server.writer import Writer


class CurvePoint(Record):
    """A step of training (docs/metrics.md)."""

    step: int
    positions: int
    """Positions seen by then."""
    loss: float | None
    """Null where a figure is not finite, here and below."""
    mse: float | None
    l0: float | None
    variance_explained: float | None
    """Of the batch of this step."""
    dead_share: float | None
    grad_norm: float | None
    lr: float | None


class Run(Record):
    """A training run of one SAE."""

    sae: str
    state: State
    """How `sae/NAME` stands; `unfinished` where what is shown is being made, or was stopped."""
    positions: int
    """Positions seen, as of the last checkpoint."""
    expected: int | None
    """Positions that there will be; null where that is not decided yet."""
    curve: list[CurvePoint]
    """At most 500 steps, evenly chosen, the last one among them; none of an SAE that was given, not trained."""


class RunList(Record):
    """The runs of a study."""

    runs: list[Run]


class StageWork(Record):
    """A stage that is being made, or was stopped."""

    kind: str
    name: str
    running: bool
    """Whether a writer is at work on the study; which of its unfinished stages it makes is not known."""
    done: int | None
    """Null where it is not known."""
    total: int | None
    unit: Literal["positions"] = "positions"


class LogEntry(Record):
    """What was done, and what it cost."""

    time: str
    """UTC."""
    verb: str
    made: str | None
    """What it made, as kind/name."""
    seconds: float | None


class WorkRecord(Record):
    """How work on a study stands."""

    writer: Writer | None
    """Who writes it now."""
    stages: list[StageWork]
    """Those that are not finished."""
    log: list[LogEntry]
    """The last 50 entries of its log, the newest last."""
