"""Losses of texts that go on from prompts; a prompt with many continuations is read once."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monosema.models.cache import growing_cache
from monosema.models.rows import padded


def continued_losses(
    network: Any, prompts: Sequence[Sequence[int]], written: Sequence[Sequence[int]], *, logit_bytes: int
) -> list[Float[Tensor, " t"]]:
    """Loss in nats, float32, of each token of continuations, none of them empty, under a network with a cache.

    Memory: keys and values of the distinct prompts, twice, and `logit_bytes` of logits.
    """
    each = {prompt: row for row, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
    ids, real = (one.to(network.device) for one in padded(list(each), left=True))
    cache = growing_cache(network)
    read = network(
        input_ids=ids,
        attention_mask=real.long(),
        position_ids=(real.long().cumsum(1) - 1).clamp_min(0),
        past_key_values=cache,
        use_cache=True,
        **only_last(network, 1),
    ).logits[:, -1]  # [p, vocabulary]
    found: list[Tensor] = [torch.empty(0)] * len(written)
    for some in _alike(written, logit_bytes // (4 * read.shape[1])):
        new, there = (one.to(network.device) for one in padded([written[n] for n in some], left=False))
        rows = torch.tensor([each[tuple(prompts[n])] for n in some], device=new.device)
        before, own = real[rows], deepcopy(cache)
        own.batch_select_indices(rows)
        logits = network(
            input_ids=new,
            attention_mask=torch.cat([before, torch.ones_like(there)], dim=1).long(),
            position_ids=before.sum(1, keepdim=True) + torch.arange(new.shape[1], device=new.device),
            past_key_values=own,
            use_cache=True,
        ).logits[:, :-1]
        told = torch.cat([read[rows, None], logits], dim=1).float()  # [b, t, vocabulary]
        losses = nn.functional.cross_entropy(told.transpose(1, 2), new, reduction="none").cpu()
        for n, row in zip(some, losses, strict=True):
            found[n] = row[: len(written[n])]
    return found


def only_last(network: Any, positions: int | None) -> dict[str, int]:
    """What to tell a network so that it makes logits of its last positions only; nothing where it cannot."""
    known = positions is not None and "logits_to_keep" in inspect.signature(network.forward).parameters
    return {"logits_to_keep": positions} if known and positions is not None else {}


def _alike(written: Sequence[Sequence[int]], tokens: int) -> Iterator[list[int]]:
    """Numbers of continuations in batches of at most so many tokens, padding included, short ones first."""
    batch: list[int] = []
    for number in sorted(range(len(written)), key=lambda one: len(written[one])):
        if batch and (len(batch) + 1) * len(written[number]) > tokens:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
