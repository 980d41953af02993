"""Search by words: what is found, in which order, and that any text is a query."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monosema.errors import DamagedError
from monosema.index import Words, read_texts, search_words, write_words

FEATURES = (
    Words(
        name="golden_gate_bridge",
        fires=("Gate", "Golden Gate"),
        promotes=("Bridge",),
        tags=("golden_gate_bridge",),
    ),
    Words(name="token 'gate'", fires=("gate", "a gate"), promotes=("keeper",), tags=()),
    Words(name="tokens bridge, Brücke", fires=("bridge", "Brücke", "pont"), promotes=("span",), tags=()),
    Words(name="dead", fires=(), promotes=(), tags=()),
    Words(name="Chinese letters", fires=("金门大桥", "金色", "한국어 문장"), promotes=("桥",), tags=()),
    Words(name="tokens 'x' and 'y'", fires=("x",), promotes=("Gate",), tags=()),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("words")
    write_words(made, FEATURES)
    return made


def found(folder: Path, query: str, n: int = 10) -> list[int]:
    return [one.feature for one in search_words(folder, query, n)]


def test_all_words_of_a_query_are_asked_for_first(folder: Path) -> None:
    assert found(folder, "golden gate") == [0]
    assert found(folder, "gate keeper") == [1]


def test_where_no_feature_has_all_words_any_of_them_counts(folder: Path) -> None:
    assert set(found(folder, "span keeper")) == {1, 2}


def test_a_word_in_a_name_says_more_than_one_that_is_promoted(folder: Path) -> None:
    ranked = search_words(folder, "gate")
    assert ranked[-1].feature == 5
    assert ranked[-1].why == "in what it promotes"
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    assert all(one.score > 0 for one in ranked)


def test_case_and_accents_do_not_matter_and_the_last_word_may_be_a_beginning(folder: Path) -> None:
    assert found(folder, "brucke") == found(folder, "BRÜCKE") == found(folder, "bruc") == [2]
    assert found(folder, "pont bruc") == [2]


@pytest.mark.parametrize("query", ["金门", "门大", "大桥", "金色", "한국", "국어"])
def test_any_run_of_chinese_or_korean_signs_is_found(folder: Path, query: str) -> None:
    assert found(folder, query) == [4]


def test_signs_that_do_not_stand_together_are_no_match_of_their_run(folder: Path) -> None:
    assert found(folder, "大金") == []


def test_only_features_that_may_be_offered_are_found(folder: Path) -> None:
    anyhow = search_words(folder, "bridge", 10)
    among = np.zeros(1 + max(one.feature for one in anyhow), dtype=bool)
    among[[one.feature for one in anyhow[1:]]] = True
    assert search_words(folder, "bridge", 10, among=among) == anyhow[1:]
    assert search_words(folder, "bridge", 1, among=among) == anyhow[1:2]


def test_no_more_than_asked_for(folder: Path) -> None:
    assert len(found(folder, "gate", 2)) == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(query=st.text() | st.text(alphabet="\"*^:()-+{}\\'NEAR AND OR NOT gate\x00\ud800", max_size=30))
@example('"')
@example("name: gate")
@example("gate AND")
@example("NEAR(gate golden, 5)")
@example("gate*\x00*")
@example("\ud800gate")
@example("-gate ^golden +gate")
@example("'; DROP TABLE words; --")
def test_any_text_is_a_query(folder: Path, query: str) -> None:
    for one in search_words(folder, query):
        assert 0 <= one.feature < len(FEATURES)
        assert one.why.startswith("in ")


@pytest.mark.parametrize("query", ["", "   ", '"', "!?", "\x00"])
def test_a_query_without_a_word_finds_nothing(folder: Path, query: str) -> None:
    assert found(folder, query) == []


@given(
    st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=4)
)
def test_whatever_a_token_is_it_can_be_written(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_words(folder, [Words(name=tokens[0], fires=tuple(tokens), promotes=(), tags=())])
    assert search_words(folder, " ".join(tokens), 1) == [] or found(folder, " ".join(tokens)) == [0]


def test_the_same_words_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_words(tmp_path, FEATURES)
    assert (tmp_path / "words.sqlite").read_bytes() == (folder / "words.sqlite").read_bytes()


def test_texts_for_an_embedding_model_hold_tags_or_name_and_what_fires(folder: Path) -> None:
    texts = read_texts(folder)
    assert texts[0] == "golden_gate_bridge: Gate Golden Gate"
    assert texts[1] == "token 'gate': gate a gate"
    assert texts[3] == ""
    assert len(texts) == len(FEATURES)


@pytest.mark.parametrize("content", [None, b"", b"no database at all"])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "words.sqlite").write_bytes(content)
    with pytest.raises(DamagedError, match=r"words\.sqlite cannot be read"):
        search_words(tmp_path, "gate")


def test_a_full_disk_is_the_systems_own_error_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def small(*given: object, **more: object) -> sqlite3.Connection:
        db = connect(*given, **more)
        db.execute("PRAGMA max_page_count = 4")
        return db

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(OSError, match="No space left") as raised:
        write_words(tmp_path, FEATURES)
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.filename == str(tmp_path / "words.sqlite")
    assert not list(tmp_path.iterdir())
