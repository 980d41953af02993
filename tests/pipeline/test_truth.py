"""Ground truth on a small study whose documents say what they are about, and what is made for it from the catalogue."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import monosema as ms
import tiny
from monosema import pipeline
from monosema.evaluation import GroundTruth, scorable
from monosema.evaluation import groundtruth as score_concepts
from monosema.evaluation.documents import DocumentMaxima, document_maxima
from monosema.evaluation.inside import Sampler
from monosema.evaluation.tagged import HELD_OUT, Tagged, key_of
from monosema.models import LanguageModel
from monosema.pipeline import truth, truth_texts
from monosema.pipeline.loaders import OpenStudy
from monosema.progress import Silent
from monosema.sae import SAE
from monosema.world import Catalogue, NameMatcher
from pipeline.small_study import CONCEPTS, TOML, new_study
from pipeline.test_cli import failed, monosema

ABOUT = {
    "golden_gate": "golden gate, the golden gate at the golden gate",
    "fox": "a red fox jumps over the old dog",
}
SMALL = {"tokens_per_batch": 512, "seed": 0}
DOCUMENTS_AND_DESCRIPTIONS = ("all", "unnamed", "described", "inside_described")
FOX = """
[fox]
topic = "foxes"
en = ["vixen"]
about = ["the red hunter of hens", "the sly thief in fables"]
"""

OTHER = """
[saes.other]
hook = "resid_post.1"
d_sae = 48
batch = 128
tokens = 2048
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    """Half of the documents speak of one thing now and then, half of another."""
    made = new_study(
        tmp_path_factory.mktemp("truth") / "study", TOML.replace("0.7, 0.1, 0.1, 0.1", "0.4, 0.2, 0.2, 0.2")
    )
    (made.path / "concepts" / "landmark.toml").write_text(CONCEPTS + FOX)
    rng = random.Random(0)
    lines = []
    for number, text in enumerate(tiny.stories(160, seed=5)):
        concept = rng.choice(list(ABOUT))
        words = text.split()
        at = rng.randrange(len(words))
        mixed = " ".join([str(number), *words[:at], ABOUT[concept], *words[at:]])
        lines.append(json.dumps({"text": mixed, "tags": {"concept": concept}}))
    (made.path / "text.jsonl").write_text("\n".join(lines))
    pipeline.run(made, goal="sae")
    return ms.open(made.path)


@pytest.fixture(scope="module")
def tagged(study: OpenStudy) -> Tagged:
    return Tagged(study.tokens(), ["golden_gate", "bridge", "unicorn", "fox"])


@pytest.fixture(scope="module")
def maxima(study: OpenStudy, tagged: Tagged) -> DocumentMaxima:
    return document_maxima(
        study.model(),
        [study.sae()],
        study.tokens(),
        ["report"],
        tagged=tagged,
        tokens_per_batch=512,
        reporter=Silent(),
    )


def test_every_concept_is_scored_beside_its_baselines_under_every_condition(study: OpenStudy) -> None:
    record = pipeline.groundtruth(study)
    assert {(one["concept"], one["condition"]) for one in record["records"]} == {
        *((concept, condition) for concept in ABOUT for condition in DOCUMENTS_AND_DESCRIPTIONS),
        *((concept, "inside") for concept in ("golden_gate", "bridge")),
    }
    for one in record["records"]:
        assert set(one["baselines"]) == {"neuron", "residual", "probe", "token"}
        for score in (one["score"], *one["baselines"].values()):
            assert score["f1"]["low"] <= score["f1"]["value"] <= score["f1"]["high"]
        assert not (one["shown"] and one["condition"] != "unnamed")
        assert (one["transfer"] is not None) == (one["condition"] == "described")
    assert record["facts"]["questions"] == 1
    assert record["descriptions"] == 32
    assert pipeline.groundtruth(study) == record


def test_a_concept_counts_as_seen_often_from_one_over_the_living_features_on(study: OpenStudy) -> None:
    record = pipeline.groundtruth(study)
    tokens = study.tokens()
    inside: Counter[str] = Counter()
    spans = tokens.spans()
    for document, tag in {(int(d), tag) for d, tag in zip(spans.document, spans.tag, strict=True)}:
        if tokens.documents([document])[0].split == "train":
            mine = [
                range(int(start), int(end))
                for d, start, end, other in zip(
                    spans.document, spans.start, spans.end, spans.tag, strict=True
                )
                if (int(d), other) == (document, tag)
            ]
            inside[tag] += len({offset for one in mine for offset in one})
    for one in record["records"]:
        assert one["frequency"] == pytest.approx(inside[one["concept"]] / tokens.count("train"))
    often = [
        one["shown"]
        for one in record["records"]
        if one["condition"] == "unnamed" and one["frequency"] > 1 / record["alive"]
    ]
    assert (record["seen_often"], len(often)) == (1, 1), "the fox is never named"
    assert record["concepts_with_feature"]["value"] == sum(often)


def test_features_are_alive_that_fired_in_the_training(study: OpenStudy) -> None:
    sae = study.sae()
    dead = study.open("sae", "main").manifest.measured["dead"]
    assert pipeline.groundtruth(study)["alive"] == sae.d_sae - dead
    fire = score_concepts(study.model(), sae, study.tokens(), concepts=[], **SMALL)
    told = score_concepts(study.model(), sae, study.tokens(), concepts=[], alive=7, **SMALL)
    assert 0 < fire.alive <= sae.d_sae
    assert told.alive == 7


def test_saes_at_one_place_are_scored_together_as_if_each_were_alone(
    study: OpenStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(study.path, tmp_path / "study")
    toml = tmp_path / "study" / "study.toml"
    toml.write_text(toml.read_text() + OTHER)
    pipeline.run(pipeline.open_study(toml.parent), goal="sae")
    made, groups = ms.open(toml.parent), []
    score_each = truth.score_each

    def counted(model: LanguageModel, saes: list[SAE], *more: Any, **asked: Any) -> list[GroundTruth]:
        groups.append(len(saes))
        return score_each(model, saes, *more, **asked)

    monkeypatch.setattr(truth, "score_each", counted)
    together = pipeline.groundtruth_each(made, ["main", "other"], remake=True)
    alone = {name: pipeline.groundtruth(made, sae=name, remake=True) for name in together}
    assert together == alone
    assert groups == [2, 1, 1]
    assert together["main"]["alive"] != together["other"]["alive"]
    told = [[one["score"] for one in record["records"]] for record in together.values()]
    assert told[0] != told[1]
    assert pipeline.groundtruth_each(made, ["main", "other"]) == together
    assert groups == [2, 1, 1], "both are read"


def test_features_of_a_given_sae_are_alive_that_its_index_has_seen_fire(
    study: OpenStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def share(sae_of_index: str, measured: dict[str, float]) -> float | None:
        made = {
            "sae": SimpleNamespace(hash="this", manifest=SimpleNamespace(measured=measured)),
            "index": SimpleNamespace(
                manifest=SimpleNamespace(measured={"alive_share": 0.25}, parents={"sae/main": sae_of_index})
            ),
        }
        monkeypatch.setattr(study, "open", lambda kind, name, verify: made[kind])
        return truth._alive_share(study, "main")

    monkeypatch.setattr(study, "place", lambda kind, name: tmp_path / kind)
    assert share("this", {}) is None
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "manifest.json").touch()
    assert share("this", {"checked_positions": 4096, "dead_share": 0.5}) == 0.25
    assert share("another", {}) is None
    assert share("this", {"dead": 8, "dead_share": 0.125}) == 0.875


def test_concepts_that_are_seen_often_and_cannot_be_scored_are_counted(study: OpenStudy) -> None:
    record = pipeline.groundtruth(study)
    seen = Tagged(study.tokens(), ["golden_gate", "bridge"]).frequencies()
    assert {name for name, share in seen.items() if share * record["alive"] > 1} == {"golden_gate", "bridge"}
    assert record["seen_unscorable"] == 1, "no document is about bridges"


@pytest.mark.parametrize("file", ["unnamed.toml", "facts.toml", "relations.toml"])
def test_what_is_asked_follows_the_templates(
    study: OpenStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    before = truth._asked(study, "main", "concepts")
    read = truth.Data.read

    def changed(name: str, package: str = "monosema.world.grammar") -> truth.Data:
        found = read(name, package)
        if name == file:
            (tmp_path / name).write_text(found.path.read_text(encoding="utf-8") + "# more")
            return replace(found, path=tmp_path / name)
        return found

    monkeypatch.setattr(truth.Data, "read", changed)
    after = truth._asked(study, "main", "concepts")
    assert {key for key in before if before[key] != after[key]} == {"templates"}


def test_a_record_of_other_questions_or_another_catalogue_is_made_anew(
    study: OpenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = study.path / "groundtruth" / "main" / "manifest.json"
    pipeline.groundtruth(study)
    before = place.read_text()
    marks = study.path / "concepts"
    marks.rename(study.path / "away")
    pipeline.groundtruth(study)
    assert place.read_text() == before, "a catalogue that is gone takes no record with it"
    (study.path / "away").rename(marks)
    monkeypatch.setattr(truth_texts, "MOST_FACTS", 0)
    assert pipeline.groundtruth(study)["facts"] is None
    monkeypatch.undo()
    assert pipeline.groundtruth(study)["facts"] is not None


def test_maxima_are_those_of_each_document(study: OpenStudy, maxima: DocumentMaxima) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    for row in range(0, len(maxima.documents), 7):
        number = int(maxima.documents[row])
        if len(tokens.ids(number)) > tokens.context:
            continue
        text = model.tokenizer.decode(tokens.ids(number))
        x = model.capture(text, sae.input)
        usual = ~sae.massive_mask(x)
        assert maxima.columns["all"][0][row].tolist() == pytest.approx(
            sae.encode(x[usual]).dense().amax(0).tolist(), rel=1e-3, abs=1e-4
        )
        residual = maxima.columns["all"]["residual"][row]
        assert residual[: sae.d_model].tolist() == pytest.approx(
            x[usual].amax(0).clamp_min(0).tolist(), rel=1e-3, abs=1e-4
        )
        assert (maxima.columns["unnamed"][0][row] <= maxima.columns["all"][0][row] + 1e-6).all()


def test_names_and_what_follows_them_do_not_count_as_unnamed(
    study: OpenStudy, maxima: DocumentMaxima
) -> None:
    tokens = study.tokens()
    spans = tokens.spans()
    hidden = {int(number): np.zeros(len(tokens.ids(int(number))), bool) for number in maxima.documents}
    for document, start, end in zip(spans.document, spans.start, spans.end, strict=True):
        if int(document) in hidden:
            hidden[int(document)][int(start) : int(end) + 7] = True
    for row, number in enumerate(maxima.documents.tolist()):
        expected = np.where(hidden[number], -1, tokens.ids(number))
        assert maxima.tokens["unnamed"][row].tolist() == expected.tolist()


def test_spans_that_name_no_concept_hide_nothing(study: OpenStudy) -> None:
    only = Tagged(study.tokens(), ["unicorn"])  # golden_gate and fox are known from the documents' tags
    assert only.names.tolist() == ["golden_gate"]


def test_sampled_positions_hold_what_the_sae_says_of_each(study: OpenStudy, tagged: Tagged) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    numbers = tagged.documents(HELD_OUT)
    sampler = Sampler(tokens, tagged, numbers, row_bytes=4, seed=0)
    document_maxima(
        model,
        [sae],
        tokens,
        HELD_OUT,
        tagged=tagged,
        tokens_per_batch=512,
        reporter=Silent(),
        watch=sampler.add,
    )
    sample = sampler.sample()
    assert sample.drawn.tolist() == list(range(len(sample.key))), "all of them fit"
    assert (np.diff(sample.key) > 0).all()
    number = next(int(n) for n in numbers if len(tokens.ids(int(n))) <= tokens.context)
    x = model.capture(model.tokenizer.decode(tokens.ids(number)), sae.input)
    offsets = (~sae.massive_mask(x)).nonzero()[:, 0]
    mine = torch.from_numpy(np.flatnonzero(sample.key >> 32 == number))
    assert sample.key[mine].tolist() == key_of(np.full(len(offsets), number), offsets.numpy()).tolist()
    torch.testing.assert_close(sample.x[mine], x[offsets], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(
        sample.acts[0].select(mine).dense(), sae.encode(x[offsets]).dense(), rtol=1e-3, atol=1e-4
    )


def test_from_the_command_line_and_without_tags(study: OpenStudy, tmp_path: Path) -> None:
    shown = monosema("groundtruth", str(study.path))
    assert "golden_gate" in shown.stdout
    for sentence in (
        "concepts are shown",
        "of the 1 concepts that stand in more than 1 of",
        "seen often enough but not scorable: 1 concepts (too few of",
        "coordinate 0.",
        "none of this counts as shown",
        "on descriptions without the name",
        "inside what describes the concept (2 concepts; positions): median F1",
        "of 1 facts of the catalogue",
    ):
        assert sentence in shown.stderr
    plain = new_study(tmp_path / "plain")
    pipeline.run(plain, goal="sae")
    failed(monosema("groundtruth", str(plain.path)), 2, 'no held-out document has the tag "concept"')


def test_concepts_that_can_be_scored_come_by_their_held_out_documents(
    study: OpenStudy, tagged: Tagged
) -> None:
    held = Counter(tagged.about[int(number)] for number in tagged.documents(HELD_OUT))
    names = scorable(study.tokens(), ["bridge", "golden_gate", "unicorn"])
    assert names == [*sorted(ABOUT, key=lambda name: -held[name]), "bridge"]


def test_descriptions_never_name_the_thing_and_sides_share_no_frame() -> None:
    concepts = list(Catalogue.load())[:6]
    made = list(truth_texts.descriptions(concepts, seed=3))
    assert Counter((one.tags["concept"], one.tags["held_out"]) for one in made) == {
        (concept.id, side): 8 for concept in concepts for side in (False, True)
    }
    assert len({one.text for one in made}) == len(made)
    frames: dict[object, set[str]] = {False: set(), True: set()}
    for one in made:
        (concept,) = (concept for concept in concepts if concept.id == one.tags["concept"])
        assert one.text is not None
        assert not NameMatcher([concept]).find(one.text, {concept.id})
        frame = one.text
        for about in concept.about["en"]:
            frame = frame.replace(about, "{}")
        assert one.spans, "what describes it is marked"
        for span in one.spans:
            assert span.tag == concept.id
            assert one.text[span.start : span.end].lower() in {text.lower() for text in concept.about["en"]}
        assert "{}" in frame
        frames[one.tags["held_out"]].add(frame)
    assert not frames[False] & frames[True]
    assert made == list(truth_texts.descriptions(concepts, seed=3))
    assert made != list(truth_texts.descriptions(concepts, seed=4))


def test_descriptions_become_fewer_of_each_and_then_of_fewer_concepts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(truth_texts, "MOST_DESCRIPTIONS", 100)
    concepts = list(Catalogue.load())[:20]
    for asked, sides, described in ((6, 8, 6), (10, 5, 10), (20, 4, 12)):
        made = list(truth_texts.descriptions(concepts[:asked], seed=0))
        counts = Counter((one.tags["concept"], one.tags["held_out"]) for one in made)
        assert set(counts.values()) == {sides}
        assert len(counts) == 2 * described


def test_questions_end_where_the_answer_belongs_and_take_turns_through_the_relations() -> None:
    catalogue = Catalogue.load()
    asked = truth_texts.questions(catalogue, seed=0)
    assert len(asked) == truth_texts.MOST_FACTS
    counts = Counter(one.relation for one in asked)
    assert max(counts.values()) - min(counts.values()) <= 1
    for one in asked:
        assert "{" not in one.prompt
        assert one.prompt == one.prompt.strip()
        assert not any(name.lower() in one.prompt.lower() for name in one.answers)
    france = truth_texts._question(catalogue, catalogue["france"], "capital", "The capital of {s} is")
    assert france is not None
    assert (france.prompt, france.answers[0]) == ("The capital of France is", "Paris")
