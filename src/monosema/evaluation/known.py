"""Which facts does the model itself know? It goes on with plain text that ends where the answer belongs.

A feature cannot be asked to hold what the model does not know: completeness (C18) is read beside this share.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from monosema.evaluation.bootstrap import Figure, Z
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent

NEW_TOKENS = 8
"""The answer must stand in so many tokens of the continuation."""
AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Question:
    """A beginning of a sentence and what completes it."""

    relation: str
    prompt: str
    """Such as "The capital of France is", without a blank at its end."""
    answers: tuple[str, ...]
    """Accepted names."""


@dataclass(frozen=True, kw_only=True)
class KnownFacts:
    """How many questions the model answers."""

    questions: int
    known: Figure
    """Share that it answers, with Wilson's interval."""
    swapped: float | None
    """The floor: mean share of them for which its answer to another question of the relation would do as well."""
    relations: dict[str, Figure]
    """The share by relation."""


def known_facts(
    model: LanguageModel, questions: Sequence[Question], *, reporter: Reporter | None = None
) -> KnownFacts | None:
    """Ask, greedily; questions that the model's context cannot hold are left out, None where none is left."""
    fitting = [one for one in questions if len(model.encode(one.prompt)) + NEW_TOKENS <= model.context]
    if not fitting:
        return None
    fitting.sort(key=lambda one: len(one.prompt))
    said: list[str] = []
    with (reporter or Silent()).stage("facts", len(fitting), unit="questions") as progress:
        for begin in range(0, len(fitting), AT_ONCE):
            part = [one.prompt for one in fitting[begin : begin + AT_ONCE]]
            said += model.generate(part, max_new_tokens=NEW_TOKENS).texts
            progress.update(len(part))
    return judge(fitting, said)


def judge(questions: Sequence[Question], said: Sequence[str]) -> KnownFacts:
    """Count the continuations that give an accepted answer."""
    right = [answers(one, text) for one, text in zip(questions, said, strict=True)]
    by_relation: dict[str, list[int]] = {}
    for number, one in enumerate(questions):
        by_relation.setdefault(one.relation, []).append(number)
    swapped = [
        sum(answers(questions[number], said[other]) for other in numbers if other != number)
        / (len(numbers) - 1)
        for numbers in by_relation.values()
        if len(numbers) > 1
        for number in numbers
    ]
    return KnownFacts(
        questions=len(questions),
        known=wilson(sum(right), len(right)),
        swapped=sum(swapped) / len(swapped) if swapped else None,
        relations={
            relation: wilson(sum(right[number] for number in numbers), len(numbers))
            for relation, numbers in sorted(by_relation.items())
        },
    )


def answers(question: Question, text: str) -> bool:
    """Whether an accepted answer stands in a text as whole words.

    Letter case does not matter, save for one or two letters: "as" is not the symbol of arsenic.
    """
    return any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, 0 if len(name) <= 2 else re.IGNORECASE)
        for name in question.answers
    )


def wilson(hits: int, n: int) -> Figure:
    """A share with Wilson's 95% interval."""
    if n == 0:
        return Figure(float("nan"))
    share, z = hits / n, Z * Z / n
    middle, half = share + z / 2, Z * math.sqrt(share * (1 - share) / n + z / (4 * n))
    low = 0.0 if hits == 0 else (middle - half) / (1 + z)
    return Figure(share, low, 1.0 if hits == n else (middle + half) / (1 + z))
