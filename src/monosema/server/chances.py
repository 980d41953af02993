"""The route of what comes next: probabilities of the token after a position of a prompt, plain and edited."""

from __future__ import annotations

from contextlib import ExitStack

import torch
from fastapi import APIRouter
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from monosema.errors import UsageError
from monosema.interventions import Changes
from monosema.models import LanguageModel
from monosema.server.access import Asking, Served, Studies
from monosema.server.prompts import MOST_TURNS, Turn, ids_of
from monosema.server.record import Record, Text
from monosema.server.steering import MOST_STEERED, Steer, changes_of

router = APIRouter(prefix="/studies/{study}/saes/{sae}", tags=["prompts"])
MOST_TOKENS_ASKED = 64


class NextAsked(Record):
    """A text or a chat, a position of it, and what to edit."""

    text: Text | None = None
    """Plain text; special tokens that are spelled out in it stay text."""
    messages: list[Turn] | None = Field(None, min_length=1, max_length=MOST_TURNS)
    """A chat, in the place of `text`: up to where the assistant is to answer."""
    position: int = -1
    """Token after which is asked, from 0, or from the end."""
    steering: list[Steer] = Field(default=[], max_length=MOST_STEERED)
    """What to edit; edits act up to the position, and their `answer` is the position itself."""
    top: int = Field(10, ge=0, le=50)
    """How many of the likeliest tokens are told, of the plain and of the edited model."""
    tokens: list[int] = Field(default=[], max_length=MOST_TOKENS_ASKED)
    """Tokens that are told in any case, by their numbers."""


class Chance(Record):
    """How likely a token is to come next."""

    token: int
    """Its number in the vocabulary."""
    text: str
    plain: float
    """Its probability."""
    edited: float | None
    """The same with the edits; null where there are none."""


class NextRecord(Record):
    """What comes next."""

    position: int
    """The token after which was asked, from 0."""
    text: str
    """Its text."""
    chances: list[Chance]
    """The likeliest tokens of either model and those asked for, the likeliest of the plain model first."""


@router.post("/next")
def next_tokens(studies: Studies, served: Served, caller: Asking, asked: NextAsked) -> NextRecord:
    """Probabilities of the next token at a position of a prompt, plain and with edits."""
    changes = changes_of(studies, served.study.name, served.name, asked.steering)
    text_of = served.text_of()

    def read(model: LanguageModel) -> NextRecord:
        ids = ids_of(model, asked.text, asked.messages)
        if not -len(ids) <= asked.position < len(ids):
            raise UsageError(f"position is {asked.position}; this prompt has tokens 0 to {len(ids) - 1}")
        position = asked.position % len(ids)
        if wrong := [one for one in asked.tokens if not 0 <= one < model.vocabulary]:
            raise UsageError(f"there is no token {wrong[0]}; this model has 0 to {model.vocabulary - 1}")
        before = torch.tensor([ids[: position + 1]])
        same = (model.hash, tuple(ids[: position + 1]))  # while an edit is moved, the prompt stays
        plain = served.shelf.get("plain chances", same, lambda: _chances(model, before, []))
        edited = _chances(model, before, changes) if changes else None
        told = set(asked.tokens).union(
            *(one.topk(asked.top).indices.tolist() for one in (plain, edited) if one is not None)
        )
        return NextRecord(
            position=position,
            text=text_of(ids[position]),
            chances=[
                Chance(
                    token=token,
                    text=text_of(token),
                    plain=float(plain[token]),
                    edited=None if edited is None else float(edited[token]),
                )
                for token in sorted(told, key=lambda token: (-float(plain[token]), token))
            ],
        )

    return studies.with_model(served, caller, read)


def _chances(model: LanguageModel, ids: Tensor, changes: list[Changes]) -> Float[Tensor, " vocabulary"]:
    with ExitStack() as stack:
        for one in changes:
            stack.enter_context(one.on(model))
        return model.next_logits(ids).float().softmax(0).cpu()
