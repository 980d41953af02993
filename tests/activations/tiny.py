"""A model of random weights and tokens that live in memory: small enough to be computed again the slow way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from monosema.corpora import Batch, Tokens
from monosema.models import HookPoint, LanguageModel, points_of
from monosema.pool import Seat

D, VOCABULARY = 6, 23
HOOK = "resid_post.0"


class TinyModel(LanguageModel):
    """Embedding, a causal mean, and a head that is not linear: two "layers" with the hook point between."""

    def __init__(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.embedding = torch.randn(VOCABULARY, D, generator=generator, dtype=torch.float64).to(dtype) + 0.5
        self.head = 2 * torch.randn(D, VOCABULARY, generator=generator, dtype=torch.float64).to(dtype)
        self.forwards = 0
        self._dtype = dtype

    name = "tiny"
    hash = "0" * 64
    d_model = D

    @property
    def dtype(self) -> torch.dtype:
        return self._dtype

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def width(self, hook: HookPoint | str) -> int:
        return D

    def capture(
        self, ids: Tensor, hooks: Sequence[HookPoint | str], real: Tensor | None = None
    ) -> dict[str, Tensor]:
        self.forwards += 1
        return {str(hook): self.embedding[ids] * (1 + points_of(hook)[-1].layer) for hook in hooks}

    def resume(self, hook: HookPoint | str, x: Tensor, ids: Tensor, real: Tensor | None = None) -> Tensor:
        assert real is not None
        weights = real.to(x.dtype)[..., None]
        mixed = (x * weights).cumsum(1) / weights.cumsum(1).clamp(min=1)
        return torch.tanh(mixed + x) @ self.head


class Killed(BaseException):
    pass


class DyingModel(TinyModel):
    """Dies in its n-th forward pass over more than one token."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def capture(
        self, ids: Tensor, hooks: Sequence[HookPoint | str], real: Tensor | None = None
    ) -> dict[str, Tensor]:
        if self.forwards == self.at:
            self.die()
        return super().capture(ids, hooks, real)

    def die(self) -> None:
        raise Killed


class DeadlyModel(DyingModel):
    """Kills its process instead."""

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class MemoryTokens(Tokens):
    """Documents of random tokens, one a row; token 0 is BOS and excluded."""

    def __init__(self, documents: int = 30, seed: int = 0, longest: int = 9) -> None:
        rng = np.random.default_rng(seed)
        self.rows = {
            split: [
                np.concatenate([[0], rng.integers(1, VOCABULARY - 2, size=rng.integers(2, longest))])
                for _ in range(documents)
            ]
            for split in ("train", "report")
        }
        self.hash = f"{documents}-{seed}"
        self.context = longest

    def count(self, split: str) -> int:
        return sum(len(row) - 1 for row in self.rows[split])

    def n_batches(self, split: str, tokens_per_batch: int) -> int:
        return -(-len(self.rows[split]) // max(1, tokens_per_batch // self.context))

    def batches(
        self,
        split: str,
        tokens_per_batch: int,
        *,
        order: np.random.Generator | None = None,
        start: int = 0,
    ) -> Iterator[Batch]:
        size = max(1, tokens_per_batch // self.context)
        rows = self.rows[split]
        plan = [range(i, min(i + size, len(rows))) for i in range(0, len(rows), size)]
        turns = np.arange(len(plan)) if order is None else order.permutation(len(plan))
        for turn in turns[start:]:
            yield self.batch(split, list(plan[turn]))

    def batch(self, split: str, documents: list[int]) -> Batch:
        rows = [self.rows[split][document] for document in documents]
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.int64)
        real = torch.zeros(len(rows), width, dtype=torch.bool)
        document = torch.full_like(ids, -1)
        position = torch.full_like(ids, -1)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.from_numpy(row)
            real[i, : len(row)] = True
            document[i, : len(row)] = documents[i]
            position[i, 1 : len(row)] = torch.arange(len(row) - 1)
        return Batch(ids=ids, real=real, keep=real & (ids != 0), document=document, position=position)


def written_by(model: TinyModel, seed: int = 0) -> MemoryTokens:
    """Tokens drawn from what the model itself predicts, so that to change its activations does harm."""
    tokens, generator = MemoryTokens(seed=seed), torch.Generator().manual_seed(seed)
    for rows in tokens.rows.values():
        for row in rows:
            for at in range(2, len(row)):
                ids = torch.from_numpy(row[None, :at])
                logits = model.resume(HOOK, model.embedding[ids], ids, torch.ones_like(ids, dtype=torch.bool))
                chances = logits[0, -1, 1:].double().softmax(0)
                row[at] = 1 + int(torch.multinomial(chances, 1, generator=generator))
    return tokens


def opened(seat: Seat) -> tuple[TinyModel, MemoryTokens]:
    """What a worker process opens."""
    return TinyModel(), MemoryTokens()


def opened_with_nan(seat: Seat) -> tuple[TinyModel, MemoryTokens]:
    model = TinyModel()
    model.embedding[7, 2] = float("nan")
    return model, MemoryTokens()


def opened_deadly(seat: Seat) -> tuple[TinyModel, MemoryTokens]:
    return DeadlyModel(3), MemoryTokens()
