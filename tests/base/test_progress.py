"""Progress: JSON lines for programs, a Rich line for people."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from monosema.progress import JsonLines, RichLines, Silent, short


def test_json_lines_hold_done_rate_and_figures(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("w") as out,
        JsonLines(out, every=0).stage("train", 100, done=20) as progress,
    ):
        progress.update(30, loss=0.123456789)
        progress.update(50)
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [line["done"] for line in lines] == [20, 50, 100, 100]
    assert lines[1]["loss"] == 0.12346
    assert lines[-1]["stage"] == "train"
    assert lines[-1]["total"] == 100


def test_rich_shows_stage_and_figures() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140)
    with RichLines(console).stage("train", 10) as progress:
        progress.update(10, dead_share=0.25)
    assert "train" in out.getvalue()
    assert "dead share 0.25" in out.getvalue()


def test_silence() -> None:
    with Silent().stage("train", 10) as progress:
        progress.update(10)


def test_counts_are_short() -> None:
    assert [short(n) for n in (0, 950, 1200, 2_584_576, 3_000_000_000)] == ["0", "950", "1.2k", "2.58M", "3G"]


def test_a_narrow_terminal_gets_whole_words_and_fewer_figures() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    with RichLines(console).stage("train", 2_584_576) as progress:
        progress.update(1000, loss=1.25, l0=32, variance_explained=0.9, dead_share=0.0)
    assert "1k/2.58M positions" in out.getvalue()
    assert "loss 1.25" in out.getvalue()
    assert "…" not in out.getvalue()
    assert "dead share" not in out.getvalue()
