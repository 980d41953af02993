"""An index over a real (tiny) study: contexts, postings, promoted tokens against the model and the SAE themselves."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import monosema as ms
from monosema import pipeline
from monosema.activations import LiveRows, Rows, StoreRows
from monosema.errors import DamagedError, UsageError
from monosema.index import FeatureIndex, find_by_texts, find_by_token, make_index
from monosema.index.codes import PRECISION
from monosema.index.collect import collect, collect_task
from monosema.index.index import SEGMENTS
from monosema.index.segment import write_segment
from monosema.pipeline.loaders import OpenStudy
from monosema.progress import Silent
from pipeline.small_study import new_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    made = new_study(tmp_path_factory.mktemp("indexed") / "study")
    pipeline.run(made, goal="index")
    return ms.open(made.path)


@pytest.fixture(scope="module")
def index(study: OpenStudy) -> FeatureIndex:
    return study.index()


def test_only_what_the_index_needs_was_made(study: OpenStudy) -> None:
    assert not (study.path / "evaluation").exists()


def test_postings_are_what_the_sae_says_of_every_position(study: OpenStudy, index: FeatureIndex) -> None:
    store, sae = study.activations(), study.sae()
    x = store.rows(torch.arange(len(store)))
    acts = sae.encode(x).dense() * (store.norms <= sae.massive)[:, None]
    assert index.positions == len(store)
    for feature in range(index.d_sae):
        rows, values = index.postings(feature)
        expected = acts[:, feature]
        assert rows.tolist() == expected.nonzero().flatten().tolist()
        np.testing.assert_allclose(values, expected[rows].numpy(), rtol=2 * PRECISION)


def test_a_context_shows_the_activations_of_its_document(study: OpenStudy, index: FeatureIndex) -> None:
    model, sae = study.model(), study.sae()
    feature = int(np.argmax(index.table["maximum"]))
    context = index.top(feature, 1)[0]
    assert context.value == pytest.approx(index.maximum(feature), rel=2 * PRECISION)
    assert context.text in model.tokenizer.decode(index.tokens.ids(context.document))
    ids = torch.from_numpy(index.tokens.ids(context.document))[None]
    acts = sae.encode(model.capture(ids[:, : index.tokens.context], [sae.input])[sae.input][0]).dense()[
        :, feature
    ]
    row = int(index.table["top_rows"][feature][0])
    _, position, _ = index.places([row])[0]
    if position < index.tokens.context:  # the first piece of its document
        assert float(acts[position]) == pytest.approx(context.value, rel=1e-3)


def test_samples_of_an_interval_lie_in_it(index: FeatureIndex) -> None:
    feature = int(np.argmax(index.table["count"]))
    for number in range(10):
        for context in index.interval(feature, number):
            share = context.value / index.maximum(feature) * 10
            assert number - 1e-2 <= share <= number + 1 + 1e-2


def test_promoted_tokens_go_through_the_final_norm_and_the_unembedding(
    study: OpenStudy, index: FeatureIndex
) -> None:
    model, sae = study.model(), study.sae()
    network = model._network
    direction = sae.directions(torch.tensor([7]))
    logits = network.lm_head(network.model.norm(direction))[0]
    best = logits.topk(10)
    assert index.table["promoted"][7].tolist() == best.indices.tolist()
    np.testing.assert_allclose(index.table["promoted_logits"][7], best.values.detach().numpy(), rtol=1e-4)
    assert index.table["suppressed"][7].tolist() == logits.topk(10, largest=False).indices.tolist()


def test_neighbours_are_the_nearest_decoder_rows(study: OpenStudy, index: FeatureIndex) -> None:
    W = torch.nn.functional.normalize(study.sae().W_dec, dim=1)
    cosines = W @ W[11]
    cosines[11] = -2
    assert index.table["neighbours"][11].tolist() == cosines.topk(10).indices.tolist()


def test_a_store_and_the_model_itself_give_the_same_index(study: OpenStudy, tmp_path: Path) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    for name, source in {
        "store": StoreRows(study.activations(), rows_per_task=700),
        "live": LiveRows(model, tokens, sae.input, split="train", tokens_per_batch=512, rows_per_task=1024),
    }.items():
        (tmp_path / name).mkdir()
        make_index(tmp_path / name, model, sae, tokens, source, seed=1)
    one, two = (FeatureIndex(tmp_path / name, tokens, model.tokenizer.decode) for name in ("store", "live"))
    assert one.table["count"].tolist() == two.table["count"].tolist()
    np.testing.assert_allclose(one.table["maximum"], two.table["maximum"], rtol=1e-5)


def test_an_index_that_was_stopped_goes_on_and_ends_with_the_same_bytes(
    study: OpenStudy, tmp_path: Path
) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    source = StoreRows(study.activations(), rows_per_task=700)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        make_index(tmp_path / name, model, sae, tokens, source, seed=1)
    for left in (tmp_path / "killed").glob("segments/00001*"):
        left.unlink()
    for left in (tmp_path / "killed").glob("*.*"):
        left.unlink()
    make_index(tmp_path / "killed", model, sae, tokens, source, seed=1)
    for path in (tmp_path / "whole").rglob("*"):
        if path.is_file():
            other = tmp_path / "killed" / path.relative_to(tmp_path / "whole")
            assert path.read_bytes() == other.read_bytes(), path.name


def test_what_fires_at_a_token_is_one_read_both_ways(index: FeatureIndex) -> None:
    feature = int(np.argmax(index.table["count"]))
    rows, _ = index.postings(feature)
    for document, position, _ in index.places(rows[:50]).tolist():
        assert feature in index.fires(document, position)
    documents = len(index.tokens.ids(0))
    assert index.fires(0, documents + 5).tolist() == []


def test_an_index_can_be_read_while_it_is_being_made(
    study: OpenStudy, index: FeatureIndex, tmp_path: Path
) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    source = StoreRows(study.activations(), rows_per_task=700)
    with pytest.raises(UsageError, match="no position"):
        make_index(tmp_path, model, sae, tokens, Beginning(source, 0), seed=1)
    with pytest.raises(UsageError, match="no finished part yet"):
        FeatureIndex(tmp_path, tokens, model.tokenizer.decode)
    collect(tmp_path / SEGMENTS, sae, Beginning(source, 2), Silent())
    young = FeatureIndex(tmp_path, tokens, model.tokenizer.decode)
    assert not young.finished
    assert young.positions == 1400
    feature = int(np.argmax(young.table["count"]))
    known = young.feature(feature)
    assert known.promoted == ()
    rows, values = young.postings(feature)
    assert known.count == len(rows)
    assert known.maximum == pytest.approx(values.max(), rel=2 * PRECISION)
    assert young.table["tokens"][feature].tolist() == young.table.row(feature)["tokens"].tolist()
    assert [one.value for one in young.top(feature, 3)] == sorted(values, reverse=True)[:3]
    assert young.tags.tags == index.tags.tags
    make_index(tmp_path, model, sae, tokens, source, seed=1)
    old = FeatureIndex(tmp_path, tokens, model.tokenizer.decode)
    assert old.finished
    assert old.table["count"].sum() == index.table["count"].sum()


class Beginning:
    """The first tasks of a source."""

    def __init__(self, source: StoreRows, tasks: int) -> None:
        self.tasks, self._source = tasks, source
        self.positions = sum(len(rows.norm) for task in range(tasks) for rows in source.rows(task))

    def rows(self, task: int) -> Iterator[Rows]:
        return self._source.rows(task)


def test_parts_that_others_made_in_any_order_give_the_same_bytes(study: OpenStudy, tmp_path: Path) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    source = StoreRows(study.activations(), rows_per_task=700)
    for name in ("alone", "shared"):
        (tmp_path / name).mkdir()
    make_index(tmp_path / "alone", model, sae, tokens, source, seed=1)
    for task in reversed(range(source.tasks)):
        collect_task(tmp_path / "shared" / SEGMENTS, sae, source, task)
    make_index(tmp_path / "shared", model, sae, tokens, source, seed=1)
    for path in (tmp_path / "alone").rglob("*"):
        if path.is_file():
            other = tmp_path / "shared" / path.relative_to(tmp_path / "alone")
            assert path.read_bytes() == other.read_bytes(), path.name


def test_a_segment_that_is_missing_in_the_middle_is_made_alone(study: OpenStudy, tmp_path: Path) -> None:
    sae, source = study.sae(), StoreRows(study.activations(), rows_per_task=700)
    collect(tmp_path, sae, source, Silent())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path: path.stat().st_ino for path in tmp_path.iterdir() if not path.name.startswith("00001")}
    for name in ("00001.json", "00001.safetensors"):
        (tmp_path / name).unlink()
    assert len(collect(tmp_path, sae, source, Silent())) == source.tasks > 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert all(path.stat().st_ino == inode for path, inode in kept.items())


@pytest.mark.parametrize("ending", ["safetensors", "json"])
def test_a_segment_that_was_damaged_before_the_end_is_made_again_alone(
    ending: str, study: OpenStudy, tmp_path: Path
) -> None:
    sae, source = study.sae(), StoreRows(study.activations(), rows_per_task=700)
    collect(tmp_path, sae, source, Silent())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path: path.stat().st_ino for path in tmp_path.iterdir() if not path.name.startswith("00001")}
    file = tmp_path / f"00001.{ending}"
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    assert len(collect(tmp_path, sae, source, Silent())) == source.tasks
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert all(path.stat().st_ino == inode for path, inode in kept.items())


def test_an_index_that_met_a_full_disk_loses_nothing(
    study: OpenStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    source = StoreRows(study.activations(), rows_per_task=700)
    written = []

    def full(folder: Path, number: int, *rest: Any) -> Any:
        if number == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))
        written.append(number)
        return write_segment(folder, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr("monosema.index.collect.write_segment", full)
        with pytest.raises(OSError, match="No space left"):
            make_index(tmp_path, model, sae, tokens, source, seed=1)
    assert written == [0, 1]
    kept = (tmp_path / SEGMENTS / "00001.safetensors").stat().st_mtime_ns
    make_index(tmp_path, model, sae, tokens, source, seed=1)
    assert (tmp_path / SEGMENTS / "00001.safetensors").stat().st_mtime_ns == kept
    assert FeatureIndex(tmp_path, tokens, model.tokenizer.decode).finished


def test_a_feature_is_found_by_text_and_by_token(study: OpenStudy, index: FeatureIndex) -> None:
    model, sae = study.model(), study.sae()
    found = find_by_texts(model, sae, index, ["the golden gate", "a golden gate stands"], n=5)
    assert found == sorted(found, key=lambda one: -one.score)
    fired = sae.encode(model.capture("golden", sae.input)).indices.tolist()
    rest = find_by_texts(model, sae, index, ["the old red fox"], ["golden"], n=64)
    assert rest
    assert not {one.feature for one in rest} & set(fired)
    token = model.encode(" golden")[0]
    best = find_by_token(index, token)[0]
    rows, _ = index.postings(best.feature)
    hits = (index.places(rows)[:, 2] == token).sum()
    total = sum(int((segment.places[:, 2] == token).sum()) for segment in index.segments)
    assert best.score == pytest.approx(2 * hits / (len(rows) + total))


def test_what_is_not_there_is_named(study: OpenStudy, index: FeatureIndex, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no feature 64; this SAE has 0 to 63"):
        index.feature(64)
    with pytest.raises(UsageError, match="at least one text"):
        find_by_texts(study.model(), study.sae(), index, [])
    with pytest.raises(UsageError, match="longer than the 128"):
        find_by_texts(study.model(), study.sae(), index, ["the fox " * 200])
    copy = Path(shutil.copytree(index.folder, tmp_path / "copy"))
    (copy / "features.parquet").write_bytes(b"no")
    with pytest.raises(DamagedError, match=r"features\.parquet cannot be read"):
        FeatureIndex(copy, index.tokens, str)
