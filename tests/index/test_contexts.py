"""The texts that tokens add."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monosema.index.contexts import _added, remembering, token_texts


def decode(ids: list[int]) -> str:
    """Tokens that are single bytes: a character takes up to four."""
    return bytes(ids).decode(errors="replace")


@given(st.text(max_size=40))
def test_texts_of_whole_characters_are_those_by_all_beginnings(text: str) -> None:
    ids = list(text.encode())
    texts = token_texts(decode, ids)
    assert "".join(texts) == text
    assert texts == _added(decode, ids)


@given(st.lists(st.integers(0, 255), max_size=40))
def test_texts_of_any_bytes_end_to_end_are_the_text_of_all(ids: list[int]) -> None:
    texts = token_texts(decode, ids)
    assert len(texts) == len(ids)
    assert "".join(texts) == decode(ids)


def test_a_character_stands_at_its_last_token() -> None:
    assert token_texts(decode, list("a\u2713b".encode())) == ("a", "", "", "\u2713", "b")


def test_a_token_is_decoded_once_and_several_as_they_stand_together() -> None:
    asked = list[list[int]]()

    def counted(ids: list[int]) -> str:
        asked.append(ids)
        return decode(ids)

    kept = remembering(counted)
    assert [kept([65]), kept([65]), kept([65, 66])] == ["A", "A", "AB"]
    assert asked == [[65], [65, 66]]
