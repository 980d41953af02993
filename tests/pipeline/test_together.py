"""Hook points of one model and corpus are harvested in one pass, each to the bytes that it has alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from torch import Tensor

from monosema import artifact, pipeline
from monosema.errors import UsageError
from monosema.models import HookPoint, LanguageModel
from monosema.study import Study
from pipeline.small_study import TOML, new_study
from pipeline.test_run import hashes

HOOKS = ("resid_post.0", "resid_post.1", "mlp_act.2")
SAE = """
[saes.{name}]
hook = "{hook}"
d_sae = 64
k = 4
batch = 128
tokens = 4096
"""


def toml(*hooks: str, more: str = "") -> str:
    head = TOML.partition("[saes.main]")[0]
    return head + "".join(SAE.format(name=hook.replace(".", "-"), hook=hook) + more + "\n" for hook in hooks)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The hook points of each forward pass over more than one token."""
    seen: list[list[str]] = []
    plain = LanguageModel.capture

    def capture(
        self: LanguageModel, ids: Tensor, hooks: Sequence[HookPoint | str], real: Tensor | None = None
    ) -> dict[str, Tensor]:
        if ids.shape[1] > 1:
            seen.append([str(hook) for hook in hooks])
        return plain(self, ids, hooks, real)

    monkeypatch.setattr(LanguageModel, "capture", capture)
    return seen


def planned(folder: Path, finished: Path, text: str) -> Study:
    """A study with the plan and tokens of the finished one."""
    study = Study.create(folder, text)
    for name in ("model", "concepts", "plan", "tokens"):
        shutil.copytree(finished / name, folder / name)
    shutil.copy(finished / "text.jsonl", folder / "text.jsonl")
    return study


def content(study: Study, hook: str) -> str:
    found = json.loads((study.place("activations", f"main.main.{hook}") / "manifest.json").read_text())
    return str(found["hash"])


@pytest.mark.parametrize("more", ["", "store = false"])
def test_hook_points_that_share_a_pass_have_the_bytes_of_each_alone(
    finished: Path, tmp_path: Path, passes: list[list[str]], more: str
) -> None:
    together = planned(tmp_path / "together", finished, toml(*HOOKS, more=more))
    pipeline.run(together, goal="activations")
    whole = len(passes)
    assert ["resid_post.0", "resid_post.1"] in passes or list(HOOKS) in passes
    for hook in HOOKS:
        passes.clear()
        alone = planned(tmp_path / hook, finished, toml(hook, more=more))
        pipeline.run(alone, goal="activations")
        assert content(alone, hook) == content(together, hook)
        made = together.place("activations", f"main.main.{hook}")
        assert hashes(alone.place("activations", f"main.main.{hook}")) == hashes(made)
        assert len(passes) <= whole <= 2 * len(passes)  # two widths on disk: two passes for three hook points


def test_the_share_of_padding_is_reported_and_small(finished: Path) -> None:
    (manifest,) = finished.glob("activations/*/manifest.json")
    assert 0 <= json.loads(manifest.read_text())["measured"]["pad_share"] <= 0.05


def test_a_kill_between_two_commits_goes_on_without_a_forward_pass(
    finished: Path, tmp_path: Path, passes: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = planned(tmp_path / "whole", finished, toml(*HOOKS[:2]))
    pipeline.run(whole, goal="activations")
    killed = planned(tmp_path / "killed", finished, toml(*HOOKS[:2]))
    commit, done = artifact._commit, []

    class Killed(BaseException):
        pass

    def dying(*arguments: object) -> None:
        if done:
            raise Killed
        done.append(commit(*arguments))  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(artifact, "_commit", dying)
        with pytest.raises(Killed):
            pipeline.run(killed, goal="activations")
    states = {state["artifact"]: state["state"] for state in pipeline.states(killed)}
    assert {states[f"activations/main.main.{hook}"] for hook in HOOKS[:2]} == {"fresh", "unfinished"}
    passes.clear()
    pipeline.run(killed, goal="activations")
    assert passes == []
    assert hashes(killed.path / "activations") == hashes(whole.path / "activations")


def test_a_hook_point_that_is_added_later_is_harvested_alone(finished: Path, tmp_path: Path) -> None:
    first = planned(tmp_path / "s", finished, toml(HOOKS[0]))
    assert pipeline.run(first, goal="activations") == [f"activations/main.main.{HOOKS[0]}"]
    (first.path / "study.toml").write_text(toml(*HOOKS[:2]))
    assert pipeline.run(Study(first.path), goal="activations") == [f"activations/main.main.{HOOKS[1]}"]


def test_one_insists_on_the_disk_and_another_on_none_for_one_hook_point(tmp_path: Path) -> None:
    text = toml(HOOKS[0], more="store = false") + SAE.format(name="other", hook=HOOKS[0]) + "store = true\n"
    study = new_study(tmp_path / "s", text)
    pipeline.run(study, goal="activations")
    assert list((study.path / "activations").rglob("00000.safetensors"))


def test_activations_kept_with_a_loss_are_told_where_the_study_is_looked_at(
    finished: Path, tmp_path: Path
) -> None:
    study = planned(tmp_path / "s", finished, toml(HOOKS[0], more='store = "int8"'))
    pipeline.run(study, goal="sae")
    found = {state["artifact"]: state["reason"] for state in pipeline.states(study)}
    assert found[f"activations/main.main.{HOOKS[0]}"].startswith("lossy: int8, each value within 1/254")
    with pytest.raises(
        UsageError, match=r"saes\.main\.store is 'int9'; input should be True, False or 'int8'"
    ):
        pipeline.run(planned(tmp_path / "t", finished, TOML + 'store = "int9"\n'))
