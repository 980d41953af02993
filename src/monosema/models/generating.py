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

CANDIDATES = 1024


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


class Nucleus(LogitsProcessor):
    """Temperature and top-p: what is not among the likeliest tokens that together reach top_p becomes impossible.

    transformers' own sorts the whole vocabulary at every token, which takes as long as a small model's layers; here
    the likeliest `CANDIDATES` are ranked, and everything only where they do not reach top_p.
    """

    def __init__(self, temperature: float, top_p: float) -> None:
        self._temperature, self._top_p = temperature, top_p

    def __call__(
        self, input_ids: Int[Tensor, "b s"], scores: Float[Tensor, "b vocabulary"]
    ) -> Float[Tensor, "b vocabulary"]:
        """Scores of the next token, -inf for impossible ones."""
        scores = scores / self._temperature
        if self._top_p >= 1:
            return scores
        return self._nucleus(scores, min(CANDIDATES, scores.shape[1]))

    def _nucleus(self, scores: Float[Tensor, "b vocabulary"], among: int) -> Float[Tensor, "b vocabulary"]:
        best = scores.topk(among, dim=1)  # [b, among], likeliest first
        reached = (best.values - scores.logsumexp(1, keepdim=True)).exp().cumsum(1)
        if among < scores.shape[1] and bool((reached[:, -1] < self._top_p).any()):
            return self._nucleus(scores, scores.shape[1])
        before = torch.cat([torch.zeros_like(reached[:, :1]), reached[:, :-1]], dim=1)
        values = best.values.masked_fill(before >= self._top_p, -torch.inf)
        return torch.full_like(scores, -torch.inf).scatter_(1, best.indices, values)


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
    choice: dict[str, Any] = {"do_sample": False}
    if temperature > 0:
        sampling = LogitsProcessorList([Nucleus(temperature, top_p)])
        choice = {"do_sample": True, "top_k": 0, "logits_processor": sampling}
    devices = [ids.device] if ids.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), quiet():
        torch.manual_seed(seed)
        out = network.generate(
            input_ids=ids,
            attention_mask=real.long(),
            max_new_tokens=max_new_tokens,
            eos_token_id=list(ends) or None,
            pad_token_id=ends[0] if ends else 0,
            **choice,
        )
    new = ([int(token) for token in row] for row in out[:, ids.shape[1] :])
    return [list(takewhile(lambda token: token not in ends, row)) for row in new]
