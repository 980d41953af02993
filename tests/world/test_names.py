"""Names are found as a slow reader would find them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from monosema.world import Concept, Mention, NameMatcher

CONCEPTS = [
    Concept(
        id="bridge", category="thing", topic="bridges", names={"en": ("bridge", "bridges"), "zh": ("桥",)},
        ambiguous=frozenset({"桥"}),
    ),
    Concept(id="gate", category="landmark", topic="it", names={"en": ("Golden Gate", "Golden Gate Bridge")}),
    Concept(id="gold", category="element", topic="gold", names={"en": ("gold",), "de": ("Gold",)}),
    Concept(id="code", category="code", topic="sorting", names={"en": ("sorted(", "C++")}),
    Concept(id="seoul", category="city", topic="Seoul", names={"en": ("Seoul",), "ko": ("서울",)}),
]  # fmt: skip


def found(text: str, *about: str) -> list[tuple[str, str]]:
    return [(text[one.start : one.end], one.concept) for one in NameMatcher(CONCEPTS).find(text, about)]


def test_the_longest_name_that_begins_first_counts() -> None:
    assert found("the Golden Gate Bridge, a bridge") == [("Golden Gate Bridge", "gate"), ("bridge", "bridge")]


def test_words_are_whole_and_case_counts_where_a_name_has_capitals() -> None:
    assert found("Bridges, abridged; golden gate; GOLD and Gold") == [
        ("Bridges", "bridge"), ("GOLD", "gold"), ("Gold", "gold"),
    ]  # fmt: skip


def test_scripts_without_blanks_match_inside_words_and_ambiguous_names_in_their_own_documents() -> None:
    assert found("서울에서 桥") == [("서울", "seoul")]
    assert found("서울에서 桥", "bridge") == [("서울", "seoul"), ("桥", "bridge")]


def test_names_that_end_in_signs_match_before_letters() -> None:
    assert found("x = sorted(nums) in C++") == [("sorted(", "code"), ("C++", "code")]


def slow(text: str) -> list[Mention]:
    """Try every name of every concept at every place."""
    hits = set()
    for concept in CONCEPTS:
        for name in concept.all_names:
            for start in range(len(text)):
                piece = text[start : start + len(name)]
                same = piece.lower() == name if name == name.lower() else piece == name
                spaced = not re.search(r"[\u3400-\u9fff\uac00-\ud7af]", name)
                before, after = text[:start][-1:], text[start + len(name) :][:1]
                cut = spaced and (
                    (re.match(r"\w", name[0]) and re.match(r"\w", before))
                    or (re.match(r"\w", name[-1]) and re.match(r"\w", after))
                )
                if same and not cut and name not in concept.ambiguous:
                    hits.add(Mention(start, start + len(name), concept.id))
    kept: list[Mention] = []
    for hit in sorted(hits, key=lambda one: (one.start, -one.end, one.concept)):
        if not kept or hit.start >= kept[-1].end or (hit.start, hit.end) == (kept[-1].start, kept[-1].end):
            kept.append(hit)
    return kept


PIECES = [
    "Golden",
    "Gate",
    " ",
    "Bridge",
    "bridge",
    "s",
    "Gold",
    "gold",
    "서울",
    "桥",
    "sorted(",
    "C++",
    "a",
    ".",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_it_finds_what_a_slow_reader_finds(text: str) -> None:
    assert NameMatcher(CONCEPTS).find(text) == slow(text)
