"""A study over an SAE that someone else trained: taken over, checked on the model's activations, used like ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import monosema as ms
import tiny
from monosema import pipeline
from monosema.activations import ActivationStats, ActivationStore
from monosema.errors import DamagedError, MonosemaError, RefusedError, UsageError
from monosema.files import read_json
from monosema.pipeline.given import check_sense
from monosema.sae import SAE
from monosema.study import Study
from pipeline.small_study import TOML
from pipeline.test_cli import monosema
from sae.foreign import D, save_gemma_scope, save_saelens, weights

TRAINED = TOML[TOML.index("hook = ") :]


@pytest.fixture
def theirs(finished: Path, tmp_path: Path) -> Path:
    """The SAE of the finished study as SAELens would have saved it, its scale folded."""
    sae = SAE.load(finished / "sae" / "main")
    tensors = {
        "W_enc": sae.W_enc * sae.scale,
        "W_dec": sae.W_dec / sae.scale,
        "b_enc": sae.b_enc,
        "b_dec": sae.b_dec / sae.scale,
    }
    return save_saelens(tmp_path / "theirs", tensors, "topk", k=4)


def new(finished: Path, folder: Path, table: str) -> Study:
    """A study like the finished one, up to the activations, with another table of its SAE."""
    study = Study.create(folder, TOML.replace(TRAINED, table))
    for name in ("model", "concepts", "plan", "tokens", "activations"):
        shutil.copytree(finished / name, folder / name)
    shutil.copy(finished / "text.jsonl", folder)
    return study


def change(folder: Path, edit: Callable[[dict[str, Tensor]], object]) -> None:
    file = folder / "sae_weights.safetensors"
    tensors = load_file(file)
    edit(tensors)
    save_file(tensors, file)


def test_a_given_sae_is_what_it_was_in_the_units_of_the_study(
    finished: Path, theirs: Path, tmp_path: Path
) -> None:
    study = new(finished, tmp_path / "s", f'file = "{theirs}"')
    assert pipeline.run(study) == ["sae/main", "evaluation/main", "index/main"]
    taken, ours = SAE.load(study.path / "sae" / "main"), SAE.load(finished / "sae" / "main")
    store = ActivationStore(finished / "activations" / "main.main.resid_post.1")
    stats = ActivationStats.load(store.folder)
    assert (taken.unit, taken.massive) == (stats.scale, stats.massive_threshold)
    assert (taken.input, taken.config.model_hash) == (ours.input, ours.config.model_hash)
    x = store.rows(torch.arange(500))
    torch.testing.assert_close(taken.encode(x).dense(), ours.encode(x).dense(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(taken.reconstruct(x), ours.reconstruct(x), rtol=1e-4, atol=1e-4)
    measured = study.open("sae", "main").manifest.measured
    whole = pipeline.figures(study)["main"]["figures"]
    assert measured["l0"] == pytest.approx(whole["l0"], rel=0.1)
    assert measured["fvu"] == pytest.approx(whole["fvu"], rel=0.3)  # other positions
    assert measured["checked_positions"] == min(4096, stats.n)


def test_everything_works_on_a_given_sae_from_init_on(finished: Path, theirs: Path, tmp_path: Path) -> None:
    model, text = str(finished / "model"), str(finished / "text.jsonl")
    made = str(tmp_path / "s")
    done = monosema(
        "init", made, "--model", model, "--corpus", text, "--sae", str(theirs), "--tokens", "6000"
    )
    assert done.returncode == 0, done.stderr
    settings = Study(made).settings["saes"]["main"]
    assert settings == {"hook": "resid_post.1", "file": str(theirs)}
    opened = ms.open(made)
    pipeline.run(opened)
    assert 0 < pipeline.figures(opened)["main"]["figures"]["l0"] <= 4
    found = pipeline.find(opened, on=["the golden gate"], n=1)[0]
    assert opened.index().maximum(found.feature) > 0
    edits = pipeline.edits_for(opened, features={found.feature: 1.0})
    said = pipeline.answer(opened, ["the old"], edits, max_new_tokens=4)
    assert set(said) == {"plain", "steered", "random"}
    assert pipeline.run(opened) == []


def test_jumprelu_of_gemma_scope_keeps_its_thresholds_at_a_hook_that_is_given(
    finished: Path, theirs: Path, tmp_path: Path
) -> None:
    tensors = load_file(theirs / "sae_weights.safetensors")
    tensors["b_enc"] -= tensors["b_dec"] @ tensors["W_enc"]  # it subtracts nothing
    tensors["threshold"] = torch.full((64,), 1.0)
    save_gemma_scope(tmp_path / "s" / "scope", tensors)  # inside the study, named from there
    study = new(finished, tmp_path / "s", 'hook = "resid_post.1"\nfile = "scope"')
    pipeline.run(study, goal="sae")
    taken = SAE.load(study.path / "sae" / "main")
    assert taken.threshold is not None
    scale = SAE.load(finished / "sae" / "main").scale
    added = tensors["W_dec"].norm(dim=1)  # what an activation at its threshold adds to the stream
    torch.testing.assert_close(taken.threshold, added * scale)


def test_without_stored_activations_the_same_sae_is_taken_over(
    finished: Path, theirs: Path, tmp_path: Path
) -> None:
    stored = new(finished, tmp_path / "a", f'file = "{theirs}"')
    live = new(finished, tmp_path / "b", f'file = "{theirs}"\nstore = false')
    shutil.rmtree(live.path / "activations")
    for study in (stored, live):
        pipeline.run(study, goal="sae")
    one, other = (load_file(study.path / "sae/main/sae.safetensors") for study in (stored, live))
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor)
    assert live.open("sae", "main").manifest.measured["fvu"] < 1


def test_one_of_ours_is_taken_over_on_its_own_model_only(finished: Path, tmp_path: Path) -> None:
    table = f'file = "{finished / "sae" / "main"}"'
    study = new(finished, tmp_path / "s", table)
    pipeline.run(study, goal="sae")
    ours, taken = (load_file(path / "sae/main/sae.safetensors") for path in (finished, study.path))
    assert all(torch.equal(ours[name], taken[name]) for name in ours)
    other = new(finished, tmp_path / "t", table)
    for name in ("model", "plan", "activations"):
        shutil.rmtree(other.path / name)
    tiny.save_llama(other.path / "model", seed=1)
    with pytest.raises(UsageError, match=r"this SAE belongs to model \(weights"):
        pipeline.run(other, goal="sae")


def test_files_that_changed_make_it_stale_and_files_that_are_gone_do_not(
    finished: Path, theirs: Path, tmp_path: Path
) -> None:
    study = new(finished, tmp_path / "s", f'file = "{theirs}"')
    pipeline.run(study, goal="sae")
    change(theirs, lambda t: t["b_enc"].sub_(0.01))
    states = {one["artifact"]: one for one in pipeline.states(study)}
    assert states["sae/main"]["state"] == "stale"
    assert "file was" in states["sae/main"]["reason"]
    shutil.rmtree(theirs)
    assert {one["artifact"]: one["state"] for one in pipeline.states(study)}["sae/main"] == "fresh"
    assert pipeline.run(study, goal="sae") == []
    shutil.rmtree(study.path / "sae")
    with pytest.raises(UsageError, match=r"study\.toml: saes\.main\.file: .*theirs does not exist"):
        pipeline.run(study)


def test_a_budget_leaves_no_time_for_training_a_given_sae(
    finished: Path, theirs: Path, tmp_path: Path
) -> None:
    study = new(finished, tmp_path / "s", f'file = "{theirs}"')
    shutil.rmtree(study.path / "plan")
    study.toml.write_text("minutes = 1000\n" + study.toml.read_text())
    pipeline.run(Study(study.path), goal="plan")
    assert read_json(study.path / "plan" / "main" / "plan.json")["budget"]["seconds"]["sae"] == 0


@pytest.mark.parametrize(
    ("nonsense", "figures"),
    [
        (lambda t: t["b_enc"].fill_(-1e4), r"FVU is [\d.]+, L0 0, silent features 100\.0%"),
        (lambda t: t["W_dec"].neg_(), r"FVU is [1-9][\d.]*, L0 [1-4]"),
        (lambda t: t["b_enc"].fill_(1e30), r"FVU is \d\.\d+e\+\d+, L0 4, silent features 93\.8%"),
    ],
)
def test_an_sae_that_makes_no_sense_is_refused_with_its_figures(
    finished: Path,
    theirs: Path,
    tmp_path: Path,
    nonsense: Callable[[dict[str, Tensor]], object],
    figures: str,
) -> None:
    change(theirs, nonsense)
    study = new(finished, tmp_path / "s", f'file = "{theirs}"')
    with pytest.raises(RefusedError, match=rf"makes no sense at resid_post\.1 .*{figures}") as caught:
        pipeline.run(study)
    assert "\n" not in str(caught.value)
    assert not (study.path / "sae" / "main").exists()


def test_an_sae_with_most_of_its_features_active_is_refused(
    finished: Path, theirs: Path, tmp_path: Path
) -> None:
    tensors = load_file(theirs / "sae_weights.safetensors")
    save_saelens(theirs, tensors | {"b_enc": tensors["b_enc"] + 0.1}, "standard")
    study = new(finished, tmp_path / "s", f'file = "{theirs}"')
    with pytest.raises(RefusedError, match=r"L0 [1-6]\d[\d.]*, .*L0 above 0, at most 16"):
        pipeline.run(study)


@pytest.mark.parametrize(("d_sae", "awake"), [(64, 1), (4096, 81), (131_072, 81)])
def test_an_sae_that_wakes_almost_none_of_its_features_is_refused(d_sae: int, awake: int) -> None:
    figures = {"checked_positions": 4096.0, "fvu": 0.9, "l0": 1.0, "dead_share": 1 - awake / d_sae}
    with pytest.raises(RefusedError, match=r"silent features 9\d.*or more features that fire"):
        check_sense(Path("theirs"), "resid_post.1", d_sae, figures)
    check_sense(Path("theirs"), "resid_post.1", d_sae, figures | {"dead_share": 1 - (awake + 1) / d_sae})


def test_another_width_is_refused_before_anything_is_harvested(finished: Path, tmp_path: Path) -> None:
    theirs = save_saelens(tmp_path / "theirs", weights(), "standard")
    study = new(finished, tmp_path / "s", f'file = "{theirs}"')
    for name in ("plan", "activations"):
        shutil.rmtree(study.path / name)
    with pytest.raises(
        UsageError, match=rf"reads activations of width {D}; resid_post\.1 of models\.main has width 32"
    ):
        pipeline.run(study)
    assert not (study.path / "plan" / "main").exists()


def broken(theirs: Path) -> None:
    file = theirs / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def configured(**changes: Any) -> Callable[[Path], object]:
    def apply(theirs: Path) -> None:
        config = json.loads((theirs / "cfg.json").read_text())
        (theirs / "cfg.json").write_text(json.dumps(config | changes))

    return apply


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        (shutil.rmtree, 2, "theirs does not exist; expected a folder with an SAE"),
        (lambda t: (t / "sae_weights.safetensors").unlink(), 2, "holds no SAE of a format that is read here"),
        (configured(architecture="abstopk"), 2, "architecture is 'abstopk'"),
        (configured(metadata={"sae_lens_version": "6.0.0"}), 2, "names no hook point; give it"),
        (lambda t: (t / "cfg.json").write_text("no"), 4, "cfg.json is no readable JSON"),
    ],
)
def test_init_tells_in_one_line_what_is_wrong_with_an_sae(
    finished: Path, theirs: Path, tmp_path: Path, damage: Callable[[Path], object], code: int, message: str
) -> None:
    damage(theirs)
    with pytest.raises(MonosemaError, match=message) as caught:
        pipeline.init(tmp_path / "s", model=str(finished / "model"), sae={"file": str(theirs)})
    assert caught.value.exit_code == code
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "s").exists()


def test_a_corrupt_file_is_named_when_it_is_taken_over(finished: Path, theirs: Path, tmp_path: Path) -> None:
    broken(theirs)
    study = new(finished, tmp_path / "s", f'file = "{theirs}"')
    with pytest.raises(DamagedError, match=r"theirs/sae_weights\.safetensors is no whole safetensors file"):
        pipeline.run(study)


@pytest.mark.parametrize("key", ["file", "start"])
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda tensors: tensors.update(W_enc=tensors["W_enc"].T.contiguous()),
            r"W_enc has shape \(64, 32\)",
        ),
        (lambda tensors: tensors.pop("W_dec"), "tensor W_dec is missing"),
    ],
)
def test_weights_that_are_missing_or_transposed_are_refused_before_anything_is_harvested(
    finished: Path, theirs: Path, tmp_path: Path, key: str, edit: Callable[[Any], object], message: str
) -> None:
    change(theirs, edit)
    study = new(finished, tmp_path / "s", f'{key} = "{theirs}"')
    for name in ("plan", "activations"):
        shutil.rmtree(study.path / name)
    with pytest.raises(MonosemaError, match=rf"theirs/sae_weights\.safetensors: {message}"):
        pipeline.run(study)
    assert not (study.path / "plan" / "main").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("k = 4", r"saes\.main\.k cannot stand beside file: that SAE is trained already; take it out"),
        ("d_sae = 64", r"saes\.main\.d_sae cannot stand beside file"),
        ('kind = "topk"', r"saes\.main\.kind cannot stand beside file"),
        ("lr = 0.1", r"saes\.main\.lr cannot stand beside file"),
        ('hok = "resid_post.1"', r'saes\.main\.hok is no setting \(did you mean "hook"\?\)'),
        ("hook = 3", r"saes\.main\.hook is 3; expected text in quotes"),
        ('model = "mian"', r'unknown model .*"mian" \(did you mean "main"\?\)'),
    ],
)
def test_what_belongs_to_training_cannot_stand_beside_a_file(
    theirs: Path, tmp_path: Path, line: str, message: str
) -> None:
    text = TOML.replace(TRAINED, f'file = "theirs"\n{line}\n')  # from the study's folder
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        pipeline.open_study(tmp_path)
    assert "\n" not in str(caught.value)
    assert "hook" not in TOML.replace(TRAINED, 'file = "theirs"')
    (tmp_path / "study.toml").write_text(TOML.replace(TRAINED, 'file = "theirs"'))
    assert pipeline.open_study(tmp_path).settings["saes"]["main"] == {"file": theirs.name}
