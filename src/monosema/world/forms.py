"""What a model is asked to write: forms of prompts by genre, put together with concepts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from monosema.world.catalogue import Catalogue, Concept
from monosema.world.tables import Data


@dataclass(frozen=True)
class Form:
    """Prompts of one genre."""

    genre: str
    """answer, story, article, dialogue, diary, list, verse, self, unnamed, continuation or code."""
    chat: bool
    """Whether the model answers it in a chat; otherwise it continues the text."""
    texts: tuple[str, ...]
    """With {e} for a topic, {E} with a capital, {d} for a description."""
    only: tuple[str, ...] = ()
    """Categories that it fits; empty: all."""
    never: tuple[str, ...] = ()
    """Categories that it does not fit."""

    def fits(self, concept: Concept) -> bool:
        """Whether it can be asked about a concept."""
        return concept.category not in self.never and (not self.only or concept.category in self.only)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One request."""

    concept: Concept
    genre: str
    chat: bool
    text: str


def load_forms(path: Path | None = None) -> tuple[Form, ...]:
    """Read the forms; None: those of the package. Raises `DamagedError`."""
    data = Data.open(path or Path(str(files("monosema.world") / "forms.toml")))
    return tuple(
        Form(
            genre=table.string("genre"),
            chat=table.truth("chat"),
            texts=table.strings("texts"),
            only=table.strings("only"),
            never=table.strings("never"),
        )
        for table in data.tables("form")
    )


def fill(text: str, concept: Concept, description: str) -> str:
    """Put a concept into a form."""
    capital = concept.topic[:1].upper() + concept.topic[1:]
    return text.replace("{e}", concept.topic).replace("{E}", capital).replace("{d}", description)


def draw_prompts(
    catalogue: Catalogue,
    forms: Sequence[Form],
    count: int,
    rng: random.Random,
    *,
    exponent: float,
    boost: Mapping[str, float] = {},
) -> list[Prompt]:
    """Draw prompts: categories alike, the concept of rank r within one by r^-exponent, times its `boost`."""
    weights = {
        category: [boost.get(one.id, 1.0) * rank**-exponent for rank, one in enumerate(concepts, 1)]
        for category, concepts in catalogue.categories.items()
    }
    names = list(weights)
    prompts = []
    for _ in range(count):
        category = rng.choice(names)
        (concept,) = rng.choices(catalogue.categories[category], weights[category])
        form = rng.choice([form for form in forms if form.fits(concept)])
        text = fill(rng.choice(form.texts), concept, rng.choice(concept.about["en"]))
        prompts.append(Prompt(concept=concept, genre=form.genre, chat=form.chat, text=text))
    return prompts
