"""Records of Neuronpedia's routes that write."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from monosema.server.neuronpedia_records import FeatureOf, Model, Wire
from monosema.server.record import Text
from monosema.server.steering import MOST_STEERED
from monosema.server.writing import MOST_TOKENS, SEEDS

SteerType = Literal["STEERED", "DEFAULT"]


class SteerFeature(FeatureOf):
    """A feature to steer by: strength times its decoder row is added at every position."""

    strength: float


class SteerOf(Wire):
    """What both kinds of steering take."""

    model: Model
    steer_method: Literal["SIMPLE_ADDITIVE"]
    normalize_steering: bool
    """Whether decoder rows have norm 1 before they are added."""
    types: list[SteerType] = Field(min_length=1, max_length=2)
    features: list[SteerFeature] = Field(min_length=1, max_length=MOST_STEERED)
    n_completion_tokens: int = Field(ge=1, le=MOST_TOKENS)
    temperature: float = Field(ge=0, le=2)
    strength_multiplier: float
    freq_penalty: float
    seed: float = Field(ge=0, lt=SEEDS)
    stream: bool | None = False
    n_logprobs: int | None = 0
    fail_if_busy: bool = False
    """Taken and not used: a full queue answers 429 in any case."""

    @field_validator("freq_penalty", "n_logprobs")
    @classmethod
    def _none(cls, value: float | None) -> float | None:
        if value:
            raise ValueError("expected 0: it is not offered here")
        return value


class SteerRequest(SteerOf):
    """A text to go on with."""

    prompt: Text


class SteerOutput(Wire):
    """What was written: the prompt and how it goes on, so far."""

    type: SteerType
    output: str


class SteerResponse(Wire):
    """One for each type, in the order asked for."""

    outputs: list[SteerOutput]


class SteerMessage(Wire):
    """One message of a chat."""

    role: Annotated[Text, StringConstraints(min_length=1, max_length=32)]
    content: Text


class SteerChatRequest(SteerOf):
    """A chat to go on with."""

    prompt: list[SteerMessage] = Field(min_length=1, max_length=256)
    steer_special_tokens: bool
    """Whether the special tokens of the prompt are steered, too."""


class SteerChatInput(Wire):
    """A chat as messages and as the model has it."""

    chat_template: list[SteerMessage]
    raw: str


class SteerChatResult(SteerChatInput):
    """A chat with its answer, so far."""

    type: SteerType


class SteerChatResponse(Wire):
    """One for each type, in the order asked for."""

    outputs: list[SteerChatResult]
    input: SteerChatInput
