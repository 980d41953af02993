"""Finding features by a token of a text, a vector, figures, labelled texts and meaning; ranked as asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.find import write_untagged
from safetensors.torch import save_file

import monosema as ms
from index.planted import PlantedIndex
from monosema import pipeline
from monosema.cli import find, show
from monosema.errors import DamagedError, UsageError
from monosema.index import (
    Activity,
    FeatureIndex,
    Filter,
    find_at,
    find_by_activation,
    find_by_direction,
    find_by_labels,
    find_by_statistics,
    find_by_texts,
    passing,
    read_names,
    search_meaning,
    search_words,
)
from monosema.models import LanguageModel
from monosema.pipeline.finding import read_vector
from monosema.pipeline.loaders import OpenStudy
from monosema.sae import SAE
from pipeline.small_study import new_study
from pipeline.test_cli import failed, monosema

TEXT = "the golden gate stands in fog"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    made = new_study(tmp_path_factory.mktemp("found") / "study")
    pipeline.run(made, goal="index")
    return ms.open(made.path)


@pytest.fixture(scope="module")
def model(study: OpenStudy) -> LanguageModel:
    return study.model()


@pytest.fixture(scope="module")
def sae(study: OpenStudy) -> SAE:
    return study.sae()


@pytest.fixture(scope="module")
def index(study: OpenStudy) -> FeatureIndex:
    return study.index()


@pytest.mark.parametrize("position", [0, 2, -1])
def test_what_is_found_at_a_token_is_what_fires_there(
    position: int, model: LanguageModel, sae: SAE, index: FeatureIndex
) -> None:
    x = model.capture(TEXT, sae.input)
    own = [n for n, one in enumerate(model.encode(TEXT)) if one not in model.tokenizer.all_special_ids]
    acts = sae.encode(x[own]).dense()[position]
    found = find_at(model, sae, index, TEXT, position, n=64)
    assert {one.feature for one in found} == set(acts.nonzero().flatten().tolist())
    assert [one.score for one in found] == sorted(acts[acts > 0].tolist(), reverse=True)
    token = model.tokenizer.decode([model.encode(TEXT)[own[position]]])
    assert repr(token) in found[0].why


def test_a_token_that_is_not_there_is_refused_with_those_that_are(
    model: LanguageModel, sae: SAE, index: FeatureIndex
) -> None:
    with pytest.raises(UsageError, match=r"no token 99; the text has 0 to \d+: \['the'"):
        find_at(model, sae, index, "the fox", 99)
    with pytest.raises(UsageError, match="empty"):
        find_at(model, sae, index, "")


def test_ranking_is_passed_in(model: LanguageModel, sae: SAE, index: FeatureIndex) -> None:
    def rarest(activity: Activity) -> torch.Tensor:
        return -activity.density

    def last(activity: Activity) -> torch.Tensor:
        return torch.arange(activity.acts.shape[1], dtype=torch.float32)

    on = ["the golden gate", "a golden gate stands"]
    found = find_by_texts(model, sae, index, on, n=64, rank=last)
    assert [one.feature for one in found] == sorted((one.feature for one in found), reverse=True)
    usual = find_by_texts(model, sae, index, on, n=64)
    assert {one.feature for one in usual} == {one.feature for one in found}
    density = [
        index.table["density"][one.feature] for one in find_at(model, sae, index, TEXT, n=64, rank=rarest)
    ]
    assert density == sorted(density)


ACTS = {
    "a": [0.0, 0.5, 2.0, 3.0, 0.0],
    "b": [0.0, 0.1, 1.0, 0.0, 0.0],
    "c": [0.0, 0.2, 0.0, 3.0, 9.0],
    "d": [0.0, 0.5, 0.0, 0.0, 9.0],
}
"""Largest activations of the planted features on texts."""


def test_what_fires_on_every_text_is_found_before_what_fires_on_most(
    model: LanguageModel, sae: SAE, planted: PlantedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monosema.index.find._largest", lambda model, sae, text: torch.tensor(ACTS[text]))

    def find(on: str, off: str = "", **more: Any) -> list[int]:
        found = find_by_texts(model, sae, planted, [*on], [*off], rank=strongest, **more)
        return [one.feature for one in found]

    def strongest(activity: Activity) -> torch.Tensor:
        return activity.acts.amax(0)

    assert find("abc") == [1]
    assert find("abc", "d") == [3, 2]
    assert find("abc", among=np.array([True, False, True, True, True])) == [3, 2]
    assert find("ab") == [2, 1]
    assert find("ab", "d") == [2]
    assert find("abc", among=np.zeros(5, dtype=bool)) == []
    with pytest.raises(UsageError, match="on most of the 2 texts and on none of the 1 others"):
        find("ac", "a")


def test_a_decoder_row_is_found_by_itself_and_the_opposite_last(sae: SAE) -> None:
    direction = 7 * sae.W_dec[11]
    found = find_by_direction(sae, direction, n=sae.d_sae)
    assert found[0].feature == 11
    assert found[0].score == pytest.approx(1.0)
    cosines = torch.nn.functional.cosine_similarity(sae.W_dec.double(), direction.double()[None])
    assert [one.score for one in found] == pytest.approx(sorted(cosines.tolist(), reverse=True), abs=1e-6)
    assert find_by_direction(sae, -direction, n=sae.d_sae)[-1].feature == 11


def test_a_raw_activation_finds_what_it_fires(model: LanguageModel, sae: SAE) -> None:
    x = model.capture(TEXT, sae.input)[-1]
    acts = sae.encode(x[None]).dense()[0]
    found = find_by_activation(sae, x, n=64)
    assert [one.feature for one in found] == acts.argsort(descending=True)[: len(found)].tolist()
    assert len(found) == int((acts > 0).sum())


@pytest.mark.parametrize("find", [find_by_direction, find_by_activation])
def test_a_vector_that_is_none_is_refused(find, sae: SAE) -> None:
    with pytest.raises(UsageError, match="has 3 numbers; this SAE is 32 wide"):
        find(sae, torch.ones(3))
    for vector in (torch.zeros(32), torch.full((32,), torch.nan)):
        with pytest.raises(UsageError, match="zero or not finite"):
            find(sae, vector)


def test_labelled_texts_are_told_apart_by_what_fires_on_them(
    model: LanguageModel, sae: SAE, index: FeatureIndex
) -> None:
    texts = [
        f"{word} {n % 7} {other}" for n in range(30) for word, other in (("golden", "gate"), ("old", "fox"))
    ]
    labels = [1, 0] * 30
    found = find_by_labels(model, sae, index, texts, labels, n=5)
    assert found.accuracy.value == 1.0
    assert found.larger.value == 0.5
    with pytest.raises(UsageError, match="give 10 or more of each"):
        find_by_labels(model, sae, index, texts[:12], labels[:12])
    with pytest.raises(UsageError, match="give each text 0 or 1"):
        find_by_labels(model, sae, index, texts, [2] * 60)
    with pytest.raises(UsageError, match="60 texts have 3 labels"):
        find_by_labels(model, sae, index, texts, [0, 1, 0])


def test_words_of_a_study_find_features_and_so_do_figures(study: OpenStudy, index: FeatureIndex) -> None:
    names = read_names(index.folder)
    assert len(names) == index.d_sae
    golden = [one.feature for one in pipeline.find(study, text="golden", n=64)]
    assert golden
    token = study.model().encode(" golden")[0]
    fires = (index.table["tokens"] == token).any(1).nonzero()[0]
    assert set(fires.tolist()) <= set(golden)
    dead = pipeline.find(study, where=Filter(dead=True), n=64)
    assert len(dead) == int((index.table["count"] == 0).sum())
    assert all(names[one.feature].text == "dead" for one in dead)
    assert pipeline.find(study, at=TEXT, position=1)[0].score > 0


@pytest.mark.parametrize(
    "way",
    [
        {"tag": "golden_gate"},
        {"token": " golden"},
        {"text": "golden"},
        {"on": ["the golden gate"], "off": ["a"]},
        {"at": TEXT},
        {"vector": [1.0] * 32},
        {"vector": [1.0] * 32, "meant": "activation"},
    ],
)
def test_beside_every_way_figures_say_which_features_may_be_found(
    way: dict[str, Any], study: OpenStudy, index: FeatureIndex
) -> None:
    anyhow = pipeline.find(study, **way, n=64)
    density = sorted(index.table["density"][one.feature] for one in anyhow)
    where = Filter(density=(0.0, float(density[len(density) // 2])))
    passed = passing(index, where)
    expected = [one for one in anyhow if passed[one.feature]]
    assert 0 < len(expected) < len(anyhow)
    assert pipeline.find(study, **way, where=where, n=64) == expected
    assert pipeline.find(study, **way, where=where, n=1) == expected[:1]
    assert pipeline.find(study, **way, where=Filter(dead=True)) == []


def test_vectors_meanings_and_labels_find_as_if_there_were_no_other_features(
    model: LanguageModel, sae: SAE, index: FeatureIndex
) -> None:
    among = np.arange(sae.d_sae) % 2 == 0
    x = model.capture(TEXT, sae.input)[-1].float()
    for search in (find_by_direction, find_by_activation):
        expected = [one for one in search(sae, x, n=64) if among[one.feature]]
        assert search(sae, x, n=64, among=among) == expected
        assert search(sae, x, n=2, among=among) == expected[:2]
    vectors = np.eye(sae.d_sae, dtype=np.float32)
    embed = lambda texts: np.linspace(1, 2, sae.d_sae)[None].repeat(len(texts), 0)  # noqa: E731
    assert [one.feature for one in search_meaning(embed, vectors, "x", 3, among=among)] == [62, 60, 58]
    texts, labels = ["golden gate", "old fox"] * 12, [1, 0] * 12
    found = find_by_labels(model, sae, index, texts, labels, among=among)
    assert found.features
    assert all(among[one.feature] for one in found.features)
    assert among[found.best]


def test_exactly_one_way_to_find_may_be_asked_for(study: OpenStudy) -> None:
    for asked in (
        {},
        {"text": "x", "tag": "bridge"},
        {"off": ["x"], "where": Filter(dead=True)},
        {"tag": "x", "off": ["x"]},
        {"tag": "bridge", "vector": [1.0] * 32},
    ):
        with pytest.raises(UsageError, match="one thing to find by"):
            pipeline.find(study, **asked)


def test_what_is_found_is_shown_with_its_name_and_who_gave_it(
    study: OpenStudy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find.find(study.path, words="golden", json=True)
    best = json.loads(capsys.readouterr().out)["features"][0]
    assert set(best["name"]) == {"text", "confidence", "rule", "by"}
    show.show(study.path, best["feature"])
    assert f"{best['name']['text']} (by rule: " in capsys.readouterr().out
    file = tmp_path / "some.jsonl"
    rows = [
        {"text": f"{word} {n}", "label": int(word == "golden")}
        for n in range(20)
        for word in ("golden", "fox")
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    find.find(study.path, labelled=file)
    assert "held-out texts" in capsys.readouterr().err
    find.find(study.path, words="golden", density="0.01:", json=True, n=64)
    dense = [one["feature"] for one in json.loads(capsys.readouterr().out)["features"]]
    assert dense == [
        one.feature for one in pipeline.find(study, text="golden", where=Filter(density=(0.01, 1.0)), n=64)
    ]
    find.find(study.path, dead=True, density="0:", json=True, n=64)
    dead = [one["feature"] for one in json.loads(capsys.readouterr().out)["features"]]
    assert dead == np.flatnonzero(study.index().table["count"] == 0).tolist()


def test_what_is_asked_wrongly_is_one_line(study: OpenStudy, tmp_path: Path) -> None:
    failed(monosema("find", str(study.path), "--density", "5"), 2, "--density is '5'", "LEAST:LARGEST")
    with pytest.raises(UsageError, match="--mean is 'a:b'; expected LEAST:LARGEST"):
        find.find(study.path, mean="a:b")
    with pytest.raises(UsageError, match=r'unknown tag "bridg" \(did you mean "bridge"'):
        find.find(study.path, inside="bridg")
    file = tmp_path / "v.npy"
    np.save(file, np.ones(32))
    for asked in ({"words": "golden"}, {"vector": file}):
        with pytest.raises(UsageError, match="beside --labelled stand only figures"):
            find.find(study.path, labelled=tmp_path / "none.jsonl", **asked)
    with pytest.raises(UsageError, match='unknown meaning of a vector "length"'):
        find.find(study.path, vector=file, meant="length")


def test_a_vector_of_a_file_finds_from_the_command_line(
    study: OpenStudy, sae: SAE, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = sae.W_dec[11].float()
    np.save(tmp_path / "v.npy", vector.double().numpy())
    save_file({"row": vector[None]}, tmp_path / "v.safetensors")
    for meant, search in {"direction": find_by_direction, "activation": find_by_activation}.items():
        truth = [one.feature for one in search(sae, vector)]
        for file in ("v.npy", "v.safetensors"):
            find.find(study.path, vector=tmp_path / file, meant=meant, json=True)
            found = [one["feature"] for one in json.loads(capsys.readouterr().out)["features"]]
            assert found == truth


def test_figures_of_features_are_asked_for_from_the_command_line(
    study: OpenStudy, model: LanguageModel, index: FeatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    maximum, mean = (float(np.median(index.table[name])) for name in ("maximum", "mean"))
    tag = max(index.tags.tags, key=lambda one: passing(index, Filter(tag=one)).sum())
    tops = {one: model.tokenizer.decode([one]) for one in index.table["tokens"][:, 0].tolist() if one >= 0}
    number, token = next((one, text) for one, text in tops.items() if model.encode(text) == [one])
    for asked, where in (
        ({"maximum": f"{maximum}:"}, Filter(maximum=(maximum, np.inf))),
        ({"mean": f":{mean}"}, Filter(mean=(0.0, mean))),
        ({"inside": tag, "density": "0:1"}, Filter(tag=tag, density=(0.0, 1.0))),
        ({"top_token": token}, Filter(top_token=number)),
    ):
        truth = [one.feature for one in find_by_statistics(index, where, n=64)]
        find.find(study.path, **asked, json=True, n=64)
        assert [one["feature"] for one in json.loads(capsys.readouterr().out)["features"]] == truth
        assert 0 < len(truth) < index.d_sae


def test_the_benchmark_can_search_words_that_know_of_no_tag(
    study: OpenStudy, index: FeatureIndex, tmp_path: Path
) -> None:
    write_untagged(ms.open(study.path).index(), tmp_path)
    tag = max(index.tags.tags, key=lambda one: passing(index, Filter(tag=one)).sum())
    assert any("its tags" in one.why for one in search_words(index.folder, tag, 64))
    assert not any("its tags" in one.why for one in search_words(tmp_path, tag, 64))
    assert "tag" not in {name.rule for name in read_names(tmp_path)}
    assert ms.open(study.path).index().tags.tags == index.tags.tags


def test_a_file_that_holds_no_vector_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "matrix.npy", np.ones((2, 3)))
    save_file({"a": torch.ones(3), "b": torch.ones(3)}, tmp_path / "two.safetensors")
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    np.savez(tmp_path / "archive.npz", a=np.ones(3))
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    (tmp_path / "no.safetensors").write_bytes(b"no")
    for name, error, message in (
        ("matrix.npy", UsageError, r"matrix\.npy holds \(2, 3\); expected one vector"),
        ("two.safetensors", UsageError, r"two\.safetensors holds \(3,\), \(3,\); expected one vector"),
        ("none.npy", UsageError, r"none\.npy is no file"),
        ("some.pt", UsageError, r'unknown kind of file for a vector "\.pt"'),
        ("words.npy", DamagedError, r"words\.npy cannot be read as numbers"),
        ("archive.npy", DamagedError, r"archive\.npy cannot be read as numbers"),
        ("no.safetensors", DamagedError, r"no\.safetensors cannot be read as numbers"),
    ):
        with pytest.raises(error, match=message):
            read_vector(tmp_path / name)
