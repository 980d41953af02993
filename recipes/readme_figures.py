"""Write the figures of a finished study into README.md, between its two markers.

python recipes/readme_figures.py STUDY
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from monosema import pipeline

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
SHOWN = ("L0", "variance explained", "cross-entropy", "CE recovered", "dead")


def table(name: str, record: dict[str, Any]) -> str:
    """The study's table in Markdown, with what it is over and the notes."""
    lines = [f"| {' | '.join(record['columns'])} |", f"| {' | '.join('---' for _ in record['columns'])} |"]
    for row in record["rows"]:
        if row["figure"].startswith(SHOWN):
            lines.append(f"| {row['figure']} | {' | '.join(row['values'])} |")
    notes = [f"- {note}" for note in record["notes"]]
    return "\n".join([f"`{name}`: {record['about']}", "", *lines, *([""] if notes else []), *notes])


def main() -> None:
    """Replace what stands between the markers."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    figures = pipeline.figures(pipeline.open_study(sys.argv[1]))
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    made = "\n\n".join(table(name, record) for name, record in figures.items())
    README.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
