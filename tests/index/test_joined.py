"""One index over two corpora: documents numbered on, the first part's segments as they were alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import monosema as ms
from monosema import pipeline
from monosema.activations import JoinedRows, LiveRows, StoreRows
from monosema.corpora import CorpusSettings, JoinedTokens, Tokens, read_documents, write_tokens
from monosema.index import FeatureIndex, make_index
from monosema.pipeline.loaders import OpenStudy
from pipeline.small_study import new_study

OTHER = "The grey fox sleeps under the golden gate. " * 30


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    made = new_study(tmp_path_factory.mktemp("joined") / "study")
    pipeline.run(made, goal="sae")
    return ms.open(made.path)


@pytest.fixture(scope="module")
def other(study: OpenStudy, tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    folder = tmp_path_factory.mktemp("other")
    (folder / "other.txt").write_text(OTHER)
    settings = CorpusSettings(
        sources=(str(folder / "other.txt"),), context=64, shares=(1, 0, 0, 0), concepts="concepts"
    )
    (folder / "tokens").mkdir()
    write_tokens(folder / "tokens", read_documents(settings, study.path), study.model().tokenizer, settings)
    return Tokens(folder / "tokens")


def test_documents_are_numbered_on(study: OpenStudy, other: Tokens) -> None:
    first = study.tokens()
    both = JoinedTokens([first, other])
    assert both.starts == [0, first.n_documents]
    assert both.n_documents == first.n_documents + other.n_documents
    assert both.ids(first.n_documents).tolist() == other.ids(0).tolist()
    assert both.ids(3).tolist() == first.ids(3).tolist()
    assert both.documents([first.n_documents])[0] == other.documents([0])[0]
    spans, (one, two) = both.spans(), (first.spans(), other.spans())
    assert len(spans.tag) == len(one.tag) + len(two.tag)
    assert (spans.document[len(one.tag) :] == two.document + first.n_documents).all()
    assert both.hash != JoinedTokens([other, first]).hash


def test_an_index_over_two_corpora_adds_segments_to_that_of_the_first(
    study: OpenStudy, other: Tokens, tmp_path: Path
) -> None:
    model, sae, first = study.model(), study.sae(), study.tokens()
    mine = StoreRows(study.activations(), rows_per_task=700)
    theirs = LiveRows(model, other, sae.input, split="train", tokens_per_batch=512, rows_per_task=512)
    both = JoinedTokens([first, other])
    rows = JoinedRows([mine, theirs], both.starts)
    assert rows.tasks == mine.tasks + theirs.tasks
    assert rows.positions == mine.positions + theirs.positions
    for name, tokens, source in (("one", first, mine), ("two", other, theirs), ("both", both, rows)):
        (tmp_path / name).mkdir()
        make_index(tmp_path / name, model, sae, tokens, source, seed=1)
    for path in (tmp_path / "one" / "segments").iterdir():
        assert path.read_bytes() == (tmp_path / "both" / "segments" / path.name).read_bytes()
    decode = model.tokenizer.decode
    one, two = FeatureIndex(tmp_path / "one", first, decode), FeatureIndex(tmp_path / "two", other, decode)
    joined = FeatureIndex(tmp_path / "both", both, decode)
    assert np.array_equal(joined.table["count"], one.table["count"] + two.table["count"])
    assert np.array_equal(joined.table["maximum"], np.maximum(one.table["maximum"], two.table["maximum"]))
    tag = joined.tags.tags.index("golden_gate")
    counts = [index.tags.counts(index.tags.tags.index("golden_gate")) for index in (one, two)]
    assert np.array_equal(joined.tags.counts(tag), counts[0] + counts[1])
    feature = int(np.argmax(two.table["count"]))
    position = next((place for place in range(20) if feature in two.fires(0, place).tolist()), None)
    if position is not None:
        assert feature in joined.fires(first.n_documents, position).tolist()
    ids = torch.from_numpy(other.ids(0))
    seen = [context for context in joined.top(feature, 20) if context.document == first.n_documents]
    assert all(context.text in decode(ids) for context in seen)
