"""Records of the OpenAI-compatible routes, with `steering`, `features` and `seed` as our own additions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from monosema.server.feature_records import Firing
from monosema.server.record import Record, Text
from monosema.server.steering import MOST_STEERED, Steer
from monosema.server.writing import MOST_TOKENS, SEEDS

MOST_STOPS = 4
MOST_TURNS = 256
MOST_TOP = 20
NEUTRAL: Mapping[str, Any] = {
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
    "logit_bias": {},
    "response_format": {"type": "text"},
    "best_of": 1,
    "echo": False,
}
"""Fields that are not offered, which programs send by themselves, each with the value that asks for nothing."""
Stop = Annotated[Text, StringConstraints(min_length=1, max_length=200)]
FinishReason = Literal["stop", "length"]


class StreamOptions(Record):
    """How to stream."""

    include_usage: bool = False
    """Whether a last piece tells the usage."""


class Asked(Record):
    """What both kinds of completion take."""

    model: Annotated[Text, StringConstraints(max_length=400)]
    """`STUDY`, or `STUDY/SAE`: the same model, whose SAE `steering` and `features` mean."""
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    """New tokens at most."""
    temperature: float = Field(1.0, ge=0, le=2)
    """0: always the likeliest token."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Draw among the likeliest tokens that together have this probability."""
    seed: int | None = Field(None, ge=0, lt=SEEDS)
    """The same seed gives the same text; where it is not given, one is drawn and told in the answer."""
    stop: list[Stop] | None = Field(None, max_length=MOST_STOPS)
    """Texts before the first of which the answer ends; one alone needs no list."""
    n: int = 1
    """Answers; one is written at a time."""
    stream: bool = False
    """Whether pieces are sent as server-sent events while the model writes."""
    stream_options: StreamOptions | None = None
    user: Text | None = None
    """Taken and not used."""
    steering: list[Steer] = Field(default=[], max_length=MOST_STEERED)
    """What to steer the model by."""
    control: int | None = Field(None, ge=0, lt=SEEDS)
    """A seed by which random features that fire in the index are drawn, to be edited in the place of those in
    `steering`: together a contribution of equal norm that means something else."""
    features: int = Field(0, ge=0, le=MOST_TOP)
    """How many of the strongest features of the SAE are told at each new token."""

    @model_validator(mode="before")
    @classmethod
    def _without_neutral(cls, asked: Any) -> Any:
        """What is null, and what asks for nothing, is as if it were not there."""
        if not isinstance(asked, dict):
            return asked
        return {name: value for name, value in asked.items() if not _is_neutral(name, value)}

    @field_validator("n")
    @classmethod
    def _one(cls, n: int) -> int:
        if n != 1:
            raise ValueError("expected 1: ask again with another seed for another answer")
        return n

    @field_validator("stop", mode="before")
    @classmethod
    def _listed(cls, stop: Any) -> Any:
        return [stop] if isinstance(stop, str) else stop


def _is_neutral(name: str, value: Any) -> bool:
    neutral = NEUTRAL.get(name)
    # false is equal to 0, but 0 logprobs are those of the tokens themselves
    return value is None or (value == neutral and isinstance(value, bool) == isinstance(neutral, bool))


class CompletionRequest(Asked):
    """Text to go on with."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=1)]
    """Plain text; special tokens that are spelled out in it stay text."""


class TextPart(Record):
    """A piece of a message."""

    type: Literal["text"]
    text: Text


class ChatTurn(Record):
    """One message of a chat."""

    role: Annotated[Text, StringConstraints(min_length=1, max_length=32)]
    """As the model's chat template names it, such as user."""
    content: Text | list[TextPart]


class ChatRequest(Asked):
    """A chat, up to where the assistant is to answer."""

    messages: list[ChatTurn] = Field(min_length=1, max_length=MOST_TURNS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    """The newer name of `max_tokens`."""


class TokenFeatures(Record):
    """The strongest features at a token of the answer."""

    index: int
    """Which token of the answer, from 0."""
    token: int
    """Its number in the vocabulary."""
    text: str
    """Its text."""
    strongest: list[Firing]
    """Largest activation first, after the edits; none at special tokens and massive positions."""


class Usage(Record):
    """Tokens that were read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TextChoice(Record):
    """An answer, or a piece of one."""

    index: int = 0
    text: str
    finish_reason: FinishReason | None
    """`stop`: the model or a stop text ended it; null while there is more."""
    logprobs: None = None
    features: list[TokenFeatures] | None = None
    """Of the tokens that the model has read by now, each told once; where they were asked for."""


class Completion(Record):
    """Text that the model went on with, or a piece of it."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    """Unix time."""
    model: str
    seed: int
    choices: list[TextChoice]
    usage: Usage | None = None


class ChatMessage(Record):
    """What the assistant says."""

    role: Literal["assistant"] = "assistant"
    content: str


class ChatChoice(Record):
    """An answer."""

    index: int = 0
    message: ChatMessage
    finish_reason: FinishReason
    logprobs: None = None
    features: list[TokenFeatures] | None = None
    """One for each token that the model has read, where they were asked for."""


class ChatCompletion(Record):
    """An answer in a chat."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    """Unix time."""
    model: str
    seed: int
    choices: list[ChatChoice]
    usage: Usage


class ChatDelta(Record):
    """What a piece adds to what the assistant says."""

    role: Literal["assistant"] | None = None
    """In the first piece."""
    content: str | None = None


class ChatPiece(Record):
    """A piece of an answer."""

    index: int = 0
    delta: ChatDelta
    finish_reason: FinishReason | None
    """Null while there is more."""
    logprobs: None = None
    features: list[TokenFeatures] | None = None
    """Of the tokens that the model has read by now, each told once; where they were asked for."""


class ChatChunk(Record):
    """A piece of an answer in a chat: the data of one event of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    """Unix time."""
    model: str
    seed: int
    choices: list[ChatPiece]
    """None in the piece that tells the usage."""
    usage: Usage | None = None


class ModelEntry(Record):
    """What can be named as `model`."""

    id: str
    """`STUDY` or `STUDY/SAE`."""
    object: Literal["model"] = "model"
    created: int = 0
    """0: unknown."""
    owned_by: str
    """Name of the language model, as study.toml gives it."""


class ModelList(Record):
    """Everything that can be named as `model`."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]
