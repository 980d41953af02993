"""The route of prompts: which features fire at each token of a text or a chat."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from monosema.errors import UsageError
from monosema.index import FeatureIndex
from monosema.index.reading import Reading, read_prompt
from monosema.models import LanguageModel
from monosema.server.access import Served, Studies
from monosema.server.feature_records import Firing, PromptRecord, PromptToken
from monosema.server.record import Record, Text
from monosema.server.served import ServedSAE

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["prompts"])
MOST_FEATURES = 64
MOST_TURNS = 256


class Turn(Record):
    """One message of a chat."""

    role: Annotated[Text, StringConstraints(min_length=1, max_length=32)]
    """As the model's chat template names it, such as user."""
    content: Text


class Prompt(Record):
    """A text or a chat, and what to tell of it."""

    text: Text | None = None
    """Plain text; special tokens that are spelled out in it stay text."""
    messages: list[Turn] | None = Field(None, min_length=1, max_length=MOST_TURNS)
    """A chat, in the place of `text`: up to where the assistant is to answer."""
    features: list[int] = Field(default=[], max_length=MOST_FEATURES)
    """Features whose activation is told at every token."""
    top: int = Field(5, ge=0, le=20)
    """How many of its strongest features are told at each token."""


@router.post("/prompt")
def read_tokens(studies: Studies, served: Served, asked: Prompt) -> PromptRecord:
    """The features at each token of a prompt. It works without an index, too."""
    sae = served.autoencoder()
    for feature in asked.features:
        if not 0 <= feature < sae.d_sae:
            raise UsageError(f"there is no feature {feature}; this SAE has 0 to {sae.d_sae - 1}")
    with studies.model(served) as model:
        reading = read_prompt(model, sae, _ids(model, asked))
    return _record(reading, asked, _maxima(served))


def _ids(model: LanguageModel, asked: Prompt) -> list[int]:
    if (asked.text is None) == (asked.messages is None):
        raise UsageError("give one prompt: text, or messages")
    if asked.messages is not None:
        return model.chat([{"role": turn.role, "content": turn.content} for turn in asked.messages])
    assert asked.text is not None
    return model.encode(asked.text) if asked.text else []


def _maxima(served: ServedSAE) -> FeatureIndex | None:
    """The index whose maxima shares are of; None where there is none of this SAE."""
    return served.index() if served.state("index") == "made" else None


def _record(reading: Reading, asked: Prompt, index: FeatureIndex | None) -> PromptRecord:
    values = reading.values(asked.features).tolist()  # [n, f]
    ends = reading.acts.offsets.tolist()
    tokens = []
    for row, (token, text) in enumerate(zip(reading.ids, reading.texts, strict=True)):
        here = slice(ends[row], ends[row + 1])
        best = reading.acts.values[here].argsort(descending=True, stable=True)[: asked.top]
        numbers = reading.acts.indices[here][best].tolist()
        firings = zip(numbers, reading.acts.values[here][best].tolist(), strict=True)
        left_out = "special" if reading.special[row] else "massive" if reading.massive[row] else None
        tokens.append(
            PromptToken(
                token=token,
                text=text,
                left_out=left_out,
                strongest=[
                    Firing(number=number, activation=value, share=_share(index, number, value))
                    for number, value in firings
                ],
                values=values[row],
            )
        )
    return PromptRecord(features=asked.features, tokens=tokens)


def _share(index: FeatureIndex | None, number: int, value: float) -> float | None:
    maximum = 0.0 if index is None else index.maximum(number)
    return value / maximum if maximum > 0 else None
