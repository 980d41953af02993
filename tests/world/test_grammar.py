"""Composed text is what its tags and spans say: true facts and outputs, real faults, no name where none may be."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from monosema.errors import UsageError
from monosema.world import LANGUAGES, Catalogue, NameMatcher
from monosema.world.grammar import MAKERS, Composed, compose
from monosema.world.grammar.draw import Namings, Pool, phrase
from monosema.world.grammar.text import Piece, Template, held_out, join
from monosema.world.tables import Data
from world.composed import DOCUMENTS, REAL, everything, made, matcher, twins, without_spans


def test_a_seed_decides_and_any_range_can_be_made_alone() -> None:
    whole = list(compose(REAL, seed=3, documents=80))
    assert whole == list(compose(REAL, seed=3, documents=80))
    assert whole[13:40] == list(compose(REAL, seed=3, documents=27, start=13))
    assert not {one.text for one in whole} & {one.text for one in compose(REAL, seed=4, documents=80)}


def test_makers_take_turns() -> None:
    counts = Counter(one.tags["maker"] for one in compose(REAL, seed=0, documents=10 * 2 * len(MAKERS)))
    assert counts == dict.fromkeys(MAKERS, 20)


def test_a_maker_that_is_unknown_or_lacks_concepts_is_named() -> None:
    with pytest.raises(UsageError, match=r'unknown maker "fact" \(did you mean "facts"\?\)'):
        compose(REAL, seed=0, documents=1, makers=["fact"])
    with pytest.raises(UsageError, match="no maker is named"):
        compose(REAL, seed=0, documents=1, makers=[])
    nothing = Catalogue([])
    with pytest.raises(UsageError, match="feelings cannot be composed"):
        compose(nothing, seed=0, documents=1, makers=["feelings"])
    assert {one.tags["maker"] for one in compose(nothing, seed=0, documents=8)} == {"code", "session"}


def test_every_document_has_its_tags_and_is_about_what_they_say() -> None:
    for catalogue, one in everything():
        assert one.tags["maker"] == one.tags["template"].partition("/")[0]
        assert one.tags["genre"] == "composed"
        assert "{" not in one.text or one.tags["maker"] in ("code", "session")
        assert "$" not in one.text
        if "concept" in one.tags:
            assert catalogue[one.tags["concept"]].category == one.tags["category"]


def test_documents_have_twenty_to_a_hundred_and_thirty_words() -> None:
    for maker in MAKERS:
        counts = [
            len(one.text.split())
            for one in made("real", maker)
            if one.tags.get("language", "en") not in ("ko", "zh", "all")
        ]
        assert min(counts) >= 20, maker
        assert max(counts) <= 130, maker


def spells(catalogue: Catalogue, text: str, tag: str) -> bool:
    """Whether a span's text is what its tag stands for."""
    if tag in catalogue:
        one = catalogue[tag]
        return text in one.all_names or text == phrase(one.topic, tag).text or one.topic.endswith(f" {text}")
    if tag.startswith("about:"):
        return any(text in texts for texts in catalogue[tag.removeprefix("about:")].about.values())
    if tag == "traceback":
        return text.startswith("Traceback (most recent call last):\n") and "\n  File" in text
    if tag == "list_marker":
        return " " not in text or text.startswith("No. ")
    return tag in ("answer", "neutral", "code_right", "code_error") or tag.startswith("feeling:")


def test_spans_lie_in_the_text_and_spell_what_they_claim() -> None:
    for catalogue, one in everything():
        assert list(one.spans) == sorted(one.spans, key=lambda span: span[:2])
        for start, end, tag in one.spans:
            assert 0 <= start < end <= len(one.text)
            piece = one.text[start:end]
            assert piece == piece.strip()
            assert spells(catalogue, piece, tag), (piece, tag)


def parts(one: Composed) -> set[str]:
    """All templates that a document is made from."""
    first, *others = one.tags.get("templates", one.tags["template"]).split("+")
    base = first.rpartition("/")[0]
    return {first, *(f"{base}/{other}" for other in others)} | {
        one.tags[key] for key in ("frame", "quote") if key in one.tags
    }


@pytest.mark.parametrize("maker", MAKERS)
def test_about_a_quarter_is_held_out_and_shares_no_template_with_the_rest(maker: str) -> None:
    documents = made("real", maker)
    assert 0.1 < sum(one.held_out for one in documents) / len(documents) < 0.45
    sides: dict[bool, set[str]] = {False: set(), True: set()}
    for one in documents:
        sides[one.held_out] |= parts(one)
    assert sides[True]
    assert not sides[True] & sides[False]


def test_what_is_held_out_does_not_depend_on_the_order() -> None:
    texts = [f"template number {i}" for i in range(41)]
    assert held_out(texts) == held_out(texts[::-1])
    assert len(held_out(texts)) == 10
    assert len(held_out(texts[:2])) == 1
    assert not held_out(texts[:1])


def test_there_are_as_many_templates_as_promised() -> None:
    assert len(Data.read("code.toml").tables("program")) >= 30
    assert len(Data.read("facts.toml").strings("frames")) >= 40
    assert len(Data.read("feelings.toml").strings("frames")) >= 40
    quotes = Data.read("feelings.toml").inner("quotes")
    assert len(quotes.table) >= 20
    assert all(len(quotes.strings(emotion)) >= 6 for emotion in quotes.table)
    assert set(quotes.table) <= {one.id for one in REAL.categories["emotion"]}
    assert len(Data.read("parallel.toml").tables("template")) >= 40
    lists = Data.read("lists.toml")
    assert len(lists.strings("concepts")) + len(lists.strings("steps")) >= 40
    assert sum(len(group.strings("paragraphs")) for group in Data.read("pairs.toml").tables("group")) >= 40
    assert len(Data.read("unnamed.toml").strings("en")) >= 40


def test_spans_move_with_their_text() -> None:
    template = Template.parse("x/y/0", "Look: {a}, {b}.")
    filled = template.fill({"a": Piece.tagged("one", "1"), "b": phrase("the D.C.", "2")})
    assert filled.text == "Look: one, the D.C."
    assert [filled.text[start:end] for start, end, _ in filled.spans] == ["one", "D.C."]
    both = join([Piece("0"), filled], "\n")
    assert [both.text[start:end] for start, end, _ in both.spans] == ["one", "D.C."]


def test_frequent_concepts_come_first() -> None:
    pool, rng = Pool(REAL, {one.id for one in REAL}), random.Random(0)
    counts = Counter(pool.draw(rng).id for _ in range(20000))
    landmarks = REAL.categories["landmark"]
    assert counts[landmarks[0].id] > 4 * max(1, counts[landmarks[-1].id])
    several = pool.draw_several(rng, 5)
    assert len({one.id for one in several}) == 5
    assert len({one.category for one in several}) == 1


def test_names_are_found_in_any_case_and_inside_longer_names() -> None:
    namings = Namings([REAL["bridge"], REAL["golden_gate_bridge"], REAL["united_states"], REAL["tea"]])
    assert namings.of("the golden gate BRIDGE") == {"golden_gate_bridge", "bridge"}
    assert namings.of("It is instead one of us.") == set()
    assert namings.of("Made in the US") == {"united_states"}
    assert "tea" in namings.of(f"x{REAL['tea'].names['zh'][0]}y")


@pytest.mark.parametrize("maker", ["feelings", "unnamed"])
def test_what_is_only_hinted_at_is_never_named(maker: str) -> None:
    for one in made("real", maker):
        name = one.tags["concept"]
        assert not matcher(name).find(one.text, {name}), (name, one.text)
        assert one.spans


def test_no_saying_and_no_frame_names_its_feeling() -> None:
    data = Data.read("feelings.toml")
    everything_felt = NameMatcher(REAL.categories["emotion"])
    for frame in data.strings("frames"):
        assert not everything_felt.find(frame), frame
    quotes = data.inner("quotes")
    for emotion in quotes.table:
        for quote in quotes.strings(emotion):
            assert not matcher(emotion).find(quote, {emotion}), quote
    assert {one.tags["concept"] for one in made("real", "feelings")} >= set(list(quotes.table)[:20])


def test_pairs_differ_in_the_name_only() -> None:
    for name in ("small", "real"):
        for one, other in twins("pairs", made(name, "pairs")):
            assert without_spans(one) == without_spans(other)
            assert one.text != other.text
            assert one.tags["concept"] == one.tags["pair_concept"] == other.tags["pair_concept"]
            assert {tag for *_, tag in one.spans} == {one.tags["concept"]}
            (tag,) = {tag for *_, tag in other.spans}
            assert tag == other.tags.get("concept", "neutral") != one.tags["concept"]
    for one, other in twins("pairs", made("real", "pairs")):
        assert not matcher(one.tags["concept"]).find(other.text, {one.tags["concept"]})


def test_parallel_sentences_are_in_the_language_of_their_tag() -> None:
    seen = Counter(one.tags["language"] for one in made("real", "parallel"))
    assert set(seen) == {*LANGUAGES, "all"}
    templates = Data.read("parallel.toml").tables("template")
    for one in made("real", "parallel"):
        names = REAL[one.tags["concept"]].names
        language = one.tags["language"]
        texts = [
            templates[int(part.rpartition("/")[2])].string(code).replace("{name}", names[code][0])
            for part in parts(one)
            for code in (LANGUAGES if language == "all" else [language])
        ]
        assert all(text in one.text or text.replace("..", ".") in one.text for text in texts), one.text
        assert len(one.spans) == len(texts)


def test_lists_are_numbered_or_have_one_bullet() -> None:
    for one in made("real", "lists"):
        markers = [one.text[start:end] for start, end, tag in one.spans if tag == "list_marker"]
        assert len(markers) >= 3
        if one.tags["list"] == "numbered":
            for place, marker in enumerate(markers, 1):
                assert str(place) in marker
        else:
            assert len(set(markers)) == 1
        named = [tag for *_, tag in one.spans if tag != "list_marker"]
        if one.tags["of"] == "concepts":
            assert len(named) == len(set(named)) == len(markers)
            assert {REAL[name].category for name in named} == {one.tags["category"]}
        else:
            assert not named


def test_the_unnamed_is_described_in_english_and_other_languages() -> None:
    seen = Counter(one.tags["language"] for one in made("real", "unnamed"))
    assert set(seen) == set(LANGUAGES)
    assert 0.65 < seen["en"] / DOCUMENTS < 0.85
