"""Held-out documents for ground truth: never one that was trained on, whatever it is called."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import monosema as ms
import tiny
from monosema import pipeline
from monosema.corpora import Document
from monosema.errors import UsageError
from monosema.evaluation import groundtruth as score_concepts
from monosema.pipeline import unseen as unseen_module
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.unseen import OF_A_CONCEPT, has_unseen, unseen, unseen_tokens
from monosema.world.library import TEXTS, Text
from pipeline.small_study import TOML, new_study

ABOUT = ("golden_gate", "bridge", "unicorn", "fog", "fox", "dawn")


def read(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 stories in place of the bundled library, 50 about each of six things."""
    file = tmp_path / "library.jsonl"
    lines = [
        json.dumps({"text": f"golden gate {text}", "tags": {"concept": ABOUT[number % len(ABOUT)]}})
        for number, text in enumerate(tiny.stories(300, seed=7))
    ]
    file.write_text("\n".join(lines))
    monkeypatch.setitem(TEXTS, "library", Text(files=lambda: [file], records=lambda: iter(read(file))))
    return file


@pytest.fixture
def study(library: Path, tmp_path: Path) -> OpenStudy:
    """It takes about 40 of them."""
    toml = TOML.replace('["text.jsonl"]', '["world:library"]\ntokens = 5000', 1)
    made = new_study(tmp_path / "study", toml)
    pipeline.run(made, goal="sae")
    return ms.open(made.path)


def test_concepts_are_scored_on_text_of_the_library_that_the_study_did_not_take(
    study: OpenStudy, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = study.tokens()
    mine = {one.hash: one.split for one in tokens.documents(range(tokens.n_documents))}
    found = unseen_tokens(study, "main.main", tokens, tmp_path, seed=1)
    entries = found.documents(range(found.n_documents))
    hashes = {one.hash for one in entries}
    assert {one.split for one in entries} == {"report"}
    assert not hashes & {key for key, split in mine.items() if split == "train"}
    assert {key for key, split in mine.items() if split != "train"} <= hashes
    assert min(Counter(one.tags["concept"] for one in entries).values()) == OF_A_CONCEPT
    assert "golden_gate" in found.spans().tag

    record = pipeline.groundtruth(study)
    assert record["documents"] == len(entries)
    assert record["further"] == len(hashes - mine.keys()) > 0
    assert record["left_out"] == 0
    with pytest.raises(UsageError, match="were trained on; leave them out"):
        score_concepts(
            study.model(), study.sae(), tokens, concepts=[], held_out=tokens, tokens_per_batch=512, seed=0
        )

    assert has_unseen(study, "main")
    elsewhere = replace(study.asked_sae(), start=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(study, "asked_sae", lambda name: elsewhere)
        assert not has_unseen(study, "main"), "who knows what it was trained on before"
    library.write_text(library.read_text() + "\n" + json.dumps({"text": "a new one"}))
    assert not has_unseen(ms.open(study.path), "main"), "a document that changed would look unseen"


def story(number: int, concept: str | None, name: str = "") -> Document:
    tags = {} if concept is None else {"concept": concept}
    return Document(id=name or str(number), text=f"story {number} of {concept}", tags=tags)


def test_none_that_was_taken_comes_back_and_each_concept_gets_what_it_lacks() -> None:
    often = [story(number, "often") for number in range(30)]
    seldom = [story(number, "seldom") for number in range(5)]
    plain = [story(number, None) for number in range(9)]
    taken = {one.hash: "train" for one in often[:10]} | {one.hash: "score" for one in often[10:13]}
    taken |= {plain[0].hash: "report"}
    again = [story(3, "often", name="the same under another name")]
    found = unseen([*often, *seldom, *plain, *again], taken, seed=0)
    texts = [one.text for one in found]
    assert Counter(one.tags.get("concept") for one in found) == {"often": OF_A_CONCEPT, None: 1}
    assert not {one.text for one in often[:10]} & set(texts)
    assert {one.text for one in often[10:13]} < set(texts)
    turned = unseen([*again, *plain, *seldom, *often], taken, seed=0)
    assert {one.text for one in turned} == set(texts)
    assert set(texts) != {one.text for one in unseen([*often, *seldom, *plain], taken, seed=1)}


def test_further_documents_are_bounded_and_those_of_frequent_concepts_come_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unseen_module, "MOST_FURTHER", OF_A_CONCEPT + 2)
    documents = [story(number, "rare") for number in range(7)] + [
        story(number, "often") for number in range(OF_A_CONCEPT + 1)
    ]
    found = unseen(documents, {}, seed=0)
    assert Counter(one.tags["concept"] for one in found) == {"often": OF_A_CONCEPT, "rare": 2}
