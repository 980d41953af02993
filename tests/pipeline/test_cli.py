"""The command line as a person or a program meets it: exit codes, one line an error, JSON alone on stdout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiny
from pipeline.test_run import edit, stopped_in_training

RUN = [sys.executable, "-m", "monosema"]


def monosema(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *arguments], capture_output=True, text=True, check=False, **options)


def failed(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert done.returncode == code, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in line


def test_help_names_every_verb() -> None:
    done = monosema("--help")
    assert done.returncode == 0
    for verb in ("init", "plan", "run", "train", "evaluate", "info", "doctor"):
        assert verb in done.stdout


def test_init_run_and_info_from_the_command_line(tmp_path: Path) -> None:
    model, text = tiny.save_llama(tmp_path / "model"), tiny.save_text(tmp_path / "text.jsonl")
    study = str(tmp_path / "study")
    options = ["--d-sae", "64", "--k", "4", "--tokens", "6000"]
    done = monosema("init", study, "--model", str(model), "--corpus", str(text), *options)
    assert done.returncode == 0, done.stderr
    assert 'hook = "resid_post.1"' in (tmp_path / "study" / "study.toml").read_text()
    failed(monosema("init", study), 3, "study.toml exists")
    done = monosema("run", study, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"train", "harvest"} <= {line.get("stage") for line in lines}
    assert lines[-1]["figures"]["main"]["figures"]["l0"] <= 4
    shown = monosema("info", study)
    assert "evaluation/main" in shown.stdout
    assert "variance unexplained" in shown.stdout
    states = json.loads(monosema("info", study, "--json").stdout)["artifacts"]
    assert {state["state"] for state in states} == {"fresh"}
    verbs = [json.loads(line)["verb"] for line in (tmp_path / "study" / "log.jsonl").read_text().splitlines()]
    assert set(verbs) == {"run"}


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["run", "nowhere"], 2, ["nowhere is no folder", "monosema init"]),
        (["rum", "study"], 2, []),
        (["init", "s", "--model", "no/such-model-anywhere"], 2, ["no/such-model-anywhere"]),
        (["init", "s", "--hook", "resid_post.99"], 2, ["resid_post.99", "30"]),
        (["init", "s", "--hook", "residual.1"], 2, ["residual"]),
    ],
)
def test_what_is_asked_wrongly_ends_with_2(
    arguments: list[str], code: int, parts: list[str], tmp_path: Path
) -> None:
    failed(monosema(*arguments, cwd=tmp_path, env=os.environ | {"HF_HUB_OFFLINE": "1"}), code, *parts)


def test_a_damaged_artifact_ends_with_4(study: Path) -> None:
    (study / "evaluation" / "main" / "evaluation.json").write_text("{}")
    failed(monosema("info", str(study)), 4, "evaluation.json")


def test_a_second_writer_ends_with_3(study: Path) -> None:
    code = "import sys, time; from monosema.study import Study\nwith Study(sys.argv[1]).writing('run'): time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(study)])
    while not (study / "lock").exists() or not (study / "lock").read_text():
        time.sleep(0.01)
    failed(monosema("run", str(study)), 3, f"pid {holder.pid}")
    holder.kill()
    holder.wait()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_ends_with_3(study: Path) -> None:
    study.chmod(0o500)
    failed(monosema("run", str(study)), 3, "cannot be written")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_leave_a_checkpoint(study: Path, number: int, code: int) -> None:
    text = (study / "study.toml").read_text().replace("tokens = 4096", "tokens = 4000000")
    (study / "study.toml").write_text(text)
    process = subprocess.Popen(
        [*RUN, "train", str(study), "--remake", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"MONOSEMA_PROGRESS_SECONDS": "0"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"train"' in line and json.loads(line)["done"] > 2000:
            break
    process.send_signal(number)
    _, stderr = process.communicate()
    assert process.returncode == code, stderr
    assert "training stopped at step" in stderr.splitlines()[-1]
    assert list(study.glob("sae/.main.draft/scratch/checkpoint*"))


def test_training_that_was_begun_otherwise_ends_with_3_and_lists_the_differences(tmp_path: Path) -> None:
    study, scratch = stopped_in_training(tmp_path / "s")
    edit(study.path, "tokens = 4096", "tokens = 8192")
    said = ["sae/main is unfinished", "tokens was 4096, now 8192", "--remake"]
    failed(monosema("train", str(study.path)), 3, *said)
    assert list(scratch.glob("checkpoint*"))


def test_doctor_says_what_the_machine_offers() -> None:
    names = {check["name"] for check in json.loads(monosema("doctor", "--json").stdout)["checks"]}
    assert {"versions", "processor", "number format", "default model", "disk"} <= names
