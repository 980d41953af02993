"""`groundtruth`: which concepts of the text have a feature, beside what tells them as well."""

from __future__ import annotations

from statistics import median
from typing import Any

from monosema.cli.output import Json, print_json, print_table, reporter, say
from monosema.cli.run import Remake, SAEName, StudyPath

BASELINES = {"neuron": "neuron", "residual": "coordinate", "probe": "probe", "token": "token rule"}


def groundtruth(study: StudyPath, sae: SAEName = "main", remake: Remake = False, json: Json = False) -> None:
    """Score the best feature of every concept on held-out documents, beside neurons, a probe and a token rule."""
    from monosema import pipeline

    record = pipeline.groundtruth(pipeline.open_study(study), sae=sae, remake=remake, reporter=reporter(json))
    if json:
        print_json(record)
        return
    decisive = _under(record, "unnamed")
    rows = [_row(one) for one in sorted(decisive, key=lambda one: -one["score"]["f1"]["value"])]
    print_table(
        "F1 where no name stands in the last 8 tokens (chosen on one half of the documents, measured on the other)",
        ["concept", "documents", "feature", "F1", "95%", *BASELINES.values(), ""],
        rows,
    )
    for sentence in (
        *_shown(record, decisive),
        _unscorable(record),
        *_inside(_under(record, "inside")),
        *_described(_under(record, "described")),
        *_inside_described(_under(record, "inside_described")),
        *_facts(record["facts"]),
    ):
        say(sentence)


def _under(record: dict[str, Any], condition: str) -> list[dict[str, Any]]:
    return [one for one in record["records"] if one["condition"] == condition]


def _shown(record: dict[str, Any], decisive: list[dict[str, Any]]) -> list[str]:
    if not decisive:
        return [f"no concept has enough of the {record['documents']} held-out documents; give more text"]
    found = [
        f"{record['shown_share']:.0%} of {len(decisive)} concepts are shown: a feature with F1 .6 or more that beats "
        f"the token rule; {_medians(decisive)}",
        *_winners(decisive),
    ]
    if not record["named"]:
        found.append(
            'no name is marked in this text, so nothing counts as shown; mark them: concepts = "world"'
        )
    share = record["concepts_with_feature"]
    if share is not None:
        found.append(
            f"of the {record['seen_often']} concepts that stand in more than 1 of {record['alive']} training positions "
            f"(as many features are alive), {_share(share)} are shown"
        )
    return found


def _unscorable(record: dict[str, Any]) -> str:
    """What the share of the concepts that are seen often leaves out."""
    further = f", {record['further']} of them beyond the study's own" if record["further"] else ""
    return (
        f"seen often enough but not scorable: {record['seen_unscorable']} concepts "
        f"(too few of {record['documents']} held-out documents{further})"
    )


def _inside(inside: list[dict[str, Any]]) -> list[str]:
    if not inside:
        return ["no concept is named at enough held-out positions to be scored inside its names"]
    return [
        f"inside names ({len(inside)} concepts; positions): {_medians(inside)}; names were marked by matching words, "
        "which favours the token rule, so none of this counts as shown",
        *_winners(inside),
    ]


def _described(described: list[dict[str, Any]]) -> list[str]:
    if not described:
        return []
    found = [
        f"on descriptions without the name, in frames that were held out ({len(described)} concepts): "
        f"{_medians(described)}",
        *_winners(described),
    ]
    moved = [one["transfer"]["f1"]["value"] for one in described if one["transfer"] is not None]
    if moved:
        found.append(
            f"feature and threshold of the table, on all descriptions of {len(moved)} concepts: "
            f"median F1 {median(moved):.2f}"
        )
    return found


def _inside_described(inside: list[dict[str, Any]]) -> list[str]:
    if not inside:
        return []
    return [
        f"inside what describes the concept ({len(inside)} concepts; positions): {_medians(inside)}; the same "
        "descriptions recur in all frames, which favours the token rule",
        *_winners(inside),
    ]


def _facts(facts: dict[str, Any] | None) -> list[str]:
    if facts is None:
        return []
    floor = (
        ""
        if facts["swapped"] is None
        else f"; {facts['swapped']:.0%} with its answers to other questions of the relation"
    )
    return [
        f"the model itself knows {_share(facts['known'])} of {facts['questions']} facts of the catalogue{floor}"
    ]


def _share(figure: dict[str, float]) -> str:
    return f"{figure['value']:.0%} ({figure['low']:.0%} to {figure['high']:.0%})"


def _medians(records: list[dict[str, Any]]) -> str:
    feature, others = _middle(records)
    return f"median F1 {feature:.2f}, " + ", ".join(
        f"{BASELINES[kind]} {others[kind]:.2f}" for kind in BASELINES
    )


def _winners(records: list[dict[str, Any]]) -> list[str]:
    """A plain sentence where a baseline does as well as the best feature."""
    feature, others = _middle(records)
    better = [name for kind, name in BASELINES.items() if others[kind] >= feature]
    if not better:
        return []
    return [f"at the median as good as a single feature or better there: {', '.join(better)}"]


def _middle(records: list[dict[str, Any]]) -> tuple[float, dict[str, float]]:
    return median(one["score"]["f1"]["value"] for one in records), {
        kind: median(one["baselines"][kind]["f1"]["value"] for one in records) for kind in BASELINES
    }


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
