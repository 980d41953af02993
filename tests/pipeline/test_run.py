"""From what is asked to what is measured: the same bytes whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiny
from monosema import pipeline
from monosema.errors import DamagedError, Interrupted, RefusedError, UsageError
from monosema.progress import SilentProgress
from monosema.study import Study
from pipeline.small_study import TOML, new_study

DATA = {"manifest.json", "log.jsonl", "lock", "study.toml", "plan.json"}


def hashes(path: Path) -> dict[str, str]:
    return {
        file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in DATA and not {"logs", "old"} & set(file.parts)
    }


def edit(study: Path, old: str, new: str) -> Study:
    text = (study / "study.toml").read_text()
    assert old in text
    (study / "study.toml").write_text(text.replace(old, new))
    return Study(study)


def test_a_run_makes_every_artifact_and_a_second_run_makes_nothing(study: Path) -> None:
    made = {state["artifact"]: state["state"] for state in pipeline.states(Study(study))}
    assert set(made.values()) == {"fresh"}
    assert {"plan/main", "tokens/main.main", "sae/main", "evaluation/main"} <= set(made)
    assert pipeline.run(Study(study)) == []


def test_the_figures_stand_beside_baselines_with_intervals(study: Path) -> None:
    record = pipeline.figures(Study(study))["main"]
    assert 0 < record["figures"]["l0"] <= 4
    assert record["columns"][:3] == ["figure", "SAE", "95% interval"]
    assert {"untrained SAE", "PCA"} <= set(record["columns"])
    assert all(len(row["values"]) == len(record["columns"]) - 1 for row in record["rows"])


class StopAt:
    """A reporter whose n-th update wishes to stop."""

    def __init__(self, n: int) -> None:
        self.left = n

    def stage(self, name: str, total: int, unit: str = "positions", done: int = 0) -> SilentProgress:
        counter = self

        class Progress(SilentProgress):
            def update(self, n: int, **figures: float) -> None:
                counter.left -= 1

        return Progress()

    def __call__(self) -> bool:
        return self.left <= 0


@pytest.mark.parametrize("updates", [1, 3, 5, 12, 30, 45, 60])
def test_a_run_that_is_stopped_goes_on_and_ends_with_the_same_bytes(
    finished: Path, tmp_path: Path, updates: int
) -> None:
    study = Study.create(tmp_path / "s", TOML)
    shutil.copytree(finished / "model", study.path / "model")
    shutil.copy(finished / "text.jsonl", study.path / "text.jsonl")
    shutil.copytree(finished / "concepts", study.path / "concepts")
    shutil.copytree(finished / "plan", study.path / "plan")  # what was measured is frozen there
    stop = StopAt(updates)
    with pytest.raises(Interrupted):
        pipeline.run(study, reporter=stop, stop=stop)
    pipeline.run(study)
    assert hashes(study.path) == hashes(finished)


def test_after_sigkill_the_same_command_ends_with_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    study = Study.create(tmp_path / "s", TOML)
    shutil.copytree(finished / "model", study.path / "model")
    shutil.copy(finished / "text.jsonl", study.path / "text.jsonl")
    shutil.copytree(finished / "concepts", study.path / "concepts")
    shutil.copytree(finished / "plan", study.path / "plan")
    code = "import sys; from monosema import pipeline; pipeline.run(pipeline.open_study(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(study.path)])
    while process.poll() is None and not list(study.path.glob("sae/.main.draft/scratch/checkpoint*")):
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (study.path / "evaluation" / "main").exists()
    said: list[str] = []
    pipeline.run(study, say=said.append)
    assert "took over the lock" in said[0]
    assert hashes(study.path) == hashes(finished)


def test_a_stale_artifact_is_refused_with_its_reason_and_remade_on_request(study: Path) -> None:
    changed = edit(study, "k = 4", "k = 5")
    states = {state["artifact"]: state for state in pipeline.states(changed)}
    assert states["sae/main"]["state"] == "stale"
    assert "k was 4, now 5" in states["sae/main"]["reason"]
    with pytest.raises(RefusedError, match=r"sae/main is stale: k was 4, now 5; remake it with --remake"):
        pipeline.run(changed)
    assert pipeline.run(changed, remake=True) == ["sae/main", "evaluation/main", "index/main"]
    assert (study / "old" / "sae-main-1" / "manifest.json").exists()
    assert pipeline.run(changed) == []


def stopped_in_training(path: Path) -> tuple[Study, Path]:
    """A study whose training was stopped after its first checkpoint, and the folder of that."""
    study = new_study(path)
    scratch = study.path / "sae" / ".main.draft" / "scratch"
    with pytest.raises(Interrupted):
        pipeline.run(study, goal="sae", stop=lambda: any(scratch.glob("checkpoint*")))
    return study, scratch


def test_training_that_was_begun_otherwise_is_refused_with_what_changed(tmp_path: Path) -> None:
    study, scratch = stopped_in_training(tmp_path / "s")
    changed = edit(study.path, "k = 4\nbatch = 128", "k = 5\nbatch = 64")
    said = "stopped before its end, and asked otherwise now: batch was 128, now 64; k was 4, now 5"
    found = {state["artifact"]: state for state in pipeline.states(changed)}
    assert (found["sae/main"]["state"], found["sae/main"]["reason"]) == ("unfinished", said)
    with pytest.raises(
        RefusedError, match=rf"sae/main is unfinished: {said}; remake it with --remake .* as before"
    ):
        pipeline.run(changed, goal="sae")
    assert any(scratch.glob("checkpoint*"))
    assert pipeline.run(changed, goal="sae", remake=True) == ["sae/main"]
    assert any((study.path / "old" / "sae-main.draft-1" / "scratch").glob("checkpoint*"))


def test_training_that_is_asked_as_before_again_goes_on(tmp_path: Path) -> None:
    study, _ = stopped_in_training(tmp_path / "s")
    edit(study.path, "seed = 3", "seed = 4")
    with pytest.raises(RefusedError, match=r"sae/main is unfinished: .*seed was 3, now 4"):
        pipeline.run(Study(study.path), goal="sae")
    assert pipeline.run(edit(study.path, "seed = 4", "seed = 3"), goal="sae") == ["sae/main"]
    assert not study.old.exists()


def test_what_failed_before_it_made_anything_may_be_asked_otherwise(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s", TOML.replace("seed = 3", "seed = 3\nminutes = 1e-6"))
    with pytest.raises(UsageError, match="minutes is 1e-06"):
        pipeline.run(study, goal="plan")
    assert pipeline.run(edit(study.path, "minutes = 1e-6\n", ""), goal="plan") == ["plan/main"]


def test_a_new_text_makes_the_tokens_stale(study: Path) -> None:
    with (study / "text.jsonl").open("a") as file:
        file.write(json.dumps({"text": "something new"}) + "\n")
    states = {state["artifact"]: state for state in pipeline.states(Study(study))}
    assert states["tokens/main.main"]["state"] == "stale"


def test_a_study_whose_text_is_gone_stays_fresh(study: Path) -> None:
    (study / "text.jsonl").unlink()
    assert pipeline.run(Study(study)) == []


def test_a_moved_study_is_fresh(study: Path, tmp_path: Path) -> None:
    shutil.move(study, tmp_path / "elsewhere")
    assert pipeline.run(Study(tmp_path / "elsewhere")) == []


def test_a_model_that_was_changed_is_refused(study: Path) -> None:
    shutil.rmtree(study / "model")
    tiny.save_llama(study / "model", seed=1)
    shutil.rmtree(study / "evaluation")
    with pytest.raises(UsageError, match=r"weights of models\.main are not those that this study began with"):
        pipeline.run(Study(study))


def test_a_truncated_tensor_file_is_named(study: Path) -> None:
    file = study / "sae" / "main" / "sae.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    shutil.rmtree(study / "evaluation")
    with pytest.raises(DamagedError, match=r"sae/main/sae\.safetensors has \d+ bytes"):
        pipeline.run(Study(study))


@pytest.mark.parametrize("kind", ["l1", "topk"])
def test_on_the_fly_and_from_disk_both_train(tmp_path: Path, kind: str) -> None:
    toml = TOML.replace("k = 4\n", "" if kind == "l1" else "k = 4\n") + f'store = false\nkind = "{kind}"\n'
    study = new_study(tmp_path / "s", toml)
    pipeline.run(study)
    assert not list((study.path / "activations").rglob("00000.safetensors"))
    assert pipeline.figures(study)["main"]["figures"]["l0"] > 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("k = 4", "kk = 4", r'study\.toml: saes\.main\.kk is no setting \(did you mean "k"\?\)'),
        ("k = 4", "k = 0", r"saes\.main: k is 0; expected 1 to 64 \(d_sae\); try k = 32"),
        ("d_sae = 64", "d_sae = 0", r"d_sae is 0; expected 1 or more"),
        ('hook = "resid_post.1"', 'hook = "residual.1"', r"saes\.main.*residual"),
        (
            "context = 64",
            'context = "long"',
            r"corpora\.main\.context is 'long'; input should be a valid integer",
        ),
        ("[saes.main]", '[saes.main]\nkind = "topkk"', r'unknown kind .*"topkk" \(did you mean "topk"\?\)'),
        ("[saes.main]", '[saes.main]\nmodel = "mian"', r'unknown model .*"mian" \(did you mean "main"\?\)'),
        ("seed = 3", "seed = -1", r"study\.toml: seed is -1"),
    ],
)
def test_wrong_settings_are_one_line_that_names_file_key_and_expected(
    finished: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    (tmp_path / "study.toml").write_text(TOML.replace(old, new))
    with pytest.raises(UsageError, match=message) as caught:
        pipeline.open_study(tmp_path)
    assert "\n" not in str(caught.value)
