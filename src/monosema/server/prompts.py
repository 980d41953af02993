"""The route of prompts: which features fire at each token of a text or a chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from monosema.errors import UsageError
from monosema.index.reading import Reading, read_prompt
from monosema.models import LanguageModel
from monosema.server.access import Asking, Served, Studies
from monosema.server.feature_records import PromptRecord, PromptToken
from monosema.server.firings import Shares, firings_of
from monosema.server.record import Record, Text

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
def read_tokens(studies: Studies, served: Served, caller: Asking, asked: Prompt) -> PromptRecord:
    """The features at each token of a prompt. It works without an index, too."""
    sae = served.autoencoder()
    for feature in asked.features:
        if not 0 <= feature < sae.d_sae:
            raise UsageError(f"there is no feature {feature}; this SAE has 0 to {sae.d_sae - 1}")
    reading = studies.with_model(
        served, caller, lambda model: read_prompt(model, sae, ids_of(model, asked.text, asked.messages))
    )
    return _record(reading, asked, served.shares())


def ids_of(model: LanguageModel, text: str | None, messages: Sequence[Turn] | None) -> list[int]:
    """Tokens of a prompt, which is exactly one of the two. Raises `UsageError` where it is not, or is empty."""
    if (text is None) == (messages is None):
        raise UsageError("give one prompt: text, or messages")
    if messages is not None:
        return model.chat([{"role": turn.role, "content": turn.content} for turn in messages])
    ids = model.encode(text) if text else []
    if not ids:
        raise UsageError("the prompt is empty; give some words")
    return ids


def _record(reading: Reading, asked: Prompt, shares: Shares) -> PromptRecord:
    values = reading.values(asked.features).tolist()  # [n, f]
    ends = reading.acts.offsets.tolist()
    tokens = []
    for row, (token, text) in enumerate(zip(reading.ids, reading.texts, strict=True)):
        here = slice(ends[row], ends[row + 1])
        best = reading.acts.values[here].argsort(descending=True, stable=True)[: asked.top]
        numbers = reading.acts.indices[here][best].tolist()
        activations = reading.acts.values[here][best].tolist()
        left_out = "special" if reading.special[row] else "massive" if reading.massive[row] else None
        tokens.append(
            PromptToken(
                token=token,
                text=text,
                left_out=left_out,
                fires=ends[row + 1] - ends[row],
                strongest=firings_of(shares, numbers, activations),
                values=values[row],
            )
        )
    return PromptRecord(features=asked.features, tokens=tokens)
