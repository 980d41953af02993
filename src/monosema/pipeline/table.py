"""The figures of an evaluation as people read them: each beside its baselines, with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monosema.artifact import Artifact
from monosema.files import read_json
from monosema.study import Study

EVALUATION = "evaluation.json"
Record = Mapping[str, Any]

BASELINES = {"untrained": "untrained SAE", "pca": "PCA", "neurons": "neurons"}

FIGURES: Mapping[str, tuple[str, Callable[[Record], Any]]] = {
    "l0": ("L0 (features a position)", lambda r: r["l0"]),
    "fvu": ("variance unexplained (FVU)", lambda r: r["fvu"]),
    "variance_explained": ("variance explained", lambda r: r["variance_explained"]),
    "ce_plain": ("cross-entropy, plain model", lambda r: r["ce"]["plain"]),
    "ce_added": ("cross-entropy added (nats)", lambda r: r["ce"]["added"]),
    "ce_recovered_mean": ("CE recovered, against mean", lambda r: r["ce"]["recovered_mean"]),
    "ce_recovered_zero": ("CE recovered, against zero", lambda r: r["ce"]["recovered_zero"]),
    "kl": ("KL from the plain model", lambda r: r["ce"]["kl"]),
    "shrinkage": ("shrinkage", lambda r: r["shrinkage"]),
    "dead_share": ("dead features (share)", lambda r: r["dead_share"]),
    "left_out": ("massive positions left out", lambda r: r["left_out"]["massive"]),
}
"""Name in JSON: what people read, and where it stands in the record."""

OF_BASELINES: Mapping[str, str] = {
    "l0": "l0",
    "fvu": "fvu",
    "ce_added": "ce_added",
    "ce_recovered_mean": "recovered_mean",
    "ce_recovered_zero": "recovered_zero",
}
"""Figures that baselines have too, by their names there."""


def figure_table(artifact: Artifact, study: Study) -> dict[str, Any]:
    """All figures of one evaluation: plain numbers, the whole record, and rows for a table."""
    record = read_json(artifact.path / EVALUATION)
    shown = {key: name for key, name in BASELINES.items() if key in record["baselines"]}
    rows = []
    for key, (name, find) in FIGURES.items():
        values = [_number(find(record)), _interval(find(record))]
        for baseline in shown:
            field = OF_BASELINES.get(key)
            values.append(_number(record["baselines"][baseline][field]) if field else "")
        rows.append({"figure": name, "values": values})
    about = (
        f"{record['d_sae']} features at {record['hook']} of {record['model']}, "
        f"{record['positions']} positions of {record['documents']} documents never trained on"
    )
    return {
        "about": about,
        "figures": {key: find(record)["value"] for key, (_, find) in FIGURES.items()},
        "columns": ["figure", "SAE", "95% interval", *shown.values()],
        "rows": rows,
        "notes": record["notes"],
        "record": record,
    }


def _number(figure: Record) -> str:
    return "not defined" if figure["value"] is None else f"{figure['value']:.3g}"


def _interval(figure: Record) -> str:
    if figure["low"] is None or figure["high"] is None:
        return ""
    return f"{figure['low']:.3g} to {figure['high']:.3g}"
