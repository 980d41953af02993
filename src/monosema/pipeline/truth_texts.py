"""What ground truth asks that no corpus holds: descriptions that never name their thing, and questions about facts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from monosema.corpora import Document, Span
from monosema.errors import UsageError
from monosema.evaluation import OF_HELD_OUT_TEMPLATE, Question
from monosema.world import Catalogue, Concept
from monosema.world.grammar import compose
from monosema.world.grammar.facts import answer
from monosema.world.tables import Data

MOST_DESCRIPTIONS = 3000
"""Descriptions that are run through the model, about 60 tokens each."""
A_SIDE, FEWEST_A_SIDE = 8, 4
"""Descriptions of a concept from held-out templates, and as many from others; fewer where concepts are many."""
TRIES = 200
"""Documents composed in search of a concept's descriptions: a quarter is in other languages, a quarter held out."""
MOST_FACTS = 400
"""Facts that the model is asked for."""
TEMPLATES = (
    ("unnamed.toml", "monosema.world.grammar"),
    ("facts.toml", "monosema.world.grammar"),
    ("relations.toml", "monosema.world"),
)
"""Data files that descriptions and questions are made from, beside the catalogue, and their packages."""
ABOUT = "about:"
"""What stands before the concept in the tag of a span that describes it."""
LONGEST_ANSWER = 3
"""Words; longer answers can be said in too many ways."""


def descriptions(concepts: Sequence[Concept], seed: int) -> Iterator[Document]:
    """English documents that describe concepts and never name them, half of them of held-out templates.

    At most `MOST_DESCRIPTIONS`: where concepts are too many, fewer of each, then only the first of them. All concepts
    get the same frames, so that no frame tells a concept.
    """
    a_side = min(A_SIDE, max(FEWEST_A_SIDE, MOST_DESCRIPTIONS // (2 * max(len(concepts), 1))))
    for concept in concepts[: MOST_DESCRIPTIONS // (2 * a_side)]:
        sides: dict[bool, dict[str, tuple[Span, ...]]] = {False: {}, True: {}}
        for text, spans, held_out in _described(concept, seed):
            if len(sides[held_out]) < a_side:
                sides[held_out][text] = spans
        if all(sides.values()):
            for held_out, texts in sides.items():
                for number, (text, spans) in enumerate(texts.items()):
                    yield Document(
                        id=f"{concept.id}:{held_out}:{number}",
                        text=text,
                        tags={"concept": concept.id, OF_HELD_OUT_TEMPLATE: held_out},
                        spans=spans,
                    )


def _described(concept: Concept, seed: int) -> Iterator[tuple[str, tuple[Span, ...], bool]]:
    """Text, where it describes the concept, whether its template is held out; nothing where all of it names that."""
    try:
        composed = compose(Catalogue([concept]), seed=seed, documents=TRIES, makers=["unnamed"])
    except UsageError:  # the maker lacks descriptions
        return
    for one in composed:
        if one.tags["language"] == "en":
            spans = tuple(
                Span(start, end, concept.id) for start, end, tag in one.spans if tag == ABOUT + concept.id
            )
            yield one.text, spans, one.held_out


def questions(catalogue: Catalogue, seed: int) -> list[Question]:
    """Facts as beginnings of statements that end where the answer belongs, the relations taking turns.

    Left out are answers of more than three words and those that the beginning gives away.
    """
    rng = random.Random(seed)
    skip = Data.read("facts.toml").strings("skip")
    turns: list[list[Question]] = []
    for relation, table in Data.read("relations.toml", "monosema.world").groups():
        beginnings = [text.partition("{o}")[0].rstrip() for text in table.strings("statement")]
        asked = [
            _question(catalogue, concept, relation, rng.choice(beginnings))
            for concept in catalogue
            if concept.category not in skip and beginnings
        ]
        turns.append([one for one in asked if one is not None])
        rng.shuffle(turns[-1])
    longest = max(map(len, turns), default=0)
    in_turn = [asked[number] for number in range(longest) for asked in turns if number < len(asked)]
    return in_turn[:MOST_FACTS]


def _question(catalogue: Catalogue, concept: Concept, relation: str, beginning: str) -> Question | None:
    reached = answer(catalogue, concept, (relation,))
    if reached is None:
        return None
    names = reached.names["en"] if isinstance(reached, Concept) else (reached,)
    prompt = beginning.replace("{s}", concept.topic)
    plain = tuple(_without_article(name) for name in names)
    given_away = any(name.lower() in prompt.lower() for name in plain)
    if given_away or len(plain[0].split()) > LONGEST_ANSWER:
        return None
    return Question(relation=relation, prompt=prompt, answers=plain)


def _without_article(name: str) -> str:
    first, _, rest = name.partition(" ")
    return rest if rest and first.lower() in ("the", "a", "an") else name
