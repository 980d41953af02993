"""Text that a model writes for a request, as events: pieces with their tokens, features that fire, the end.

Knows no protocol: `completions.py` and `neuronpedia.py` put the events into theirs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from monosema.errors import UsageError
from monosema.interventions import Changes, FiringsAt, steer_stream
from monosema.models import LanguageModel
from monosema.sae import SAE

T = TypeVar("T")

MOST_TOKENS = 2048
"""Of one answer."""
USUAL_TOKENS = 256
"""Of an answer, at most, where the request does not say."""
SEEDS = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to write."""

    prompt: Callable[[LanguageModel], list[int]]
    """Tokens to go on from."""
    changes: Sequence[Changes] = ()
    watched: SAE | None = None
    """SAE whose features are told at each new token."""
    top: int = 0
    most: int | None = None
    """New tokens at most; None: `USUAL_TOKENS`, or what the context leaves."""
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = field(default_factory=lambda: secrets.randbelow(SEEDS))
    stop: Sequence[str] = ()
    """Texts before the first of which the answer ends."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A token that was written, and the text that is sure now: what may begin a stop text is held back."""

    token: int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The answer is whole."""

    reason: Literal["stop", "length"]
    asked: int
    """Tokens of the prompt."""
    written: int
    """Tokens of the answer."""


Event = Piece | FiringsAt | Ended


def write(model: LanguageModel, order: Order) -> Generator[Event]:
    """Write an answer. Raises `UsageError` before the first event where it cannot be asked for."""
    ids = order.prompt(model)
    if not ids:
        raise UsageError("the prompt is empty; give some words")
    most = order.most or max(1, min(USUAL_TOKENS, model.context - len(ids)))
    held, written, ended = _Held(order.stop), 0, False
    stream = steer_stream(
        model,
        ids,
        order.changes,
        watched=order.watched if order.top else None,
        top=order.top,
        max_new_tokens=most,
        temperature=order.temperature,
        top_p=order.top_p,
        seed=order.seed,
    )
    with closing(stream) as events:
        for one in events:
            if isinstance(one, FiringsAt):
                yield one
                continue
            written += one.token is not None
            yield Piece(token=one.token, text=held.add(one.text))
            if ended := held.met:
                break
    if rest := held.rest():
        yield Piece(token=None, text=rest)
    reason: Literal["stop", "length"] = "length" if written == most and not ended else "stop"
    yield Ended(reason=reason, asked=len(ids), written=written)


class _Held:
    """Holds back what may be the beginning of a stop text."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop, self._text, self.met = [one for one in stop if one], "", False

    def add(self, text: str) -> str:
        """What can be told now."""
        self._text += text
        found = [place for one in self._stop if (place := self._text.find(one)) >= 0]
        if found:
            told, self._text, self.met = self._text[: min(found)], "", True
            return told
        end = len(self._text) - max((self._begun(one) for one in self._stop), default=0)
        told, self._text = self._text[:end], self._text[end:]
        return told

    def _begun(self, stop: str) -> int:
        """Characters at the end of the text with which a stop text begins."""
        longest = min(len(stop) - 1, len(self._text))
        return next((n for n in range(longest, 0, -1) if self._text.endswith(stop[:n])), 0)

    def rest(self) -> str:
        """What was held back and is no stop text."""
        return self._text


def begun(events: Iterator[T]) -> Iterator[T]:
    """The same events, the first of them made already: what is wrong with a request is raised here."""
    first = next(events)

    def all_of_them() -> Iterator[T]:
        yield first
        yield from events

    return all_of_them()
