"""Routes of work: curves of training, what is being made and how far it is. They read small files only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response

from monosema.artifact import LOGS, MANIFEST, draft_place
from monosema.errors import MonosemaError
from monosema.files import read_json, seal
from monosema.pipeline import STAGES
from monosema.pipeline.work import PLAN
from monosema.server.access import Studies, StudyName
from monosema.server.fresh import UNKEPT
from monosema.server.run_records import CurvePoint, LogEntry, Run, RunList, StageWork, WorkRecord
from monosema.server.served import ServedSAE
from monosema.server.shelf import asked_of
from monosema.server.writer import writer_of
from monosema.training import read_metrics

router = APIRouter(prefix="/studies/{study}", tags=["studies"])
MOST_POINTS = 500
MOST_ENTRIES = 50
TAIL = 1 << 16
"""Bytes of a log that are looked at."""


@router.get("/runs")
def list_runs(studies: Studies, study: StudyName, response: Response) -> RunList:
    """The training run of every SAE, finished or not, with its curve."""
    response.headers.update(UNKEPT)
    opened, _ = studies.study(study)
    return RunList(runs=[_run(studies.sae(study, name)) for name in asked_of(opened).saes])


@router.get("/work")
def get_work(studies: Studies, study: StudyName, response: Response) -> WorkRecord:
    """Who writes the study, what is not finished and how far it is, and what was done last."""
    response.headers.update(UNKEPT)
    opened, _ = studies.study(study)
    asked, writer = asked_of(opened), writer_of(opened)
    stages = []
    for kind, stage in STAGES.items():
        for name in stage.names(asked):
            if draft_place(opened.place(kind, name)).is_dir():
                done, total = (
                    _progress(studies.sae(study, name), kind) if name in asked.saes else (None, None)
                )
                stages.append(
                    StageWork(kind=kind, name=name, running=writer is not None, done=done, total=total)
                )
    return WorkRecord(writer=writer, stages=stages, log=_log(opened.path / "log.jsonl"))


def _progress(served: ServedSAE, kind: str) -> tuple[int | None, int | None]:
    if kind == "sae":
        run = _run(served)
        return run.positions, run.expected
    if kind == "index" and not served.settled:
        try:
            coverage = served.coverage()
        except MonosemaError:
            return None, None  # its first part is not there yet
        return coverage.positions, coverage.expected
    return None, None


def _run(served: ServedSAE) -> Run:
    place = served.study.place("sae", served.name)
    draft = draft_place(place)
    # what is being made is shown, not what it will replace
    making = (draft / PLAN).is_file()
    folder = draft if making else place
    lines = _lines(served, folder)
    plan = read_json(folder / PLAN) if (folder / PLAN).is_file() else None
    return Run(
        sae=served.name,
        state="unfinished" if making else served.state("sae"),
        positions=lines[-1]["positions"] if lines else 0,
        expected=None if plan is None else plan["steps"] * plan["batch"],
        curve=[_point(lines[number]) for number in _chosen(len(lines))],
    )


def _lines(served: ServedSAE, folder: Path) -> Sequence[Mapping[str, Any]]:
    """Lines of metrics, read again when there is another part."""
    metrics = folder / LOGS / "metrics"
    key = (seal(folder / MANIFEST), seal(folder / PLAN), seal(metrics))
    return served.kept("metrics", key, lambda: list(read_metrics(metrics)))


def _chosen(n: int) -> list[int]:
    """Places of at most `MOST_POINTS` of n, even, the last one among them."""
    step = max(1, math.ceil(n / MOST_POINTS))
    return list(range((n - 1) % step, n, step))


def _point(line: Mapping[str, Any]) -> CurvePoint:
    figures = {name: line.get(name) for name in CurvePoint.model_fields}
    return CurvePoint(
        **{
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in figures.items()
        }
    )


def _log(path: Path) -> list[LogEntry]:
    """The last entries; a line that is no entry (the first may be cut) is left out."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    entries = []
    for line in lines[-MOST_ENTRIES:]:
        try:
            entry = json.loads(line)
            entries.append(
                LogEntry(
                    time=entry["time"],
                    verb=entry["verb"],
                    made=entry.get("made"),
                    seconds=entry.get("seconds"),
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return entries
