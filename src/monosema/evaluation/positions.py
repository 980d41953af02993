"""The positions that an evaluation is over: rows of a split up to a number of kept positions, and their masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monosema.activations import numpy_generator
from monosema.corpora import Batch, Tokens
from monosema.models import LanguageModel
from monosema.sae import SAE


@dataclass(frozen=True, eq=False)
class Captured:
    """A batch with its activations at the SAE's hook point, or points."""

    batch: Batch
    x: Float[Tensor, "b s row"]
    """Raw rows, in the model's type, on its device."""
    usual: Bool[Tensor, "b s"]
    """Kept and not massive: the positions that are measured and touched."""
    massive: Bool[Tensor, "b s"]
    """Kept and massive."""


def limited(batches: Iterator[Batch], positions: int) -> Iterator[Batch]:
    """The first rows of `batches`, up to the row that reaches so many kept positions, however they are cut."""
    for batch in batches:
        if positions <= 0:
            return
        counts = batch.keep.sum(1).cumsum(0)  # [b]
        rows = min(len(counts), int(torch.searchsorted(counts, positions)) + 1)
        positions -= int(counts[rows - 1])
        yield replace(
            batch,
            ids=batch.ids[:rows],
            real=batch.real[:rows],
            keep=batch.keep[:rows],
            document=batch.document[:rows],
            position=batch.position[:rows],
        )


def capture(
    model: LanguageModel,
    sae: SAE,
    tokens: Tokens,
    *,
    split: str,
    tokens_per_batch: int,
    positions: int,
    seed: int,
) -> Iterator[Captured]:
    """Yield batches of a split with their activations, up to so many kept positions; runs no layer above.

    Batches come in an order drawn from the seed, so that a part of a split is a fair sample of it.
    """
    hook = sae.place
    order = numpy_generator(seed, f"evaluation-order-{split}")
    for batch in limited(tokens.batches(split, tokens_per_batch, order=order), positions):
        x = model.capture(batch.ids, [hook], batch.real)[hook]
        massive = sae.massive_mask(x.float()).cpu()
        yield Captured(batch, x, usual=batch.keep & ~massive, massive=batch.keep & massive)
