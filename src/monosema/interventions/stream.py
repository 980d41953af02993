"""Steered text as it is written: token by token, with the features that fire at each."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from monosema.interventions.edits import Edit, Steering
from monosema.models import EditFn, LanguageModel, NewToken
from monosema.sae import SAE


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Edits of the features of one SAE."""

    sae: SAE
    edits: Sequence[Edit]
    spared: Sequence[int] = ()
    """Positions of the prompt that stay as they are."""

    def on(self, model: LanguageModel) -> AbstractContextManager[None]:
        """Within, the model is edited, for one run."""
        hooks = Steering(self.sae, self.edits).hooks
        return model.edit({hook: self._sparing(fn) if self.spared else fn for hook, fn in hooks.items()})

    def _sparing(self, fn: EditFn) -> EditFn:
        spared = list(self.spared)

        def act(x: Float[Tensor, "1 s row"]) -> Float[Tensor, "1 s width"]:
            new, here = fn(x), spared.copy()
            spared.clear()  # the next calls are new tokens
            old = x[..., -new.shape[-1] :]
            if here:
                new = new.clone()
                new[:, here] = old[:, here]
            return new

        return act


@dataclass(frozen=True, kw_only=True)
class FiringsAt:
    """The strongest features at a token that was written."""

    place: int
    """Which new token, from 0."""
    features: list[int]
    """Largest activation first; none at special tokens and massive positions."""
    activations: list[float]
    """Of each."""


def steer_stream(
    model: LanguageModel,
    prompt: Sequence[int],
    changes: Sequence[Changes] = (),
    *,
    watched: SAE | None = None,
    top: int = 5,
    max_new_tokens: int = 64,
    temperature: float = 0.7,
    top_p: float = 0.95,
    seed: int = 0,
) -> Generator[NewToken | FiringsAt]:
    """What `steer` writes after one prompt, each token as soon as it is chosen.

    With `watched`, the `top` strongest features of that SAE at each new token follow the token: they are read from the
    pass in which the model reads it, after the edits, and the last token is read for their sake. While a token is
    asked for the model belongs to this stream; closing the stream takes the edits off. Raises as `steer` does.
    """
    for sae in [one.sae for one in changes] + ([] if watched is None else [watched]):
        sae.check_model(model.name, model.hash)
    watch = None if watched is None else _Watch(watched, top)
    special = set(model.tokenizer.all_special_ids)
    tokens: list[int] = []
    told = 0
    with ExitStack() as stack:
        for one in changes:
            stack.enter_context(one.on(model))
        if watched is not None and watch is not None:  # after the edits: it sees what they made
            stack.enter_context(model.edit({watched.place: watch}))
        for new in model.stream(
            prompt,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            read_last=watch is not None,
        ):
            yield from _firings(watch, told, tokens, special)
            told = len(tokens)
            tokens += [] if new.token is None else [new.token]
            yield new
    yield from _firings(watch, told, tokens, special)


class _Watch:
    """Keeps the strongest features at the last position of each pass but the prompt's."""

    def __init__(self, sae: SAE, top: int) -> None:
        self._sae, self._top, self._prompt = sae, top, True
        self.found: list[tuple[list[int], list[float]]] = []

    def __call__(self, x: Float[Tensor, "1 s row"]) -> Float[Tensor, "1 s d_model"]:
        if not self._prompt:
            self.found.append(self._strongest(x[:, -1].float()))
        self._prompt = False
        return self._sae.target(x)

    def _strongest(self, x: Float[Tensor, "1 row"]) -> tuple[list[int], list[float]]:
        if bool(self._sae.massive_mask(x)):
            return [], []
        acts = self._sae.encode(x)
        best = acts.values.argsort(descending=True, stable=True)[: self._top]
        return acts.indices[best].tolist(), acts.values[best].tolist()


def _firings(
    watch: _Watch | None, told: int, tokens: Sequence[int], special: set[int]
) -> Iterator[FiringsAt]:
    """Of the tokens from `told` on whose passes are over."""
    if watch is None:
        return
    for place in range(told, min(len(tokens), len(watch.found))):
        features, activations = ([], []) if tokens[place] in special else watch.found[place]
        yield FiringsAt(place=place, features=features, activations=activations)
