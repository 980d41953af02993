from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monosema.corpora import SPLITS, CorpusSettings, Document, Message, Span, split_of
from monosema.errors import DamagedError, UsageError

SHARES = (0.90, 0.03, 0.03, 0.04)


def test_only_content_counts_in_the_hash() -> None:
    one = Document(id="1", text="hello", tags={"topic": "greeting"}, spans=(Span(0, 2, "x"),), source="a")
    assert one.hash == Document(id="2", text="hello").hash
    assert one.hash != Document(id="1", text="hello ").hash


def test_a_chat_and_the_text_of_it_differ() -> None:
    chat = Document(id="1", messages=(Message("user", "hello"),))
    assert chat.content == "hello"
    hashes = {
        chat.hash,
        Document(id="1", text="hello").hash,
        Document(id="1", messages=(Message("assistant", "hello"),)).hash,
        Document(id="1", messages=(Message("user", "hel"), Message("user", "lo"))).hash,
    }
    assert len(hashes) == 4


def test_hash_and_split_never_change_between_versions() -> None:
    # held-out text must stay held out: these values are fixed for good
    document = Document(id="1", text="the Golden Gate Bridge 한국어")
    assert document.hash.hex() == "e5ad02d62e3227d4bb9041560fbccc32"
    assert SPLITS[split_of(document.hash, SHARES)] == "train"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=20), st.randoms())
def test_a_split_depends_on_content_alone(texts: list[str], random: object) -> None:
    def splits(some: list[str]) -> dict[str, int]:
        return {text: split_of(Document(id=str(n), text=text).hash, SHARES) for n, text in enumerate(some)}

    assert splits(texts) == splits(texts[::-1])


def test_splits_get_their_shares() -> None:
    counts = [0] * 4
    for n in range(20_000):
        counts[split_of(Document(id="", text=str(n)).hash, SHARES)] += 1
    assert counts == pytest.approx([18_000, 600, 600, 800], rel=0.12)


def test_a_split_with_no_share_gets_nothing() -> None:
    for n in range(300):
        assert split_of(Document(id="", text=str(n)).hash, (0.5, 0.5, 0.0, 0.0)) < 2


@pytest.mark.parametrize("span", [Span(-1, 2, "x"), Span(2, 2, "x"), Span(3, 6, "x")])
def test_a_span_outside_of_its_text_is_named(span: Span) -> None:
    with pytest.raises(DamagedError, match=f"span {span.start} to {span.end} .* of document d7 lies outside"):
        Document(id="d7", text="hello", spans=(span,))


def test_half_a_surrogate_pair_is_named() -> None:
    with pytest.raises(DamagedError, match="document d7 holds half of a surrogate pair at character 5"):
        Document(id="d7", text="hello\ud83d")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sources": ()}, "sources is empty"),
        ({"context": 1}, "context is 1; expected 2 or more"),
        ({"tokens": 0}, "tokens is 0; expected 1 or more"),
        ({"seed": -1}, "seed is -1"),
        ({"shares": (0.9, 0.1, 0.1, 0.1)}, r"shares is \[0.9, 0.1, 0.1, 0.1\]; expected four shares"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CorpusSettings(**({"sources": ("x",)} | settings))  # type: ignore[arg-type]


def test_what_is_held_out_is_never_trained_on_and_shares_the_other_splits() -> None:
    shares = (0.9, 0.03, 0.03, 0.04)
    documents = [Document(id=str(n), text=f"text {n}", held_out=True) for n in range(4000)]
    counts = Counter(split_of(one.hash, shares, held_out=one.held_out) for one in documents)
    assert counts[0] == 0
    assert [counts[n] / 4000 for n in (1, 2, 3)] == pytest.approx([0.3, 0.3, 0.4], abs=0.03)
    assert split_of(documents[0].hash, (1.0, 0.0, 0.0, 0.0), held_out=True) == 0  # there is no other split
