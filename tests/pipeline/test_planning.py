"""`plan`: what a run would take, measured on the model, with nothing made and nothing written."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny
from monosema import pipeline
from monosema.cli.plan import plan as verb
from monosema.corpora import CorpusSettings
from monosema.errors import UsageError
from monosema.models import HookPoint, LanguageModel, load_tokenizer
from monosema.pipeline import Forecast, textsize
from monosema.pipeline.textsize import text_size
from monosema.study import Study
from pipeline.small_study import TOML, new_study

STAGES = ["prepare", "harvest", "train", "evaluate", "index"]


def all_bytes(folder: Path) -> dict[str, str]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Model and text for a plan without a study."""
    folder = tmp_path_factory.mktemp("asked")
    return {
        "model": str(tiny.save_llama(folder / "model")),
        "sources": [str(tiny.save_text(folder / "text.jsonl"))],
    }


def test_a_finished_study_is_planned_whole_and_nothing_of_it_changes(study: Path) -> None:
    before = all_bytes(study)
    found = pipeline.plan(Study(study))
    assert all_bytes(study) == before
    assert [one.stage for one in found.stages] == STAGES
    assert all(one.seconds > 0 and one.memory_gb > 0 for one in found.stages)
    tokens = json.loads((study / "tokens/main.main/tokens.json").read_text())
    assert (found.saes, found.d_sae) == (1, 64)
    assert found.tokens == pytest.approx(tokens["counts"]["tokens"], rel=0.02)


def test_the_disk_that_is_told_is_what_a_run_writes(study: Path) -> None:
    told = {one.stage: 1e9 * one.disk_gb for one in pipeline.plan(Study(study)).stages}
    store = sum(file.stat().st_size for file in study.glob("activations/*/*.safetensors"))
    spare = 1 << 20  # that a store may always have
    assert told["harvest"] - spare == pytest.approx(store, rel=0.1)


def test_every_sae_of_a_sweep_is_counted(tmp_path: Path) -> None:
    study = new_study(
        tmp_path / "s", TOML.replace("d_sae = 64", "d_sae = [64, 128]").replace("k = 4", "k = [4, 8]")
    )
    found = pipeline.plan(study)
    assert (found.saes, found.d_sae) == (4, 128)
    assert sorted(one.name for one in study.path.iterdir()) == [
        "concepts",
        "model",
        "study.toml",
        "text.jsonl",
    ]


def test_minutes_of_a_study_fit_what_it_leaves_open(tmp_path: Path) -> None:
    toml = TOML.replace("seed = 3", "seed = 3\nminutes = 60").replace("d_sae = 64\n", "")
    study = new_study(tmp_path / "s", toml)
    assert pipeline.plan(study).d_sae in (1024, 2048, 4096, 8192, 16384, 32768)


def test_a_plan_without_a_study_takes_what_init_takes(asked: dict[str, Any], tmp_path: Path) -> None:
    sae = {"hook": "mlp_out.0", "kind": "l1", "d_sae": 256, "k": None}
    found = pipeline.plan(**asked, sae=sae, tokens=3000)
    assert (found.tokens, found.d_sae, found.saes) == (3000, 256, 1)
    assert found.fits is None


def test_what_fits_less_memory_or_time_is_told(asked: dict[str, Any]) -> None:
    found = pipeline.plan(**asked, sae={"d_sae": 64}, memory_gb=0.001)
    assert found.exceeded == ("memory",)
    assert found.fits is not None
    assert (found.fits.d_sae, found.fits.tokens) == (None, None)
    wide = pipeline.plan(**asked, sae={"d_sae": 1 << 24}, memory_gb=8.0)
    assert wide.exceeded[0] == "memory"
    assert wide.fits is not None
    assert wide.fits.d_sae is not None
    assert 64 <= wide.fits.d_sae < 1 << 24


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "/no/such/model"}, "/no/such/model"),
        ({"sae": {"hook": "resid_post.9"}}, "resid_post.9"),
        ({"sae": {"hook": "residual.1"}}, "residual"),
        ({"sae": {"kind": "topkk"}}, 'unknown kind .*"topkk"'),
        ({"sae": {"k": 64, "d_sae": 32}}, r"k is 64; expected 1 to 32 \(d_sae\)"),
        ({"sources": ["/no/such/text"]}, "/no/such/text"),
        ({"tokens": 0}, "tokens is 0"),
        ({"minutes": 0.0}, "minutes is 0; expected a number above 0"),
        ({"memory_gb": -1.0}, "memory_gb is -1; expected a number above 0"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    asked: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        pipeline.plan(**{**asked, "sae": {"d_sae": 64}, **changes})
    assert "\n" not in str(caught.value)


def test_what_a_process_takes_to_start_comes_before_all_else(asked: dict[str, Any]) -> None:
    found = pipeline.plan(**asked, sae={"d_sae": 64}, starting=1000.0)
    assert found.stages[0].seconds > 1000
    assert found.seconds - found.stages[0].seconds < 1000


def test_a_text_without_words_is_refused(asked: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("  \n")
    with pytest.raises(UsageError, match=r"no text in .*empty\.txt"):
        pipeline.plan(model=asked["model"], sources=[str(tmp_path / "empty.txt")])


def test_a_study_and_options_together_are_refused(study: Path) -> None:
    with pytest.raises(UsageError, match="give a study, or a model, text and SAE, not both"):
        pipeline.plan(Study(study), tokens=1000)


def test_the_verb_prints_a_table_and_what_would_fit(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"model": asked["model"], "corpus": asked["sources"], "k": 4}
    verb(d_sae=64, hook="resid_post.1", memory_gb=0.001, **given)
    shown = capsys.readouterr().out
    assert all(stage in shown for stage in [*STAGES, "in all", "takes longest"])
    assert "more than there is: memory (0.001 GB)" in shown
    assert "neither fewer features nor fewer tokens alone are enough" in shown
    verb(d_sae=1 << 24, memory_gb=8.0, **given)
    shown = capsys.readouterr().out
    assert re.search(r"what would fit: d_sae = \d+$", shown, re.MULTILINE)
    assert "how many features" not in shown
    verb(d_sae=64, kind="l1", **{key: value for key, value in given.items() if key != "k"})
    assert "training that finds how many features a position has: told for 128" in capsys.readouterr().out


def test_the_verb_prints_all_fields_as_json(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verb(study, json=True)
    found = json.loads(capsys.readouterr().out)
    assert [one["stage"] for one in found["stages"]] == STAGES
    assert set(found) == set(Forecast.__dataclass_fields__)


def test_the_verb_ends_with_2_where_it_is_asked_wrongly(asked: dict[str, Any]) -> None:
    main = [sys.executable, "-m", "monosema"]
    options = ["plan", "--model", asked["model"], "--hook", "resid_post.9"]
    done = subprocess.run([*main, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_size_of_a_text_is_that_of_its_tokens(asked: dict[str, Any], tmp_path: Path) -> None:
    settings, tokenizer = CorpusSettings(sources=tuple(asked["sources"])), load_tokenizer(asked["model"])
    found = text_size("main", settings, tmp_path, tokenizer, tmp_path / "a")
    exact = sum(
        len(tokenizer.encode(json.loads(line)["text"], add_special_tokens=False))
        for line in Path(asked["sources"][0]).read_text().splitlines()
    )
    assert found.tokens == pytest.approx(exact, rel=0.001)
    assert 0.9 < found.kept <= 1
    few = text_size("main", replace(settings, tokens=500), tmp_path, tokenizer, tmp_path / "b")
    more = text_size("main", replace(settings, tokens=10**9), tmp_path, tokenizer, tmp_path / "c")
    assert (few.tokens, more.tokens) == (500, found.tokens)


def test_a_text_that_takes_long_to_read_has_the_tokens_asked_for(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textsize, "PATIENCE", 0.0)
    monkeypatch.setattr(textsize, "SAMPLE", 8)
    settings, tokenizer = CorpusSettings(sources=tuple(asked["sources"])), load_tokenizer(asked["model"])
    found = text_size("main", replace(settings, tokens=10**6), tmp_path, tokenizer, tmp_path / "a")
    assert found.tokens == 10**6
    assert found.bytes > 10**6
    with pytest.raises(
        UsageError, match=r"corpora\.main has more text than can be counted in 0 s; set tokens"
    ):
        text_size("main", settings, tmp_path, tokenizer, tmp_path / "b")


def test_weights_up_to_a_hook_point_are_those_that_a_load_up_to_it_has(asked: dict[str, Any]) -> None:
    whole = LanguageModel.load(asked["model"], dtype="float32")
    assert whole.weight_bytes() == sum(4 * one.numel() for one in whole._network.parameters())
    for layer in range(3):
        part = LanguageModel.load(asked["model"], dtype="float32", until=f"resid_post.{layer}")
        assert whole.weight_bytes(HookPoint("resid_post", layer)) == part.weight_bytes()
