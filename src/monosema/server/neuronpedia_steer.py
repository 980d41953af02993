"""Routes that write as Neuronpedia's inference server does: steered and plain, one after the other, with one seed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import torch
from fastapi import APIRouter, Response

from monosema.errors import MonosemaError, UsageError
from monosema.interventions import Changes, Edit, add
from monosema.models import LanguageModel
from monosema.sae import SAE
from monosema.server.access import Asking, Studies
from monosema.server.catalog import Catalog
from monosema.server.errors import ErrorBody, Problem, kind_of
from monosema.server.neuronpedia import feature_number, sources_of, with_bos
from monosema.server.neuronpedia_steer_records import (
    SteerChatInput,
    SteerChatRequest,
    SteerChatResponse,
    SteerChatResult,
    SteerFeature,
    SteerMessage,
    SteerOf,
    SteerOutput,
    SteerRequest,
    SteerResponse,
    SteerType,
)
from monosema.server.presence import Caller
from monosema.server.record import Record
from monosema.server.sse import events_answer, streamed
from monosema.server.writing import Order, Piece, begun, write

router = APIRouter(prefix="/v1/steer", tags=["neuronpedia"])


@dataclass(frozen=True, kw_only=True)
class _So:
    """What is written so far."""

    prompt: str
    """The prompt as the model has it, its special tokens among it."""
    plain: str
    """The same without them."""
    texts: dict[SteerType, str]
    """How each type goes on."""


@router.post("/completion", response_model=SteerResponse, responses=streamed(SteerResponse))
def steer_completion(studies: Studies, caller: Asking, asked: SteerRequest) -> SteerResponse | Response:
    """Go on with a text."""

    def record(so: _So) -> SteerResponse:
        return SteerResponse(
            outputs=[SteerOutput(type=one, output=so.plain + so.texts[one]) for one in asked.types]
        )

    written = _written(studies, caller, asked, lambda model: with_bos(model, asked.prompt), spare=False)
    if asked.stream:
        return events_answer(map(record, written), _error)
    return record(_last(written))


@router.post("/completion-chat", response_model=SteerChatResponse, responses=streamed(SteerChatResponse))
def steer_completion_chat(
    studies: Studies, caller: Asking, asked: SteerChatRequest
) -> SteerChatResponse | Response:
    """Go on with a chat."""
    turns = [{"role": turn.role, "content": turn.content} for turn in asked.prompt]

    def record(so: _So) -> SteerChatResponse:
        said = {one: SteerMessage(role="assistant", content=so.texts[one]) for one in asked.types}
        return SteerChatResponse(
            outputs=[
                SteerChatResult(
                    type=one, chat_template=[*asked.prompt, said[one]], raw=so.prompt + so.texts[one]
                )
                for one in asked.types
            ],
            input=SteerChatInput(chat_template=asked.prompt, raw=so.prompt),
        )

    spare = not asked.steer_special_tokens
    written = _written(studies, caller, asked, lambda model: model.chat(turns), spare=spare)
    if asked.stream:
        return events_answer(map(record, written), _error)
    return record(_last(written))


def _error(error: MonosemaError) -> Record:
    problem = Problem(type=kind_of(error)[1], message=str(error), advice=getattr(error, "advice", None))
    return ErrorBody(error=problem)


def _last(written: Iterator[_So]) -> _So:
    *_, last = written
    return last


def _written(
    studies: Catalog,
    caller: Caller,
    asked: SteerOf,
    prompt: Callable[[LanguageModel], list[int]],
    *,
    spare: bool,
) -> Iterator[_So]:
    """All that is written so far, again and again: first all of one type, then all of the next."""
    if len(set(asked.types)) < len(asked.types):
        raise UsageError(f"types is {asked.types}; name each once")
    served, changes = sources_of(studies, asked.model)[0], _changes(studies, asked)

    def work(model: LanguageModel) -> Generator[_So]:
        ids = prompt(model)
        special = [place for place, one in enumerate(ids) if one in model.tokenizer.all_special_ids]
        decode = model.tokenizer.decode
        texts: dict[SteerType, str] = dict.fromkeys(asked.types, "")
        so = _So(prompt=decode(ids), plain=decode(ids, skip_special_tokens=True), texts=texts)
        for type_ in asked.types:
            some = (
                [replace(one, spared=special if spare else ()) for one in changes]
                if type_ == "STEERED"
                else []
            )
            order = Order(
                prompt=lambda _: ids,
                changes=some,
                most=asked.n_completion_tokens,
                temperature=asked.temperature,
                seed=int(asked.seed),
            )
            for event in write(model, order):
                if isinstance(event, Piece):
                    so = replace(so, texts=so.texts | {type_: so.texts[type_] + event.text})
                yield so  # at the end, too: there may be no piece

    return begun(studies.stream(served, caller, work))


def _changes(studies: Catalog, asked: SteerOf) -> list[Changes]:
    edits: dict[str, list[Edit]] = {}
    saes: dict[str, SAE] = {}
    for one in asked.features:
        if one.model != asked.model:
            raise UsageError(f"a feature is of {one.model!a}; the model is {asked.model!a}: name one of them")
        served = studies.sae(one.model, one.source)
        sae = saes.setdefault(one.source, served.autoencoder())
        value = asked.strength_multiplier * _activation(sae, feature_number(served, one.index), one, asked)
        edits.setdefault(one.source, []).append(add(one.index, value))
    return [Changes(sae=saes[name], edits=tuple(some)) for name, some in edits.items()]


def _activation(sae: SAE, number: int, one: SteerFeature, asked: SteerOf) -> float:
    """The activation that adds the decoder row, in the model's own units, `strength` times."""
    length = sae.unit if asked.normalize_steering else torch.linalg.vector_norm(sae.W_dec[number])
    return one.strength * float(length)
