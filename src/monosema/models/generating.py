"""What a model wrote, and when it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from transformers import GenerationConfig

from monosema.models.quiet import quiet


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
        choice = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": top_p}
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
