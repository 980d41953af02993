"""SAEs of a study on one stream: the bits that each gets alone, from wherever they begin."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

from monosema import pipeline
from monosema.cli import run as verbs
from monosema.errors import Interrupted, RefusedError, UsageError
from monosema.evaluation import Evaluation
from monosema.models import LanguageModel
from monosema.pipeline import evaluating, memory
from monosema.pipeline.read_asked import read_asked
from monosema.sae import KINDS, SAE, JumpReLU, TopK
from monosema.study import Study
from pipeline.small_study import TOML, new_study

SHARED = """
[saes.NAME]
hook = "resid_post.1"
d_sae = 48
batch = 128
tokens = 4096
checkpoint_steps = 8
metrics_every = 4
"""
KINDS_SWEPT = SHARED.replace("NAME", "all") + f"kind = {list(KINDS)}\n"


def hashes(study: Study) -> dict[str, str]:
    return {
        path.parent.name: path.read_text().split('"hash": "')[1][:64]
        for path in study.path.glob("sae/*/manifest.json")
    }


def test_every_kind_trains_in_one_study_and_alone_to_the_same_bits(tmp_path: Path) -> None:
    pipeline.run(new_study(tmp_path / "all", TOML + KINDS_SWEPT), goal="evaluation")
    study = pipeline.open_study(tmp_path / "all")
    for kind in KINDS:
        sae = study.sae(f"all-{kind}")
        assert sae.config.kind.name == kind
        assert (sae.threshold is None) == (kind in ("topk", "matryoshka_topk"))
    found = pipeline.figures(study)
    assert {f"all-{kind}" for kind in KINDS} < found.keys()
    together = hashes(study)
    for kind in ("topk", "gated", "batchtopk"):
        alone = new_study(tmp_path / kind, TOML + KINDS_SWEPT.replace(str(list(KINDS)), f"['{kind}']"))
        pipeline.run(alone, goal="sae")
        assert hashes(alone)[f"all-{kind}"] == together[f"all-{kind}"]
        assert hashes(alone)["main"] == together["main"]


def test_what_would_hold_too_much_is_trained_in_turns_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = TOML + SHARED.replace("NAME", "other") + "seed = [1, 2]\n"
    pipeline.run(new_study(tmp_path / "a", toml), goal="sae")
    monkeypatch.setattr(memory, "TOGETHER_SHARE", 0.0)
    pipeline.run(new_study(tmp_path / "b", toml), goal="sae")
    assert hashes(Study(tmp_path / "a")) == hashes(Study(tmp_path / "b"))
    assert len(set(hashes(Study(tmp_path / "a")).values())) == 3


def test_saes_are_evaluated_together_or_in_turns_to_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = TOML + SHARED.replace("NAME", "other") + "seed = [1, 2]\n"
    folders, groups = [tmp_path / "a", tmp_path / "b"], []
    measure = evaluating.evaluate_each

    def counted(model: LanguageModel, saes: list[SAE], *more: Any, **asked: Any) -> list[Evaluation]:
        groups.append(len(saes))
        if len(groups) == 3:
            raise Interrupted("stopped")
        return measure(model, saes, *more, **asked)

    monkeypatch.setattr(evaluating, "evaluate_each", counted)
    pipeline.run(new_study(folders[0], toml), goal="evaluation")
    monkeypatch.setattr(memory, "TOGETHER_SHARE", 0.0)
    with pytest.raises(Interrupted):
        pipeline.run(new_study(folders[1], toml), goal="evaluation")
    pipeline.run(pipeline.open_study(folders[1]), goal="evaluation")
    assert groups == [3, 1, 1, 1, 1], "what was measured before the stop is kept"
    names = ["main", *(f"other-seed{seed}" for seed in (1, 2))]
    for name in names:
        one, two = (pipeline.open_study(folder).evaluation(name).to_dict() for folder in folders)
        assert one == two
        assert Study(folders[0]).open("evaluation", name).manifest.measured["fvu"] == one["fvu"]["value"]


def test_training_starts_from_an_sae_of_ours_and_of_saelens(tmp_path: Path) -> None:
    study = new_study(tmp_path / "first")
    pipeline.run(study, goal="sae")
    first = pipeline.open_study(study.path).sae("main")
    first.save(tmp_path / "lens", format="saelens")
    starts = {"ours": study.path / "sae" / "main", "lens": tmp_path / "lens"}
    toml = TOML.replace("tokens = 4096", "tokens = 128\nlr = 1e-9")
    for name, path in starts.items():
        toml += (
            SHARED.replace("NAME", name)
            .replace("d_sae = 48", f'start = "{path}"')
            .replace("4096", "128\nlr = 1e-9")
        )
    jump = SHARED.replace("NAME", "jump").replace(
        "d_sae = 48", f'kind = "jumprelu"\nstart = "{tmp_path / "lens"}"'
    )
    pipeline.run(new_study(tmp_path / "second", toml + jump), goal="sae")
    second = pipeline.open_study(tmp_path / "second")
    for name in starts:  # one step of hardly any length
        sae = second.sae(name)
        assert isinstance(sae.config.kind, TopK)
        assert sae.config.kind.k == 4
        torch.testing.assert_close(sae.W_dec, first.W_dec, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(sae.encoder, first.encoder, rtol=1e-4, atol=1e-5)
    assert isinstance(second.sae("jump").config.kind, JumpReLU)
    assert second.sae("jump").d_sae == 64
    shutil.rmtree(tmp_path / "lens")  # what it started from may go
    assert {one["state"] for one in pipeline.states(second)} <= {"fresh", "absent"}


def test_rows_may_begin_as_data(tmp_path: Path) -> None:
    toml = TOML + SHARED.replace("NAME", "data") + 'start = "data"\n'
    pipeline.run(new_study(tmp_path / "s", toml), goal="sae")
    assert pipeline.open_study(tmp_path / "s").sae("data").d_sae == 48


def test_another_start_makes_an_sae_stale_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    pipeline.run(study, goal="sae")
    study.toml.write_text(study.toml.read_text() + 'start = "data"\n')
    with pytest.raises(RefusedError, match=r"sae/main is stale: .*start"):
        pipeline.run(Study(study.path), goal="sae")
    for line, message in (
        ("start = 3", r"saes.main.start is 3; expected \"random\", \"data\", or the path"),
        ('start = "nowhere"', r"saes.main.start: .*nowhere"),
        (
            f'start = "{study.path / "sae" / "main"}"',
            r"saes.main.d_sae is 64?5; the SAE in .* has 64: take it out",
        ),
    ):
        text = TOML.replace("d_sae = 64", "d_sae = 65") + line + "\n"
        with pytest.raises(UsageError, match=message.replace("64?5", "65")):
            read_asked(tomllib.loads(text), study.path)


def test_settings_that_came_later_leave_what_was_made_before_them_fresh(tmp_path: Path) -> None:
    study = new_study(tmp_path / "s")
    pipeline.run(study, goal="sae")
    manifest = json.loads((study.place("sae", "main") / "manifest.json").read_text())
    assert {"seed", "start", "resample"}.isdisjoint(manifest["asked"])
    study.toml.write_text(study.toml.read_text() + "resample = 0\n")
    assert {one["state"] for one in pipeline.states(Study(study.path))} <= {"fresh", "absent"}


def train(study: Study, start: Path | str, *more: str) -> tuple[int, str]:
    """What the verb says when it goes on from an SAE."""
    command = [sys.executable, "-m", "monosema", "train", str(study.path), "--from", str(start), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_train_from_an_sae_writes_it_into_study_toml_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    first, second = new_study(tmp_path / "first"), new_study(tmp_path / "second")
    pipeline.run(first, goal="sae")
    before = second.toml.read_text()
    code, said = train(second, tmp_path / "nowhere")
    assert code == 2
    assert "saes.main.start: " in said
    assert second.toml.read_text() == before
    assert train(second, first.path / "sae" / "main")[0] == 0
    assert tomllib.loads(second.toml.read_text())["saes"]["main"]["start"].endswith("first/sae/main")
    before = second.toml.read_text()
    code, said = train(second, "data", "--sae", "main")
    assert code == 3
    assert "sae/main is stale: start was " in said
    assert "study.toml is left as it is: add --remake" in said
    assert second.toml.read_text() == before
    assert pipeline.run(pipeline.open_study(second.path), goal="sae") == []


def test_a_start_is_written_into_the_table_that_is_named_alone(tmp_path: Path) -> None:
    toml = TOML + SHARED.replace("NAME", "other") + SHARED.replace("NAME", "more") + "seed = [1, 2]\n"
    study = new_study(tmp_path / "s", toml)
    pipeline.run(study, goal="sae")
    opened = pipeline.open_study(study.path)
    before = study.toml.read_text()
    for table, stale in ((None, "main"), ("other", "other"), ("more", "more-seed1")):
        with pytest.raises(
            RefusedError, match=rf"sae/{stale} is stale: start was None, now 'data'; study\.toml is"
        ):
            pipeline.set_start(opened, "data", sae=table)
    with pytest.raises(
        UsageError, match=r'unknown trained SAE in study\.toml "othr" \(did you mean "other"\?\)'
    ):
        pipeline.set_start(opened, "data", sae="othr")
    assert study.toml.read_text() == before
    pipeline.set_start(opened, "data", sae="other", remake=True)
    starts = {name: one.get("start") for name, one in tomllib.loads(study.toml.read_text())["saes"].items()}
    assert starts == {"main": None, "other": "data", "more": None}
    assert pipeline.run(Study(study.path), goal="sae", remake=True) == ["sae/other"]
    pipeline.set_start(pipeline.open_study(study.path), "data", sae="other")  # as it is already


def test_a_table_without_a_start_for_it_is_asked_wrongly(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--sae main says which SAE --from is for; give --from too"):
        verbs.train(tmp_path, sae="main")
