"""How a split is cut into batches and shards: from the tokens alone, so that nobody's result decides another's task."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from monosema.activations.harvest import HARVEST_ORDER
from monosema.activations.seeds import numpy_generator
from monosema.activations.shards import Lossy
from monosema.corpora import Tokens
from monosema.errors import UsageError

SHARD_BYTES = 32 << 20
"""Size that a shard of the widest hook point should have, about: a kill costs at most one."""


@dataclass(frozen=True, kw_only=True)
class HarvestPlan:
    """How a split is cut into batches and shards: frozen before the first one is made."""

    split: str = "train"
    """Which documents."""
    tokens_per_batch: int
    """Tokens of one forward pass, padding among them."""
    batches_per_shard: int
    """Batches that make one shard."""
    max_positions: int | None = None
    """Stop with the batch that reaches so many kept positions; None: the whole split."""
    seed: int = 0
    """Seed of the order of batches (tokens put rows of one length together, so that only batches in random
    order begin with a fair sample) and of where activations stand in a shard."""
    lossy: Lossy = None
    """int8: keep each row as 8-bit steps and a scale; None: as the model computes it, fp32, bf16 or fp16."""

    def __post_init__(self) -> None:
        """Raise `UsageError` for sizes below 1."""
        for name in ("tokens_per_batch", "batches_per_shard", "max_positions"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; expected 1 or more")


def plan_harvest(
    d_model: int,
    dtype: torch.dtype,
    *,
    tokens_per_batch: int,
    split: str = "train",
    seed: int = 0,
    max_positions: int | None = None,
    lossy: Lossy = None,
) -> HarvestPlan:
    """Plan with shards of about 32 MB for the widest hook point, `d_model`, in the type that is kept."""
    batch = tokens_per_batch * d_model * (dtype.itemsize if lossy is None else 1)
    return HarvestPlan(
        split=split,
        tokens_per_batch=tokens_per_batch,
        batches_per_shard=max(1, SHARD_BYTES // batch),
        max_positions=max_positions,
        seed=seed,
        lossy=lossy,
    )


def kept_positions(tokens: Tokens, plan: HarvestPlan) -> int:
    """Kept positions that are asked for: a harvest ends with the batch that reaches them."""
    whole = tokens.count(plan.split)
    return whole if plan.max_positions is None else min(whole, plan.max_positions)


def batches_used(tokens: Tokens, plan: HarvestPlan) -> int:
    """Batches up to the one with which a harvest ends, in its order. Reads tokens, runs no model.

    The whole split ends with its last batch that has a kept position, which is found from the end.
    """
    left = kept_positions(tokens, plan)
    if left == tokens.count(plan.split):
        used = tokens.n_batches(plan.split, plan.tokens_per_batch)
        while used and not _kept(tokens, plan, used - 1):
            used -= 1
        return used
    order = numpy_generator(plan.seed, HARVEST_ORDER)
    for number, batch in enumerate(tokens.batches(plan.split, plan.tokens_per_batch, order=order)):
        left -= int(batch.keep.sum())
        if left <= 0:
            return number + 1
    return 0


def _kept(tokens: Tokens, plan: HarvestPlan, number: int) -> int:
    """Kept positions of one batch."""
    order = numpy_generator(plan.seed, HARVEST_ORDER)
    batch = next(tokens.batches(plan.split, plan.tokens_per_batch, order=order, start=number))
    return int(batch.keep.sum())
