"""What a model wrote, and when it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from monosema.models.quiet import quiet

CANDIDATES = 256


@dataclass(frozen=True)
class Generated:
    """What the model wrote."""

    texts: list[str]
    """Continuations without special tokens."""
    ids: list[list[int]]
    """Their tokens, up to and without the end token."""


def end_tokens(network: Any, config: Any) -> list[int]:
    """Tokens that end a text; what else the folder advises on generating is dropped from the network."""
    advised = getattr(network, "generation_config", None)
    listed = [getattr(advised, "eos_token_id", None), getattr(config, "eos_token_id", None)]
    ends = sorted(
        {end for one in listed if one is not None for end in (one if isinstance(one, list) else [one])}
    )
    network.generation_config = GenerationConfig(
        eos_token_id=ends or None, pad_token_id=ends[0] if ends else 0
    )
    return ends


class Sample(LogitsProcessor):
    """Draw the next token at a temperature among the likeliest tokens that together reach top_p.

    Leaves the drawn token as the only possible one, so that the greedy choice takes it. transformers' own sampling
    sorts the whole vocabulary and draws noise for all of it at every token, which takes as long as a small model's
    layers; here the likeliest `CANDIDATES` are ranked, more only for the rows in which they do not reach top_p.
    """

    def __init__(self, temperature: float, top_p: float) -> None:
        self._temperature, self._top_p = temperature, top_p

    def __call__(
        self, input_ids: Int[Tensor, "b s"], scores: Float[Tensor, "b vocabulary"]
    ) -> Float[Tensor, "b vocabulary"]:
        """Scores of the next token: 0 for the drawn one, -inf for all others."""
        scores = scores.float() / self._temperature
        drawn = self._drawn(scores, CANDIDATES if self._top_p < 1 else scores.shape[1])
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn[:, None], 0.0)

    def _drawn(self, scores: Float[Tensor, "b vocabulary"], among: int) -> Int[Tensor, " b"]:
        among = min(among, scores.shape[1])
        chances, tokens = likeliest(scores, among)
        drawn = tokens.gather(1, torch.multinomial(self._nucleus(chances), 1))[:, 0]
        short = (chances.sum(1) < self._top_p) if among < scores.shape[1] else torch.zeros_like(drawn).bool()
        if bool(short.any()):
            drawn[short] = self._drawn(scores[short], 16 * among)
        return drawn

    def _nucleus(self, chances: Float[Tensor, "b among"]) -> Float[Tensor, "b among"]:
        before = chances.cumsum(1) - chances
        return chances.masked_fill((before >= self._top_p) & (before > 0), 0.0)


def likeliest(
    scores: Float[Tensor, "b vocabulary"], among: int
) -> tuple[Float[Tensor, "b among"], Int[Tensor, "b among"]]:
    """Probabilities, falling, and tokens of the likeliest `among`."""
    best = scores.topk(among, dim=1)
    return (best.values - scores.logsumexp(1, keepdim=True)).exp(), best.indices


def continue_ids(
    network: Any,
    ids: Int[Tensor, "b s"],
    real: Bool[Tensor, "b s"],
    *,
    ends: Sequence[int],
    max_new_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
) -> list[list[int]]:
    """New tokens of each row, padded on the left, up to and without the first of `ends`."""
    sampling = LogitsProcessorList([Sample(temperature, top_p)] if temperature > 0 else [])
    devices = [ids.device] if ids.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), quiet():
        torch.manual_seed(seed)
        out = network.generate(
            input_ids=ids,
            attention_mask=real.long(),
            max_new_tokens=max_new_tokens,
            eos_token_id=list(ends) or None,
            pad_token_id=ends[0] if ends else 0,
            do_sample=False,
            logits_processor=sampling,
        )
    new = ([int(token) for token in row] for row in out[:, ids.shape[1] :])
    return [list(takewhile(lambda token: token not in ends, row)) for row in new]
