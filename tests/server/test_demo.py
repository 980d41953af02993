"""The demo on a tiny model, and what comes after it: on a terminal the pages, in a script nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer

import tiny
from monosema.cli import demo as demonstration
from monosema.cli.main import app

SCRIPT = (
    "import sys; from pathlib import Path; from monosema.cli.demo import browse; browse(Path(sys.argv[1]))"
)
TINY = """
import sys
from monosema.cli import demo, main

model, text, study = sys.argv[1:]
demo.SAE = ("--model", model, "--corpus", text, "--hook", "resid_post.1", "--k", "4")
demo.SIZE = ("--d-sae", "64", "--tokens", "6000")
demo.ON, demo.OFF = ("the golden gate",), ()
main(["demo", study])
"""
"""The demo, but on a tiny model."""


def test_in_a_script_the_demo_ends(finished: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(finished)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


def test_on_a_terminal_it_ends_with_the_pages_open_until_ctrl_c(finished: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(finished)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while b"Ctrl-C ends it" not in said:
        said += os.read(ours, 4096)
    url = said.decode().split("serving ")[1].split()[0]
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert answer.status == 200
    process.send_signal(2)
    assert process.wait(30) == 0
    os.close(ours)


def test_the_demo_tells_its_whole_story(tmp_path: Path) -> None:
    model, text = tiny.save_llama(tmp_path / "model"), tiny.save_text(tmp_path / "text.jsonl")
    done = subprocess.run(
        [sys.executable, "-c", TINY, str(model), str(text), str(tmp_path / "study")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = [line.split()[2] for line in done.stderr.splitlines() if line.startswith("$ monosema")]
    assert shown == ["init", "run", "find", "show", "neighbours", "dose", "steer"]
    assert done.stdout.count("[steered]") == len(demonstration.PROMPTS)
    assert "Your turn" in done.stderr


def test_minutes_for_a_study_that_stands_already_are_not_ignored_in_silence(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(demonstration, "_step", lambda context, why, *words: steps.append(words[0]))
    monkeypatch.setattr(demonstration, "ON", ("the golden gate",))
    monkeypatch.setattr(demonstration, "OFF", ())
    demonstration.demo(typer.Context(typer.main.get_command(app)), finished, minutes=5)
    assert "init" not in steps
    assert f"--minutes is for a new study: {finished} stands already" in capsys.readouterr().err
