"""OpenAI-compatible routes: models, completions and chat, steered, with the features of each token."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from monosema.errors import MonosemaError, UsageError
from monosema.interventions import FiringsAt
from monosema.models import LanguageModel
from monosema.server.access import Asking, Studies
from monosema.server.catalog import Catalog
from monosema.server.completion_records import (
    Asked,
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatDelta,
    ChatMessage,
    ChatPiece,
    ChatRequest,
    Completion,
    CompletionRequest,
    ModelEntry,
    ModelList,
    TextChoice,
    TokenFeatures,
    Usage,
)
from monosema.server.errors import NotFoundError, kind_of
from monosema.server.firings import Shares, firings_of
from monosema.server.openai_errors import OpenAIErrorBody, openai_body
from monosema.server.presence import Caller
from monosema.server.served import ServedSAE
from monosema.server.shelf import asked_of
from monosema.server.sse import DONE, events_answer, streamed
from monosema.server.steering import changes_of
from monosema.server.writing import Ended, Event, Order, Piece, begun, write

ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": OpenAIErrorBody, "description": "Asked wrongly, not there, or not made yet"},
    "5XX": {"model": OpenAIErrorBody, "description": "Damaged files, no memory, or a bug"},
}
router = APIRouter(prefix="/v1", tags=["openai"], responses=ERRORS)


@router.get("/models")
def list_models(studies: Studies) -> ModelList:
    """What can be named as `model`: each study, and each of its SAEs that is trained."""
    return ModelList(data=[entry for name in studies.names for entry in _entries(studies, name)])


@router.get("/models/{model:path}")
def get_model(
    studies: Studies, model: Annotated[str, Path(description="`STUDY` or `STUDY/SAE`.")]
) -> ModelEntry:
    """One of them."""
    meant = _meant(studies, model)
    return _entry(meant, model)


def _entries(studies: Catalog, study: str) -> list[ModelEntry]:
    """Those of a study: a broken one does not take the others down."""
    with suppress(MonosemaError, OSError):
        opened, _ = studies.study(study)
        saes = [studies.sae(study, name) for name in asked_of(opened).saes]
        trained = [sae for sae in saes if sae.made("sae") is not None]
        own = [_entry(_Meant(study=study, sae=None, served=trained[0]), study)] if trained else []
        return own + [_entry(_Meant(study, sae.name, sae), f"{study}/{sae.name}") for sae in trained]
    return []


@dataclass(frozen=True)
class _Meant:
    """What a model's id names."""

    study: str
    sae: str | None
    """The SAE that it names."""
    served: ServedSAE
    """An SAE of the model: that one, or the study's first that is trained."""


def _entry(meant: _Meant, id_: str) -> ModelEntry:
    return ModelEntry(id=id_, owned_by=meant.served.asked.place.model)


def _meant(studies: Catalog, model: str) -> _Meant:
    study, slash, name = model.partition("/")
    opened, _ = studies.study(study)
    if slash:
        return _Meant(study=study, sae=name, served=studies.sae(study, name))
    saes = [studies.sae(study, each) for each in asked_of(opened).saes]
    if not saes:
        raise NotFoundError(f"{study} has no SAE")
    first = next((sae for sae in saes if sae.made("sae") is not None), saes[0])
    return _Meant(study=study, sae=first.name if len(saes) == 1 else None, served=first)


def _text(content: str | list[Any]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _order(
    studies: Catalog,
    meant: _Meant,
    asked: Asked,
    most: int | None,
    prompt: Callable[[LanguageModel], list[int]],
) -> Order:
    watched = None
    if asked.features:
        if meant.sae is None:
            raise UsageError(
                f"features need an SAE; name it in model, such as {meant.study}/{meant.served.name}"
            )
        watched = meant.served.autoencoder()
    seed = {} if asked.seed is None else {"seed": asked.seed}
    return Order(
        prompt=prompt,
        changes=changes_of(studies, meant.study, meant.sae, asked.steering, control=asked.control),
        watched=watched,
        top=asked.features,
        most=most,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=asked.stop or (),
        **seed,
    )


@dataclass(frozen=True)
class _Answer:
    """An answer as it is written, in the parts that both kinds of completion share."""

    asked: Asked
    order: Order
    events: Iterator[Event]
    shares: Shares
    text_of: Callable[[int], str]
    id: str
    created: int

    @property
    def head(self) -> dict[str, Any]:
        return {"id": self.id, "created": self.created, "model": self.asked.model, "seed": self.order.seed}

    def parts(self) -> Iterator[tuple[str, list[TokenFeatures] | None, Ended | None]]:
        """Text, features of tokens before, and at the end how it ended."""
        tokens: list[int] = []
        for one in self.events:
            if isinstance(one, FiringsAt):
                yield "", [self._features(one, tokens)], None
            elif isinstance(one, Piece):
                tokens += [] if one.token is None else [one.token]
                yield one.text, None, None
            else:
                yield "", None, one

    def _features(self, one: FiringsAt, tokens: Sequence[int]) -> TokenFeatures:
        token = tokens[one.place]
        strongest = firings_of(self.shares, one.features, one.activations)
        return TokenFeatures(index=one.place, token=token, text=self.text_of(token), strongest=strongest)

    def whole(self) -> tuple[str, list[TokenFeatures] | None, Ended]:
        """All of it."""
        texts, features, end = [], list[TokenFeatures](), None
        for text, some, ended in self.parts():
            texts.append(text)
            features += some or []
            end = ended or end
        assert end is not None
        return "".join(texts), features if self.asked.features else None, end


def _answer(
    studies: Catalog,
    caller: Caller,
    asked: Asked,
    kind: str,
    most: int | None,
    prompt: Callable[[LanguageModel], list[int]],
) -> _Answer:
    meant = _meant(studies, asked.model)
    order = _order(studies, meant, asked, most, prompt)
    shares, text_of = meant.served.shares(), meant.served.text_of()
    return _Answer(
        asked=asked,
        order=order,
        events=begun(studies.stream(meant.served, caller, lambda model: write(model, order))),
        shares=shares,
        text_of=text_of,
        id=f"{kind}-{secrets.token_hex(12)}",
        created=int(time.time()),
    )


def _usage(end: Ended) -> Usage:
    return Usage(prompt_tokens=end.asked, completion_tokens=end.written, total_tokens=end.asked + end.written)


def _error(error: MonosemaError) -> OpenAIErrorBody:
    return openai_body(*kind_of(error), str(error), getattr(error, "advice", None))


def _tells_usage(asked: Asked) -> bool:
    return asked.stream_options is not None and asked.stream_options.include_usage


@router.post("/completions", response_model=Completion, responses=streamed(Completion))
def complete(studies: Studies, caller: Asking, asked: CompletionRequest) -> Completion | Response:
    """Go on with a text, steered or not."""
    text = asked.prompt if isinstance(asked.prompt, str) else asked.prompt[0]
    answer = _answer(
        studies, caller, asked, "cmpl", asked.max_tokens, lambda model: model.encode(text) if text else []
    )
    if asked.stream:
        return events_answer(_text_pieces(answer), _error, DONE)
    said, features, end = answer.whole()
    choice = TextChoice(text=said, finish_reason=end.reason, features=features)
    return Completion(**answer.head, choices=[choice], usage=_usage(end))


def _text_pieces(answer: _Answer) -> Iterator[Completion]:
    head = answer.head | {"object": "text_completion"}
    for text, features, end in answer.parts():
        if not (text or features or end):
            continue
        more = {"features": features} if features else {}
        choice = TextChoice(index=0, text=text, finish_reason=end and end.reason, logprobs=None, **more)
        yield Completion(**head, choices=[choice])
        if end is not None and _tells_usage(answer.asked):
            yield Completion(**head, choices=[], usage=_usage(end))


@router.post("/chat/completions", response_model=ChatCompletion, responses=streamed(ChatChunk))
def chat(studies: Studies, caller: Asking, asked: ChatRequest) -> ChatCompletion | Response:
    """Answer in a chat, steered or not."""
    turns = [{"role": turn.role, "content": _text(turn.content)} for turn in asked.messages]
    most = asked.max_completion_tokens or asked.max_tokens
    answer = _answer(studies, caller, asked, "chatcmpl", most, lambda model: model.chat(turns))
    if asked.stream:
        return events_answer(_chat_pieces(answer), _error, DONE)
    said, features, end = answer.whole()
    choice = ChatChoice(message=ChatMessage(content=said), finish_reason=end.reason, features=features)
    return ChatCompletion(**answer.head, choices=[choice], usage=_usage(end))


def _chat_pieces(answer: _Answer) -> Iterator[ChatChunk]:
    head: Mapping[str, Any] = answer.head | {"object": "chat.completion.chunk"}
    first = ChatDelta(role="assistant", content="")
    yield ChatChunk(**head, choices=[ChatPiece(index=0, delta=first, finish_reason=None)])
    for text, features, end in answer.parts():
        if not (text or features or end):
            continue
        more = {"features": features} if features else {}
        delta = ChatDelta(content=text) if text else ChatDelta()
        yield ChatChunk(
            **head, choices=[ChatPiece(index=0, delta=delta, finish_reason=end and end.reason, **more)]
        )
        if end is not None and _tells_usage(answer.asked):
            yield ChatChunk(**head, choices=[], usage=_usage(end))
