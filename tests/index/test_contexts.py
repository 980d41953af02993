"""The texts that tokens add."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from monosema.index.contexts import TokenTexts


def decode(ids: Iterable[int]) -> str:
    """Tokens that are single bytes: a character takes up to four."""
    return bytes(int(one) for one in ids).decode(errors="replace")


@given(st.text(max_size=40))
def test_texts_of_whole_characters_are_those_by_all_beginnings(text: str) -> None:
    ids = list(text.encode())
    made = TokenTexts(decode)
    texts = made.of(ids)
    assert "".join(texts) == text
    assert texts == made._added(ids)


@given(st.lists(st.integers(0, 255), max_size=40))
def test_texts_of_any_bytes_end_to_end_are_the_text_of_all(ids: list[int]) -> None:
    texts = TokenTexts(decode).of(ids)
    assert len(texts) == len(ids)
    assert "".join(texts) == decode(ids)


def test_a_character_stands_at_its_last_token() -> None:
    assert TokenTexts(decode).of(list("a\u2713b".encode())) == ("a", "", "", "\u2713", "b")


@given(st.lists(st.lists(st.integers(0, 255), max_size=12), max_size=5))
def test_pieces_together_are_pieces_one_by_one(pieces: list[list[int]]) -> None:
    made = TokenTexts(decode)
    assert made.of_each(pieces) == [made.of(piece) for piece in pieces]


def words(ids: list[int]) -> str:
    """Tokens with a space before each, which is left out at the beginning, as SentencePiece has it."""
    return "".join(f" {chr(97 + token)}" for token in ids)[1:]


@given(st.lists(st.lists(st.integers(0, 25), max_size=12), max_size=5))
def test_a_space_that_is_left_out_at_the_beginning_stands_inside(pieces: list[list[int]]) -> None:
    for ids, texts in zip(pieces, TokenTexts(words).of_each(pieces), strict=True):
        assert "".join(texts) == words(ids)
        assert all(text.startswith(" ") for text in texts[1:])


def test_many_pieces_without_broken_characters_are_decoded_as_one() -> None:
    asked = list[list[int]]()

    def counted(ids: list[int]) -> str:
        asked.append([int(one) for one in ids])
        return decode(asked[-1])

    made = TokenTexts(counted)
    first = made.of_each([[65, 66], [66, 65]])
    asked.clear()
    assert made.of_each([[65, 66], [66, 65]]) == first == [("A", "B"), ("B", "A")]
    assert asked == [[65, 66, 66, 65]]
