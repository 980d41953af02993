"""`groundtruth`: which concepts of the text have a feature, beside what tells them as well."""

from __future__ import annotations

from statistics import median
from typing import Any

from monosema.cli.look import SAEName
from monosema.cli.output import Json, print_json, print_table, reporter, say
from monosema.cli.run import Remake, StudyPath

BASELINES = {"neuron": "neuron", "residual": "direction", "probe": "probe", "token": "token rule"}


def groundtruth(study: StudyPath, sae: SAEName = "main", remake: Remake = False, json: Json = False) -> None:
    """Score the best feature of every concept on held-out documents, beside neurons, a probe and a token rule."""
    from monosema import pipeline

    record = pipeline.groundtruth(pipeline.open_study(study), sae=sae, remake=remake, reporter=reporter(json))
    if json:
        print_json(record)
        return
    decisive = [one for one in record["records"] if one["condition"] == "unnamed"]
    rows = [_row(one) for one in sorted(decisive, key=lambda one: -one["score"]["f1"]["value"])]
    print_table(
        "F1 where no name stands in the last 8 tokens (chosen on one half of the documents, measured on the other)",
        ["concept", "documents", "feature", "F1", "95%", *BASELINES.values(), ""],
        rows,
    )
    if not decisive:
        say(f"no concept has enough of the {record['documents']} held-out documents; give more text")
        return
    middle = {kind: median(one["baselines"][kind]["f1"]["value"] for one in decisive) for kind in BASELINES}
    feature = median(one["score"]["f1"]["value"] for one in decisive)
    better = [name for kind, name in BASELINES.items() if middle[kind] >= feature]
    say(
        f"{record['shown_share']:.0%} of {len(decisive)} concepts are shown: a feature with F1 .6 or more that beats "
        f"the token rule; median F1 {feature:.2f}, "
        + ", ".join(f"{BASELINES[k]} {v:.2f}" for k, v in middle.items())
    )
    if better:
        say(f"at the median, {' and '.join(better)} tells concepts as well as a single feature or better")


def _row(one: dict[str, Any]) -> list[str]:
    f1 = one["score"]["f1"]
    baselines = [f"{one['baselines'][kind]['f1']['value']:.2f}" for kind in BASELINES]
    interval = f"{f1['low']:.2f} to {f1['high']:.2f}"
    positives = str(one["score"]["positives"])
    verdict = "shown" if one["shown"] else "not shown"
    return [
        one["concept"],
        positives,
        str(one["feature"]),
        f"{f1['value']:.2f}",
        interval,
        *baselines,
        verdict,
    ]
