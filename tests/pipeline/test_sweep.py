"""Lists in study.toml: each combination is an SAE of its own, named, trained and shown like any other."""

from __future__ import annotations

import json
import math
import shutil
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monosema import pipeline
from monosema.errors import UsageError
from monosema.pipeline.read_asked import read_asked
from monosema.pipeline.sweep import expand
from pipeline.small_study import TOML, new_study

OPEN = TOML[: TOML.index("d_sae")]
NAME_SIGNS = st.characters(categories=["Lu", "Ll", "Nd"], include_characters="-_")
KEYS = ("hook", "d_sae", "k", "seed", "lr", "batch")
VALUES = {
    "hook": st.sampled_from(["resid_post.1", "resid_pre.0", "mlp_out.2"]),
    "lr": st.floats(1e-6, 1.0),
    "seed": st.integers(0, 1 << 40),
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """A table of an SAE some of whose keys hold lists of one or two different values, in any order."""
    table: dict[str, Any] = {}
    for key in draw(st.permutations(KEYS)):
        value = VALUES.get(key, st.integers(1, 64))
        table[key] = draw(st.one_of(value, st.lists(value, min_size=1, max_size=2, unique=True)))
    return table


@given(table=tables())
def test_a_sweep_is_every_combination_once_in_the_order_written_the_last_key_fastest(
    table: dict[str, Any],
) -> None:
    found = expand({"main": table})
    lists = [value if isinstance(value, list) else [value] for value in table.values()]
    assert [list(one.settings.values()) for one in found.values()] == [
        list(values) for values in product(*lists)
    ]
    assert all(list(one.settings) == list(table) and one.table == "main" for one in found.values())
    assert len(found) == math.prod(map(len, lists))


@given(table=tables())
def test_the_names_of_a_sweep_are_names_with_a_part_for_each_list(table: dict[str, Any]) -> None:
    swept = [key for key, value in table.items() if isinstance(value, list)]
    for name, one in expand({"main": table}).items():
        assert name.replace("-", "").replace("_", "").isalnum()
        assert name.startswith("main-") if swept else name == "main"
        for key in swept:
            assert one.settings[key] in table[key]
            if isinstance(one.settings[key], int):
                assert f"-{key}{one.settings[key]}" in name
    assert expand({"main": table}) == expand({"main": table})


@given(one=st.text(NAME_SIGNS, min_size=1), values=st.lists(st.integers(1, 99), min_size=1, unique=True))
def test_what_is_no_sweep_keeps_its_name_and_its_settings(one: str, values: list[int]) -> None:
    single = {"hook": "resid_post.1", "indexed": ["a", "b"], "k": values[0]}
    assert {name: found.settings for name, found in expand({one: single}).items()} == {one: single}


def test_numbers_stand_behind_their_key_and_text_by_itself() -> None:
    table = {
        "kind": ["topk"],
        "hook": ["resid_post.19"],
        "k": [16],
        "lr": [1e-05, 0.5, 2.0],
        "d_sae": 64,
    }
    assert list(expand({"main": table})) == [
        "main-topk-resid_post_19-k16-lr1e-05",
        "main-topk-resid_post_19-k16-lr0_5",
        "main-topk-resid_post_19-k16-lr2",
    ]
    flag = {"hook": "resid_post.1", "kind": "l1", "b_dec_at_mean": [True, False]}
    assert list(expand({"a": flag})) == ["a-b_dec_at_mean_true", "a-b_dec_at_mean_false"]


def test_settings_whose_value_is_a_list_are_not_swept() -> None:
    table = {
        "hook": "resid_post.1",
        "kind": "matryoshka",
        "widths": [16, 32],
        "indexed": ["a", "b"],
        "k": [2, 4],
    }
    found = expand({"main": table})
    assert list(found) == ["main-k2", "main-k4"]
    assert all(one.settings["widths"] == [16, 32] for one in found.values())


def test_every_combination_is_checked_as_a_table_of_its_own() -> None:
    asked = read_asked(tomllib.loads(OPEN + 'kind = ["topk", "l1"]\nd_sae = [64, 128]\nseed = 5\n'))
    assert list(asked.saes) == [f"main-{kind}-d_sae{d}" for kind in ("topk", "l1") for d in (64, 128)]
    assert [sae.kind.name for sae in asked.saes.values()] == ["topk", "topk", "l1", "l1"]
    assert [sae.place.d_sae for sae in asked.saes.values()] == [64, 128, 64, 128]
    assert {sae.place.seed for sae in asked.saes.values()} == {5}


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("k = []\n", "study.toml: saes.main.k is []; expected a value, or a list of at least one"),
        ("k = [4, [8]]\n", "study.toml: saes.main.k holds [8]; expected single values"),
        ("k = [{ a = 1 }]\n", "study.toml: saes.main.k holds {'a': 1}; expected single values"),
        ("k = [4, 8, 4]\n", "study.toml: saes.main makes two SAEs main-k4; take one of the values out"),
        ("lr = [1, 1.0]\n", "study.toml: saes.main makes two SAEs main-lr1;"),
        (f"k = {list(range(1, 102))}\n", "study.toml: saes.main stands for 101 SAEs (101 k); expected 100"),
        (f"k = {list(range(1, 12))}\nd_sae = {list(range(64, 74))}\n", "110 SAEs (11 k x 10 d_sae)"),
        (
            "k = [4, 8]\n[saes.main-k8]\nhook = 'resid_post.1'\n",
            "saes.main and saes.main-k8 both make an SAE main-k8",
        ),
        ("k = [4]\nfile = 'elsewhere'\n", "study.toml: saes.main.k holds a list; beside file"),
        ("kind = ['topk', 'l1']\nk = 4\n", "saes.main.k is a setting of kind topk, yet not of l1, which is"),
        ("kind = ['topk', 'l2']\n", 'unknown kind in study.toml: saes.main "l2" (did you mean "l1"?)'),
        ("k = [4, 0]\n", "study.toml: saes.main: k is 0; expected 1 to 8192 (d_sae)"),
        ("kk = [4, 5]\n", 'study.toml: saes.main.kk is no setting (did you mean "k"?)'),
        ("corpus = ['main', 'mian']\n", 'corpus in study.toml: saes.main "mian" (did you mean "main"?)'),
        ("store = [true, false]\n", "study.toml: saes.main.store is [True, False]"),
        ("seed = -1\n", "study.toml: saes.main: seed is -1; expected a whole number of 0 or more"),
        ("seed = 1\nfile = 'elsewhere'\n", "saes.main.seed cannot stand beside file"),
    ],
)
def test_a_wrong_sweep_is_one_line_that_names_table_and_key(toml: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_asked(tomllib.loads(OPEN + toml))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of four SAEs from one table."""
    toml = TOML.replace("k = 4\n", "k = [4, 6]\nseed = [7, 8]\n").replace("tokens = 4096", "tokens = 1024")
    study = new_study(tmp_path_factory.mktemp("swept") / "study", toml)
    pipeline.run(study)
    return study.path


def test_a_sweep_is_trained_evaluated_and_indexed_on_one_harvest(swept: Path) -> None:
    names = ["main-k4-seed7", "main-k4-seed8", "main-k6-seed7", "main-k6-seed8"]
    states = {state["artifact"]: state["state"] for state in pipeline.states(pipeline.open_study(swept))}
    for kind in ("sae", "evaluation", "index"):
        assert [name for name in states if name.startswith(f"{kind}/")] == [f"{kind}/{n}" for n in names]
    assert set(states.values()) == {"fresh"}
    assert [name for name in states if name.startswith("activations/")] == [
        "activations/main.main.resid_post.1"
    ]
    figures = pipeline.figures(pipeline.open_study(swept))
    assert list(figures) == names
    assert all(figures[name]["figures"]["l0"] <= int(name[6]) for name in names)
    study = pipeline.open_study(swept)
    assert (study.sae_names, study.sae("main-k6-seed7").d_sae) == (names, 64)
    assert study.index("main-k6-seed7").positions == len(study.activations("main-k4-seed8"))


def test_saes_of_one_seed_begin_alike_and_those_of_another_do_not(swept: Path, tmp_path: Path) -> None:
    """One step without learning leaves the weights of the start."""
    study = new_study(
        tmp_path / "s", (swept / "study.toml").read_text().replace("k = [", "lr = 1e-30\nk = [")
    )
    pipeline.run(study, goal="sae")
    opened = pipeline.open_study(study.path)
    weights = {name: opened.sae(name).encoder for name in opened.sae_names}
    torch.testing.assert_close(weights["main-k4-seed7"], weights["main-k6-seed7"], rtol=1e-6, atol=1e-6)
    assert (weights["main-k4-seed7"] - weights["main-k4-seed8"]).abs().max() > 0.1
    seeds = {name: opened.sae(name).config.seed for name in opened.sae_names}
    assert seeds["main-k4-seed7"] == seeds["main-k6-seed7"] != seeds["main-k4-seed8"]


def test_a_seed_is_asked_of_an_sae_only_where_it_is_given(
    finished: Path, swept: Path, tmp_path: Path
) -> None:
    assert "seed" not in read(finished / "sae/main/manifest.json")["asked"]
    assert read(swept / "sae/main-k4-seed7/manifest.json")["asked"]["seed"] == 7
    shutil.copytree(finished, tmp_path / "copy")
    toml = tmp_path / "copy" / "study.toml"
    toml.write_text(toml.read_text().replace("k = 4\n", "k = 4\nseed = 0\n"))
    states = {state["artifact"]: state for state in pipeline.states(pipeline.open_study(toml.parent))}
    assert states["sae/main"]["state"] == "stale"
    assert "seed was None, now 0" in states["sae/main"]["reason"]


@pytest.mark.parametrize("what", ["sae", "tokens", "activations", "index", "evaluation"])
def test_a_name_that_became_a_sweep_is_answered_with_the_names_there_are(swept: Path, what: str) -> None:
    study = pipeline.open_study(swept)
    with pytest.raises(UsageError, match=r'unknown SAE "main".*known: main-k4-seed7, main-k4-seed8, main-k6'):
        getattr(study, what)("main")
