"""Write the figures of a finished study into README.md, between their markers.

python recipes/readme_figures.py STUDY

What steering did is taken from the study's `steered.json`, which `python -m benchmarks.demo --study STUDY` keeps;
without it that part of README stays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from monosema import pipeline

README = Path(__file__).parents[1] / "README.md"
COMPARED = "compare golden_gate_bridge"
WAYS = {
    "golden_gate": "a set of features at its dose",
    "golden_gate_single": "the single best feature",
    "mean_difference": "the mean difference of the same examples, no SAE",
    "plain": "nothing",
    "random": "random features of equal norm",
    "prompted": "a system prompt that asks for it",
}
"""Conditions of the benchmark, in words."""
QUOTED = {"plain": "plain", "golden_gate": "steered"}
"""Conditions whose answers are shown."""
SHOWN = ("L0", "variance explained", "cross-entropy", "CE recovered", "dead")


def table(name: str, record: dict[str, Any]) -> str:
    """The study's table in Markdown, with what it is over and the notes."""
    lines = [f"| {' | '.join(record['columns'])} |", f"| {' | '.join('---' for _ in record['columns'])} |"]
    for row in record["rows"]:
        if row["figure"].startswith(SHOWN):
            lines.append(f"| {row['figure']} | {' | '.join(row['values'])} |")
    notes = [f"- {note}" for note in record["notes"]]
    return "\n".join([f"`{name}`: {record['about']}", "", *lines, *([""] if notes else []), *notes])


def steered(record: dict[str, Any]) -> str:
    """How often each way made the model name the bridge, and one prompt's answers."""
    lines = ["| turned up | names it | fluent | both, 95% interval |", "| --- | --- | --- | --- |"]
    for way, words in WAYS.items():
        shares, (low, high) = record[way]["all"], record[way]["interval"]
        both = f"**{shares['both']:.2f}** ({low:.2f} to {high:.2f})"
        lines.append(f"| {words} | {shares['named']:.2f} | {shares['fluent']:.2f} | {both} |")
    each = [record[way]["continuations"][0] for way in QUOTED]
    lines += ["", f'The first of the answers that the seed chose to be shown, to "{each[0]["prompt"]}":', ""]
    said = [
        f"> {words}: *{' '.join(one['text'].split())}*"
        for words, one in zip(QUOTED.values(), each, strict=True)
    ]
    return "\n".join([*lines, "\\\n".join(said)])


def put(text: str, mark: str, made: str) -> str:
    """The text with something else between two markers."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{made}\n{end}{after}"


def main() -> None:
    """Replace what stands between the markers."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    study = pipeline.open_study(sys.argv[1])
    figures = pipeline.figures(study)
    text = README.read_text(encoding="utf-8")
    text = put(text, "figures", "\n\n".join(table(name, record) for name, record in figures.items()))
    kept = study.path / "steered.json"
    outcomes = json.loads(kept.read_text()) if kept.exists() else {}
    compared = [one for key, one in outcomes.items() if key.startswith(COMPARED)]
    if compared:
        text = put(text, "steered", steered(compared[-1]))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
