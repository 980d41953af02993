from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monosema.corpora import (
    SPLITS,
    Batch,
    CorpusSettings,
    Document,
    Encoder,
    Message,
    Span,
    Tokens,
    TokensSummary,
    read_documents,
    write_tokens,
)
from monosema.corpora.write import id_type
from monosema.errors import DamagedError, UsageError

SETTINGS = CorpusSettings(sources=("test",), context=16)
WORDS = ("the", "Golden", "Gate", "Bridge", "한국어", "中文", "\U0001f600", "<|im_end|>", "fog\n", "dawn")


def words(count: int, seed: int) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, count).tolist())


def some_documents(count: int = 80) -> list[Document]:
    found = []
    for n in range(count):
        if n % 3:
            text = words(5 + n, n)
            found.append(Document(id=str(n), text=text, tags={"n": n}, spans=(Span(0, len(text), "all"),)))
        else:
            turns = (Message("user", words(5, n)), Message("assistant", words(n + 1, n + 1000)))
            found.append(Document(id=str(n), messages=turns, source="chats"))
    return found


def written(
    folder: Path, documents: list[Document], tokenizer: Any, **changes: Any
) -> tuple[Tokens, TokensSummary]:
    folder.mkdir(parents=True, exist_ok=True)
    summary = write_tokens(folder, documents, tokenizer, replace(SETTINGS, **changes))
    return Tokens(folder), summary


def everything(tokens: Tokens, tokens_per_batch: int = 64) -> dict[int, dict[int, tuple[int, bool]]]:
    """Number and keep of each stored token, by document and position, as batches give them."""
    found: dict[int, dict[int, tuple[int, bool]]] = {}
    for split in tokens.splits:
        for batch in tokens.batches(split, tokens_per_batch):
            assert batch.ids.numel() <= tokens_per_batch
            stored = batch.position >= 0
            assert not (batch.keep & ~stored).any()
            assert not (stored & ~batch.real).any()
            parts = (batch.document, batch.position, batch.ids, batch.keep)
            for document, position, number, keep in zip(
                *(part[stored].tolist() for part in parts), strict=True
            ):
                assert position not in found.setdefault(document, {})
                found[document][position] = (number, keep)
    return found


@pytest.mark.parametrize("name", ["chatml", "bos_is_zero"])
@pytest.mark.parametrize("bos", ["auto", "always", "never"])
def test_every_document_s_tokens_come_back_from_batches(
    request: Any, tmp_path: Path, name: str, bos: str
) -> None:
    tokenizer = request.getfixturevalue(name)
    documents = some_documents()
    tokens, summary = written(
        tmp_path, documents, tokenizer, bos=bos, chat="auto", shares=(0.25, 0.25, 0.25, 0.25)
    )
    found = everything(tokens)
    by_id = {document.id: document for document in documents}
    encoder = Encoder(tokenizer, bos=bos)
    assert len(found) == tokens.n_documents == summary.documents == len(documents)
    for number, positions in found.items():
        entry = tokens.documents([number])[0]
        document = by_id[entry.id]
        (encoded,) = encoder.encode([document])
        assert [positions[n] for n in range(len(positions))] == list(
            zip(encoded.ids.tolist(), encoded.kept.tolist(), strict=True)
        )
        assert tokens.ids(number).tolist() == encoded.ids.tolist()
        assert (entry.hash, entry.tags, entry.source) == (document.hash, document.tags, document.source)


def test_every_row_begins_with_bos_of_number_zero_and_it_is_not_kept(
    tmp_path: Path, bos_is_zero: Any
) -> None:
    tokens, _ = written(tmp_path, some_documents(), bos_is_zero)
    assert tokens.prefix == (0,)
    for batch in tokens.batches("train", 64):
        assert (batch.ids[:, 0] == 0).all()
        assert batch.real[:, 0].all()
        assert not batch.keep[:, 0].any()
        assert (batch.position[:, 0] == -1).all()
        assert (batch.document[:, 0] >= 0).all()


def test_a_bos_that_the_template_wrote_is_not_put_twice(tmp_path: Path, chatml: Any) -> None:
    tokens, _ = written(tmp_path, some_documents(), chatml, bos="always")
    seen = 0
    for batch in tokens.batches("train", 64):
        assert (batch.ids[:, 0] == 1).all()
        opens = batch.position[:, 0] == 0  # the template's own BOS
        assert not (batch.ids[opens, 1] == 1).any()
        seen += int(opens.sum())
    assert seen > 0


def test_padding_is_right_of_the_row_and_marked(tmp_path: Path, chatml: Any) -> None:
    tokens, _ = written(tmp_path, some_documents(), chatml)
    for batch in tokens.batches("train", 64):
        lengths = batch.real.sum(dim=1)
        assert lengths.max() == batch.real.shape[1]
        for row, length in enumerate(lengths.tolist()):
            assert batch.real[row, :length].all()
            assert not batch.real[row, length:].any()
        assert (batch.document[~batch.real] == -1).all()


def test_joined_rows_are_full_and_keep_document_boundaries(tmp_path: Path, bos_is_zero: Any) -> None:
    tokens, summary = written(tmp_path, some_documents(), bos_is_zero, packing="joined")
    crossing = 0
    for batch in tokens.batches("train", 64):
        assert batch.ids.shape[1] == 16
        assert batch.real.all()
        assert ((batch.position == -1) == (batch.ids == 0)).all()
        crossing += int((batch.document[:, :1] != batch.document[:, -1:]).sum())
    assert crossing > 0
    assert 0 < summary.unused < 4 * 16
    assert tokens.count("train") == sum(int(b.keep.sum()) for b in tokens.batches("train", 64))


@pytest.mark.parametrize("packing", ["separate", "joined"])
def test_counts_are_those_of_the_batches(tmp_path: Path, chatml: Any, packing: str) -> None:
    tokens, summary = written(
        tmp_path, some_documents(), chatml, packing=packing, shares=(0.25, 0.25, 0.25, 0.25)
    )
    for split in tokens.splits:
        batches = list(tokens.batches(split, 64))
        assert tokens.count(split) == sum(int(batch.keep.sum()) for batch in batches)
        assert tokens.count(split) == summary.splits[split]["kept"]
        assert tokens.n_batches(split, 64) == len(batches)
        padded = sum(batch.ids.numel() for batch in batches)
        real = sum(int(batch.real.sum()) for batch in batches)
        assert tokens.pad_share(split, 64) == pytest.approx(1 - real / padded)
        assert tokens.pad_share(split, 64) < 0.05
    assert summary.kept == sum(map(tokens.count, tokens.splits))
    assert summary.tokens == tokens.n_tokens == sum(one["tokens"] for one in summary.splits.values())


def test_order_shuffles_batches_and_start_goes_on_where_it_was(tmp_path: Path, chatml: Any) -> None:
    tokens, _ = written(tmp_path, some_documents(), chatml)

    def run(seed: int | None, start: int = 0) -> list[Batch]:
        order = None if seed is None else np.random.default_rng(seed)
        return list(tokens.batches("train", 64, order=order, start=start))

    def prints(batches: list[Batch]) -> list[bytes]:
        return [batch.ids.numpy().tobytes() + batch.document.numpy().tobytes() for batch in batches]

    assert prints(run(1)) == prints(run(1))
    assert prints(run(1)) != prints(run(2))
    assert sorted(prints(run(1))) == sorted(prints(run(None)))
    assert prints(run(1, start=3)) == prints(run(1))[3:]
    assert run(1, start=10_000) == []


def test_spans_are_found_again_in_batches(tmp_path: Path, chatml: Any) -> None:
    text = "fog over the Golden Gate Bridge at dawn, 한국어"
    begin = text.index("Golden")
    documents = [Document(id="d", text=text, spans=(Span(begin, begin + 18, "bridge"),)), *some_documents(20)]
    tokens, _ = written(tmp_path, documents, chatml)
    spans = tokens.spans()
    (found,) = [n for n, tag in enumerate(spans.tag) if tag == "bridge"]
    number = int(spans.document[found])
    ids = tokens.ids(number)[spans.start[found] : spans.end[found]]
    assert tokens.documents([number])[0].id == "d"
    assert chatml.decode(ids.tolist()) == " Golden Gate Bridge"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_documents_give_the_same_bytes_in_any_order(tmp_path: Path, chatml: Any) -> None:
    documents = some_documents()
    one, _ = written(tmp_path / "one", documents, chatml)
    two, _ = written(tmp_path / "two", documents[::-1], chatml)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert one.hash == two.hash


@pytest.mark.parametrize("change", [{"seed": 1}, {"context": 17}, {"bos": "always"}, {"packing": "joined"}])
def test_the_hash_sees_policies(tmp_path: Path, chatml: Any, change: dict[str, Any]) -> None:
    one, _ = written(tmp_path / "one", some_documents(), chatml)
    two, _ = written(tmp_path / "two", some_documents(), chatml, **change)
    assert one.hash != two.hash
    if "seed" in change:  # splits depend on content alone
        splits = [
            {t.documents([n])[0].hash: t.documents([n])[0].split for n in range(t.n_documents)}
            for t in (one, two)
        ]
        assert splits[0] == splits[1]


def test_no_document_is_in_two_splits_and_duplicates_are_counted(tmp_path: Path, chatml: Any) -> None:
    documents = some_documents(40)
    copies = [replace(document, id="copy", source="zzz") for document in documents[:7]]
    empties = [Document(id="e", text=" \n"), Document(id="f", messages=(Message("user", ""),))]
    tokens, summary = written(tmp_path, [*copies, *documents, *empties], chatml)
    assert (summary.documents, summary.duplicates, summary.empty) == (40, 7, 2)
    assert summary.chats == 14
    ids = {entry.id for entry in tokens.documents(range(tokens.n_documents))}
    assert "copy" not in ids  # the one of the first source by name stays, whatever the order


def test_a_budget_takes_whole_documents_until_it_is_reached(tmp_path: Path, chatml: Any) -> None:
    whole, _ = written(tmp_path / "whole", some_documents(), chatml)
    part, _ = written(tmp_path / "part", some_documents(), chatml, tokens=600)
    last = len(part.ids(part.n_documents - 1))
    assert 600 <= part.n_tokens < 600 + last
    for number in range(part.n_documents):
        assert part.documents([number])[0] == whole.documents([number])[0]


def test_too_little_text_says_how_much_there_is(tmp_path: Path, chatml: Any) -> None:
    with pytest.raises(UsageError, match="no text in test \\(1 empty documents\\)"):
        written(tmp_path, [Document(id="e", text="")], chatml)
    with pytest.raises(UsageError, match="the corpus has 3 tokens, fewer than one context of 256; add text"):
        written(tmp_path, [Document(id="e", text="zzz")], chatml, context=256)
    tokens, _ = written(tmp_path, some_documents(), chatml, shares=(1.0, 0.0, 0.0, 0.0))
    with pytest.raises(
        UsageError, match=r"split score has 0 tokens, fewer than one context of 16 .*raise the"
    ):
        tokens.batches("score", 64)
    with pytest.raises(UsageError, match='unknown split "trian"'):
        tokens.count("trian")
    with pytest.raises(UsageError, match="tokens_per_batch is 8, less than one row of 16"):
        tokens.batches("train", 8)


@pytest.mark.parametrize("name", ["ids.bin", "kept.bin", "documents.parquet", "spans.parquet", "rows.npy"])
def test_a_truncated_edited_or_missing_file_is_named(tmp_path: Path, chatml: Any, name: str) -> None:
    written(tmp_path / "good", some_documents(20), chatml)

    def damaged(change: Any) -> Path:
        folder = tmp_path / f"bad{len(list(tmp_path.iterdir()))}"
        shutil.copytree(tmp_path / "good", folder)
        change(folder / name)
        return folder

    with pytest.raises(DamagedError, match=f"{name} has .* bytes; expected"):
        Tokens(damaged(lambda path: path.write_bytes(path.read_bytes()[:-1])))
    with pytest.raises(DamagedError, match=f"{name} was changed after it was made"):
        Tokens(damaged(lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\xff")))
    with pytest.raises(DamagedError, match=f"{name} is missing"):
        Tokens(damaged(Path.unlink))


def test_an_edited_or_newer_tokens_json_is_named(tmp_path: Path, chatml: Any) -> None:
    written(tmp_path, some_documents(20), chatml)
    path = tmp_path / "tokens.json"
    info = json.loads(path.read_text())
    for change, message in (
        ({"context": 8}, "tokens.json was edited"),
        ({"version": 2}, "version 2; expected monosema-tokens version 1: upgrade"),
    ):
        path.write_text(json.dumps(info | change))
        with pytest.raises(DamagedError, match=message):
            Tokens(tmp_path)
    path.write_text("{")
    with pytest.raises(DamagedError, match=r"tokens.json is no readable JSON"):
        Tokens(tmp_path)


def test_the_folder_holds_what_the_format_says(tmp_path: Path, chatml: Any) -> None:
    tokens, _ = written(tmp_path, some_documents(20), chatml)
    info = json.loads((tmp_path / "tokens.json").read_text())
    ids = np.fromfile(tmp_path / "ids.bin", dtype="<u2")
    bits = np.fromfile(tmp_path / "kept.bin", dtype=np.uint8)
    kept = np.unpackbits(bits, bitorder="little")[: len(ids)].astype(bool)
    rows = np.load(tmp_path / "rows.npy")
    assert (info["dtype"], info["positions"], info["splits"]) == ("<u2", "tokens", list(SPLITS))
    assert len(ids) == tokens.n_tokens
    assert kept.sum() == rows[:, 3].sum() == info["counts"]["kept"]
    assert len(list(itertools.chain(*everything(tokens).values()))) == len(ids)


def test_token_numbers_take_two_bytes_where_the_vocabulary_fits() -> None:
    assert (id_type(65_536), id_type(65_537)) == ("<u2", "<u4")


def test_a_large_vocabulary_takes_four_bytes(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words_of = Tokenizer(models.WordLevel({"[UNK]": 0, "far": 70_000, "near": 1}, unk_token="[UNK]"))
    words_of.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words_of, unk_token="[UNK]")
    documents = [Document(id=str(n), text="far near " * 20 + "far " * n) for n in range(20)]
    tokens, _ = written(tmp_path, documents, tokenizer, shares=(1.0, 0.0, 0.0, 0.0))
    found = [one for batch in tokens.batches("train", 64) for one in batch.ids[batch.real].unique().tolist()]
    assert set(found) == {1, 70_000}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    texts=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=12),
    packing=st.sampled_from(["separate", "joined"]),
    context=st.integers(2, 20),
)
def test_any_text_comes_back(
    tmp_path: Path, chatml: Any, texts: list[str], packing: str, context: int
) -> None:
    folder = tmp_path / "tokens"
    shutil.rmtree(folder, ignore_errors=True)
    documents = [Document(id=str(n), text=f"{text}{' the end' * 5}") for n, text in enumerate(texts)]
    shares = (1.0, 0.0, 0.0, 0.0)
    tokens, summary = written(folder, documents, chatml, packing=packing, context=context, shares=shares)
    assert {chatml.decode(tokens.ids(n).tolist()) for n in range(tokens.n_documents)} == {
        document.content for document in documents
    }
    seen = sum(int(batch.real.sum()) for batch in tokens.batches("train", 40))
    assert seen == tokens.n_tokens - summary.unused


def test_the_shared_corpora_pack_with_little_padding(tmp_path: Path, chatml: Any) -> None:
    shared = Path(__file__).parents[2].parent / "shared" / "corpora" / "smollm2_written"
    if not shared.is_dir():
        pytest.skip("the shared corpora are not beside this checkout")
    settings_ = CorpusSettings(sources=(str(shared),), tokens=60_000)
    summary = write_tokens(tmp_path, read_documents(settings_), chatml, settings_)
    tokens = Tokens(tmp_path)
    assert summary.duplicates > 0
    assert all(tokens.pad_share(split, 4096) < 0.05 for split in tokens.splits)
