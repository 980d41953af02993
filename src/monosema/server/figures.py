"""The figures of an evaluation as records: each beside its baselines, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monosema.pipeline.table import BASELINES, FIGURES, OF_BASELINES
from monosema.server.records import BaselineFigure, DensityBins, EvaluationRecord, Interval, NamedFigure


def evaluation_record(record: Mapping[str, Any]) -> EvaluationRecord:
    """The record of an evaluation (`Evaluation.to_dict`)."""
    return EvaluationRecord(
        positions=record["positions"],
        documents=record["documents"],
        split=record["split"],
        figures=[
            NamedFigure(key=key, name=name, figure=_interval(find(record)), baselines=_baselines(record, key))
            for key, (name, find) in FIGURES.items()
        ],
        density=DensityBins(
            edges=record["density"]["edges"], shares=[_interval(one) for one in record["density"]["shares"]]
        ),
        notes=record["notes"],
    )


def _baselines(record: Mapping[str, Any], key: str) -> list[BaselineFigure]:
    field = OF_BASELINES.get(key)
    if field is None:
        return []
    return [
        BaselineFigure(
            name=BASELINES.get(name, name), what=baseline["what"], figure=_interval(baseline[field])
        )
        for name, baseline in record["baselines"].items()
    ]


def _interval(figure: Mapping[str, Any]) -> Interval:
    return Interval(value=figure["value"], low=figure["low"], high=figure["high"])
