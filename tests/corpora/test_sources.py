from __future__ import annotations

import gzip
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monosema.corpora import CorpusSettings, Document, Message, Span, digest_sources, read_documents
from monosema.errors import DamagedError, UsageError


def read(*sources: object, **settings: Any) -> list[Document]:
    return list(read_documents(CorpusSettings(sources=tuple(map(str, sources)), **settings)))


def jsonl(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_a_short_text_file_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf\n\nhello\r\n\r\nthere\n")
    (document,) = read(path)
    assert (document.text, document.id, document.source) == ("hello\n\nthere", "a.txt:3", "a.txt")


def test_a_long_text_file_is_cut_at_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    paragraphs = [f"paragraph {n} " + "word " * 150 for n in range(30)]
    path.write_text("\n\n".join(paragraphs))
    documents = read(path)
    assert len(documents) == 10
    assert "\n\n".join(document.content for document in documents) == "\n\n".join(paragraphs)


def test_every_format_gives_the_same_documents(tmp_path: Path) -> None:
    records = [{"text": f"hello {n}", "id": f"d{n}", "tags": {"n": n}} for n in range(3)]
    plain = jsonl(tmp_path / "a.jsonl", *records)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.jsonl.gz", "a.parquet"):
        documents = read(tmp_path / name)
        assert [(one.text, one.id, one.tags, one.source) for one in documents] == [
            (f"hello {n}", f"d{n}", {"n": n}, name) for n in range(3)
        ]


def test_a_folder_gives_its_files_sorted_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    jsonl(folder / "b.jsonl", {"text": "b"})
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "c.txt").write_text("c")
    (folder / ".hidden" / "d.txt").write_text("d")
    (folder / "README.md").write_text("e")
    documents = read(folder)
    assert [one.content for one in documents] == ["a", "b", "c"]
    assert [one.source for one in documents] == ["corpus/a.txt", "corpus/b.jsonl", "corpus/sub/c.txt"]


def test_relative_sources_count_from_the_base(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", {"text": "a"})
    settings = CorpusSettings(sources=("a.jsonl",))
    assert [one.text for one in read_documents(settings, tmp_path)] == ["a"]


def test_a_prompt_and_its_answer_become_a_chat_or_plain_text(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "a.jsonl",
        {"chat": True, "prompt": "Who?", "text": "I."},
        {"chat": False, "prompt": "Dear diary,", "text": " today", "spans": [[12, 17, "time"]]},
        {"prompt": "ignored", "text": "plain"},
    )
    chat, plain, other = read(path)
    assert chat.messages == (Message("user", "Who?"), Message("assistant", "I."))
    assert plain.text == "Dear diary, today"
    assert plain.spans == (Span(12, 17, "time"),)
    assert other.text == "plain"


def test_messages_spans_tags_and_other_fields_are_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "the Gate"}, {"role": "assistant", "content": None}]
    span = {"start": 4, "end": 8, "tag": "gate"}
    path = jsonl(tmp_path / "a.jsonl", {"messages": turns, "spans": [span], "topic": "bridge", "id": 7})
    (chat,) = read(path, tag_fields=("topic",))
    assert chat.messages == (Message("user", "the Gate"), Message("assistant", ""))
    assert (chat.spans, chat.tags, chat.id) == ((Span(4, 8, "gate"),), {"topic": "bridge"}, "7")
    nested = jsonl(tmp_path / "c.jsonl", {"body": {"eng": "hello", "kor": "안녕"}})
    assert [one.text for one in read(nested, text_field="body.kor")] == ["안녕"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"txt": "a", "other": 1},
            r'a.jsonl line 2 has no field "text" \(did you mean "txt"\?\); its fields: txt',
        ),
        (
            {"text": {"eng": "a", "kor": "b"}},
            'a.jsonl line 2: field "text" is a dict with eng, kor; expected a string',
        ),
        ({"text": 3}, 'a.jsonl line 2: field "text" is a int; expected a string'),
        ({"messages": ["hello"]}, "a.jsonl line 2: message 0 is 'hello'; expected role and content"),
        ({"text": "a", "tags": [1]}, 'a.jsonl line 2: field "tags" is a list; expected an object'),
        ({"text": "a", "spans": [[0, 1]]}, r"a.jsonl line 2: span \[0, 1\]; expected start, end and tag"),
    ],
)
def test_a_record_of_another_form_is_named(tmp_path: Path, record: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(jsonl(tmp_path / "a.jsonl", {"text": "fine"}, record))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "caf\xe9"}\n', r"a.jsonl is no UTF-8 text: byte 0xe9 at offset 30 \(line 2\)"),
        (b'{"text": "a"\n', r"a.jsonl line 2 is no JSON \(.*\); mend or remove that line"),
        (b"[1]\n", "a.jsonl line 2 is a JSON list; expected an object"),
        (b'{"text": "a\\ud83d"}\n', "a.jsonl line 2: document .* holds half of a surrogate pair"),
        (
            b'{"text": "a", "spans": [[0, 9, "x"]]}\n',
            "a.jsonl line 2: span 0 to 9 .* lies outside of its 1 characters",
        ),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' + line)
    with pytest.raises(DamagedError, match=message):
        read(path)


def test_undecodable_text_names_file_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("한국어\n".encode() + b"caf\xe9\n")
    with pytest.raises(DamagedError, match=r"a.txt is no UTF-8 text: byte 0xe9 at offset 13 \(line 2\)"):
        read(path)


def test_a_cut_off_file_is_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", *[{"text": str(n)} for n in range(1000)])
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes())[:-100])
    with pytest.raises(DamagedError, match=r"a.jsonl.gz is no whole gzip file"):
        read(packed)
    table = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a"]}), table)
    table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(DamagedError, match=r"a.parquet after row 0 is no whole Parquet file"):
        read(table)


def test_a_source_that_is_not_there_or_of_no_known_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"source .*nowhere does not exist"):
        read(tmp_path / "nowhere")
    (tmp_path / "a.pdf").write_text("")
    with pytest.raises(UsageError, match=r"source .*a.pdf is of no known format; known: .txt, .jsonl"):
        read(tmp_path / "a.pdf")
    with pytest.raises(UsageError, match=r"folder .* holds no file that can be read"):
        read(tmp_path)
    with pytest.raises(UsageError, match=r'unknown bundled text "first" \(did you mean "first_slice"\?\)'):
        read("world:first")


def test_the_bundled_text_is_a_source() -> None:
    first = next(iter(read_documents(CorpusSettings(sources=("world:first_slice",), tag_fields=("topic",)))))
    assert first.source == "world:first_slice"
    assert first.tags["topic"]


def test_a_data_set_is_streamed_until_there_is_enough(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    jsonl(folder / "train.jsonl", *[{"text": "word " * 20} for _ in range(50)])
    documents = read(f"datasets:{folder}", tokens=100)
    assert len(documents) == 8  # 100 characters each, 8 characters a token
    assert documents[0].source == "datasets:data"


def test_without_the_extra_the_error_names_it(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=r'install it with: pip install "monosema\[datasets\]"'):
        read("datasets:owner/name")


def test_the_digest_of_sources_sees_their_content_and_not_their_place(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
        jsonl(place / "a.jsonl", {"text": "a"})
    settings = CorpusSettings(sources=("a.jsonl",))
    before = digest_sources(settings, one)
    assert before == digest_sources(settings, two)
    jsonl(two / "a.jsonl", {"text": "b"})
    assert before != digest_sources(settings, two)
    (one / "a.jsonl").unlink()
    assert digest_sources(settings, one) is None


def test_the_composed_text_brings_its_spans_and_its_held_out_documents() -> None:
    settings = CorpusSettings(sources=("world:composed",))
    documents = list(itertools.islice(read_documents(settings), 400))
    assert any(one.held_out for one in documents)
    assert not all(one.held_out for one in documents)
    assert all(one.spans for one in documents if one.tags["maker"] == "facts")


def test_concepts_of_the_world_or_of_a_folder_are_marked_in_any_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("We crossed the Golden Gate Bridge with a dog.")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thing.toml").write_text(
        'category = "thing"\ntitle = "Things"\n\n[crossing]\ntopic = "crossing"\nen = ["crossed"]\n'
    )
    for concepts, tags in (("world", ["golden_gate_bridge", "dog"]), ("mine", ["crossing"]), (None, [])):
        settings = CorpusSettings(sources=("a.txt",), concepts=concepts)
        (document,) = read_documents(settings, tmp_path)
        assert [span.tag for span in document.spans] == tags
    with pytest.raises(UsageError, match='concepts is "nowhere", no folder'):
        list(read_documents(CorpusSettings(sources=("a.txt",), concepts="nowhere"), tmp_path))
    before = digest_sources(CorpusSettings(sources=("a.txt",), concepts="mine"), tmp_path)
    (tmp_path / "mine" / "thing.toml").write_text(
        'category = "thing"\ntitle = "Things"\n\n[crossing]\ntopic = "crossing"\nen = ["crossing"]\n'
    )
    assert digest_sources(CorpusSettings(sources=("a.txt",), concepts="mine"), tmp_path) != before
