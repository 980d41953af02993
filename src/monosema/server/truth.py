"""The route of ground truth: how many concepts have a feature, as `monosema groundtruth` has measured it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from monosema.files import read_json
from monosema.pipeline.asked import sae_option
from monosema.pipeline.truth import RECORD
from monosema.server.access import Served
from monosema.server.fresh import UNKEPT
from monosema.server.record import Record
from monosema.server.records import Interval

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["studies"])
KIND = "groundtruth"


class GroundTruthFigures(Record):
    """What was measured on held-out documents."""

    concepts: int
    """Concepts that could be scored where no name of theirs stands near."""
    shown: int
    """Of these, those that a feature shows: F1 of .6 or more, and more than the best token or pair of tokens has."""
    seen_often: int
    """Of the scored ones, those that stand in more of the training positions than one in as many as features live."""
    seen_shown: Interval | None
    """Share of these that a feature shows; null where there are none."""
    documents: int
    """Held-out documents."""
    named: bool
    """Whether names are marked in the text; if not, nothing counts as shown."""


class GroundTruthRecord(Record):
    """Ground truth of an SAE."""

    figures: GroundTruthFigures | None
    """Null where it was not measured of the SAE as it is now."""
    command: str
    """What to type to measure it."""


@router.get("/groundtruth")
def get_groundtruth(served: Served, response: Response) -> GroundTruthRecord:
    """How many concepts have a feature; it reads what was measured, and measures nothing."""
    response.headers.update(UNKEPT)
    found = served.made(KIND) if served.state(KIND) == "made" else None
    return GroundTruthRecord(
        figures=None
        if found is None
        else served.kept(KIND, found.hash, lambda: _figures(read_json(found.path / RECORD))),
        command=f"monosema groundtruth {served.study.path}{sae_option(served.name)}",
    )


def _figures(record: Mapping[str, Any]) -> GroundTruthFigures:
    decisive = [one for one in record["records"] if one["condition"] == "unnamed"]
    share = record["concepts_with_feature"]
    return GroundTruthFigures(
        concepts=len(decisive),
        shown=sum(one["shown"] for one in decisive),
        seen_often=record["seen_often"],
        seen_shown=None
        if share is None
        else Interval(value=share["value"], low=share["low"], high=share["high"]),
        documents=record["documents"],
        named=record["named"],
    )
