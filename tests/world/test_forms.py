"""Prompts fit their concepts and are drawn as often as the ranks say."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from monosema.errors import DamagedError
from monosema.world import Catalogue, draw_prompts, load_forms


def test_every_prompt_is_filled_and_fits_its_category() -> None:
    catalogue, forms = Catalogue.load(), load_forms()
    prompts = draw_prompts(catalogue, forms, 3000, random.Random(0), exponent=0.8)
    by_genre = {form.genre: form for form in forms}
    for prompt in prompts:
        assert "{" not in prompt.text
        assert by_genre[prompt.genre].fits(prompt.concept)
        if prompt.concept.category == "code":
            assert prompt.genre == "code"
    assert {prompt.genre for prompt in prompts} == set(by_genre)


def test_frequent_concepts_come_first_and_the_seed_decides() -> None:
    catalogue, forms = Catalogue.load(), load_forms()
    draws = [draw_prompts(catalogue, forms, 6000, random.Random(1), exponent=1.0) for _ in range(2)]
    assert draws[0] == draws[1]
    counts = Counter(prompt.concept.id for prompt in draws[0])
    first, *_, last = catalogue.categories["landmark"]
    assert counts[first.id] > 5 * max(counts[last.id], 1)
    more = draw_prompts(catalogue, forms, 6000, random.Random(1), exponent=1.0, boost={last.id: 50.0})
    assert Counter(prompt.concept.id for prompt in more)[last.id] > counts[last.id] + 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[form]]\ngenre = 'story'\n", r"forms\.toml line 1: form\[0\]\.chat is missing; expected true or"),
        ("[[form]]\ngenre = 'story'\nchat = 1\n", r"forms\.toml line 3: form\[0\]\.chat is 1"),
        ("[[form]\n", r"forms\.toml: .*line 1"),
    ],
)
def test_a_damaged_file_of_forms_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "forms.toml").write_text(text)
    with pytest.raises(DamagedError, match=message):
        load_forms(tmp_path / "forms.toml")
