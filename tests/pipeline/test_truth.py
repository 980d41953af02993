"""Ground truth on a small study whose documents say what they are about."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import monosema as ms
import tiny
from monosema import pipeline
from monosema.evaluation.documents import document_maxima
from monosema.pipeline.loaders import OpenStudy
from monosema.progress import Silent
from pipeline.small_study import TOML, new_study
from pipeline.test_cli import failed, monosema

ABOUT = {"golden_gate": "the golden gate stands in fog", "fox": "a red fox jumps over the old dog"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    """Half of the documents speak of one thing now and then, half of another."""
    made = new_study(
        tmp_path_factory.mktemp("truth") / "study", TOML.replace("0.7, 0.1, 0.1, 0.1", "0.4, 0.2, 0.2, 0.2")
    )
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


def test_every_concept_is_scored_beside_its_baselines_under_both_conditions(study: OpenStudy) -> None:
    record = pipeline.groundtruth(study)
    assert {(one["concept"], one["condition"]) for one in record["records"]} == {
        (concept, condition) for concept in ABOUT for condition in ("all", "unnamed")
    }
    for one in record["records"]:
        assert set(one["baselines"]) == {"neuron", "residual", "probe", "token"}
        assert one["score"]["f1"]["low"] <= one["score"]["f1"]["value"] <= one["score"]["f1"]["high"]
        assert not (one["shown"] and one["condition"] == "all")
    assert pipeline.groundtruth(study) == record


def test_maxima_are_those_of_each_document(study: OpenStudy) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    found = document_maxima(model, sae, tokens, ["report"], tokens_per_batch=512, reporter=Silent())
    for row in range(0, len(found.documents), 7):
        number = int(found.documents[row])
        if len(tokens.ids(number)) > tokens.context:
            continue
        text = model.tokenizer.decode(tokens.ids(number))
        x = model.capture(text, sae.input)
        usual = ~sae.massive_mask(x)
        assert found.columns["all"]["sae"][row].tolist() == pytest.approx(
            sae.encode(x[usual]).dense().amax(0).tolist(), rel=1e-3, abs=1e-4
        )
        residual = found.columns["all"]["residual"][row]
        assert residual[: sae.d_model].tolist() == pytest.approx(
            x[usual].amax(0).clamp_min(0).tolist(), rel=1e-3, abs=1e-4
        )
        assert (found.columns["unnamed"]["sae"][row] <= found.columns["all"]["sae"][row] + 1e-6).all()


def test_names_and_what_follows_them_do_not_count_as_unnamed(study: OpenStudy) -> None:
    tokens = study.tokens()
    found = document_maxima(
        study.model(), study.sae(), tokens, ["report"], tokens_per_batch=512, reporter=Silent()
    )
    spans = tokens.spans()
    row_of = {int(number): row for row, number in enumerate(found.documents)}
    for document, start, end in zip(spans.document, spans.start, spans.end, strict=True):
        if int(document) in row_of:
            hidden = found.tokens["unnamed"][row_of[int(document)]][int(start) : int(end) + 7]
            assert (hidden == -1).all()


def test_from_the_command_line_and_without_tags(study: OpenStudy, tmp_path: Path) -> None:
    shown = monosema("groundtruth", str(study.path))
    assert "golden_gate" in shown.stdout
    assert "concepts are shown" in shown.stderr
    plain = new_study(tmp_path / "plain")
    pipeline.run(plain, goal="sae")
    failed(monosema("groundtruth", str(plain.path)), 2, 'no held-out document has the tag "concept"')
