"""A study made by several processes has the bytes of one made by one, stopped and gone on with or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem

from monosema import pipeline
from monosema.activations import plan as plan_module
from monosema.errors import UsageError
from monosema.models import LanguageModel
from monosema.pipeline import work as work_module
from monosema.pipeline.work import Work, load_model
from monosema.pool import Seat
from monosema.study import Study
from pipeline.small_study import TOML
from pipeline.test_indexed import OTHER
from pipeline.test_run import hashes
from pipeline.test_together import planned

SHARD_BYTES = 1 << 17
ASKED = TOML.replace("[saes.main]\n", '[saes.main]\nindexed = ["other"]\n') + OTHER


@pytest.fixture(scope="module")
def small_shards() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module, "SHARD_BYTES", SHARD_BYTES)
        yield


def new(folder: Path, finished: Path, toml: str = ASKED) -> Study:
    study = planned(folder, finished, toml)
    (folder / "other.txt").write_text("The grey fox sleeps under the golden gate. " * 60)
    return study


@pytest.fixture(scope="module")
def alone(finished: Path, tmp_path_factory: pytest.TempPathFactory, small_shards: None) -> Path:
    """Made by one process."""
    study = new(tmp_path_factory.mktemp("alone") / "study", finished)
    pipeline.run(study, goal="index")
    assert len(list(study.path.glob("activations/*/0*.safetensors"))) > 3
    assert len(list(study.path.glob("index/*/segments/*.safetensors"))) == 2
    return study.path


def test_workers_change_no_byte(alone: Path, finished: Path, tmp_path: Path, small_shards: None) -> None:
    study, said = new(tmp_path / "study", finished), list[str]()
    pipeline.run(study, goal="index", workers=2, say=said.append)
    assert hashes(study.path) == hashes(alone)
    assert pipeline.run(study, goal="index") == []
    assert said == []


RUN = f"""\
from monosema.activations import plan
plan.SHARD_BYTES = {SHARD_BYTES}
from monosema.cli import main
main()
"""


def group(number: int) -> bool:
    """Whether a group has processes that are not over."""
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            stats.append(path.read_text().rpartition(")")[2].split())
    return any(int(stat[2]) == number and stat[0] != "Z" for stat in stats)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc which processes there are")
def test_ctrl_c_ends_all_workers_and_another_run_goes_on(
    alone: Path, finished: Path, tmp_path: Path, small_shards: None
) -> None:
    study = new(tmp_path / "study", finished)
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "train", str(study.path), "--workers", "2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"MONOSEMA_PROGRESS_SECONDS": "0"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"harvest"' in line and json.loads(line)["done"] > 0:
            break
    os.killpg(process.pid, signal.SIGINT)  # to all of the group, as a terminal does
    _, stderr = process.communicate()
    assert process.returncode == 130, stderr
    assert "finished parts are kept" in stderr.splitlines()[-1]
    assert "Traceback" not in stderr
    while group(process.pid):  # what multiprocessing started beside the workers ends after them
        time.sleep(0.01)
    pipeline.run(study, goal="activations")
    assert hashes(study.path / "activations") == hashes(alone / "activations")


def test_what_runs_without_workers_is_said(finished: Path, tmp_path: Path) -> None:
    said: list[str] = []
    study = new(tmp_path / "live", finished, TOML + "store = false\n")
    pipeline.run(study, goal="sae", workers=2, say=said.append)
    MemoryFileSystem.store.clear()
    study = new(tmp_path / "memory", finished, TOML + 'store_at = "memory://bucket"\n')
    pipeline.run(study, goal="index", workers=2, say=said.append)
    MemoryFileSystem.store.clear()
    name, alone = "main.main.resid_post.1", ": done without workers"
    seen = f" at memory://bucket, which only this process sees{alone}"
    assert said == [
        f"activations/{name} is measured on the fly{alone}",
        f"sae/main is trained on activations made on the fly{alone}",
        f"activations are kept{seen}",
        f"index/main is collected from activations{seen}",
    ]


def test_workers_share_the_threads_and_take_the_next_device(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(Study(finished), seat=Seat(4, 5))
    plan = replace(work.plan("main"), device="cuda:0", threads=12)
    seen: list[tuple[str, int]] = []

    def load(work: Work, name: str, *, device: str, **more: Any) -> LanguageModel:
        seen.append((device, torch.get_num_threads()))
        return load_model(work, name, device="cpu", **more)

    monkeypatch.setattr(Work, "plan", lambda work, name: plan)
    monkeypatch.setattr(work_module, "load_model", load)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    threads = torch.get_num_threads()
    work.model("main")
    torch.set_num_threads(threads)
    assert seen == [("cuda:1", 2)]


def test_fewer_than_one_worker_is_refused(finished: Path, tmp_path: Path) -> None:
    study = new(tmp_path / "study", finished)
    with pytest.raises(UsageError, match="workers is 0; expected 1 or more"):
        pipeline.run(study, workers=0)
