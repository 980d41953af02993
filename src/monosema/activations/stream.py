"""Streams of activations that training reads: from a store, exactly shuffled, or on the fly through a buffer.

Both give raw float32 activations of kept, unmassive positions, endlessly: each pass over the data is in another
order. Both go on to the bit from a saved state. They know models and tokens, not SAEs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.activations.buffer import SwapBuffer
from monosema.activations.harvest import Rows, canonical, harvest
from monosema.activations.massive import ActivationStats
from monosema.activations.scatter import BUCKET_BYTES, bucket_by_bucket, drawn_buckets
from monosema.activations.seeds import numpy_generator, torch_generator
from monosema.activations.store import ActivationStore
from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.models import HookPoint, LanguageModel

BUFFER_ROWS = 1 << 18


@runtime_checkable
class ActivationStream(Protocol):
    """An endless stream of raw activations."""

    @property
    def d_model(self) -> int:
        """Width of the activations."""

    @property
    def total(self) -> int:
        """Positions in one pass."""

    def next(self, n: int) -> Float[Tensor, "n d_model"]:
        """The next `n` rows, float32; a new pass begins where one ends."""

    def state(self) -> dict[str, Tensor]:
        """Everything that decides what comes next."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave, to the bit."""


class StoreStream:
    """Unmassive rows of a store; every pass is an exact uniform permutation drawn from (seed, pass).

    A store of more than `bucket_bytes` is read bucket by bucket (`scatter.py`), so that a pass reads each byte once
    and in stretches. Memory: 16 bytes a row of the store, 40 more while a pass begins, and one bucket: in the page
    cache where the store is on a disk, in the store itself (`ActivationStore`) where it is at a URL. The state is two
    numbers: pass and position in it.
    """

    def __init__(
        self, store: ActivationStore, stats: ActivationStats, seed: int, *, bucket_bytes: int = BUCKET_BYTES
    ) -> None:
        """`stats` sets which rows are massive: those of the store, or of the store that an SAE began with."""
        self._store, self._seed = store, seed
        self._places = store.places
        self._buckets = 1 if self._places is None else -(-store.x_bytes // bucket_bytes)
        self._usual = store.usual_rows(stats)
        if not len(self._usual):
            raise UsageError(f"{store.folder} has no unmassive position; harvest more text")
        self._begin(0, 0)

    @property
    def d_model(self) -> int:
        """Width of the activations."""
        return self._store.d_model

    @property
    def total(self) -> int:
        """Positions in one pass."""
        return len(self._usual)

    def next(self, n: int) -> Float[Tensor, "n d_model"]:
        """The next `n` rows."""
        found = []
        while n > 0:
            if self._position == self.total:
                self._begin(self._pass + 1, 0)
            if self._position == self._ready:
                self._begin_bucket()
            part = self._order[self._position : min(self._position + n, self._ready)]
            found.append(self._store.rows(self._usual[part]))
            self._position += len(part)
            n -= len(part)
        if not found:
            return self._store.rows(self._usual[:0])
        return found[0] if len(found) == 1 else torch.cat(found)

    def state(self) -> dict[str, Tensor]:
        """Pass and position."""
        return {"pass": torch.tensor(self._pass), "position": torch.tensor(self._position)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved pass and position."""
        if not 0 <= int(state["position"]) <= self.total:
            raise UsageError(
                f"the saved stream stands at position {int(state['position'])} of a pass; this one has "
                f"{self.total}: resume with the same store"
            )
        self._begin(int(state["pass"]), int(state["position"]))

    def _begin(self, number: int, position: int) -> None:
        self._pass = number
        self._position = self._ready = position  # rows up to `_ready` are in buckets that were begun
        generator = torch_generator(self._seed, "store-stream", number)
        if self._places is None or self._buckets == 1:
            self._order = torch.randperm(self.total, generator=generator)
            self._ends = torch.tensor([self.total])
            return
        buckets = drawn_buckets(self._places, self._buckets, generator)[self._usual]
        self._order = bucket_by_bucket(buckets, generator)
        self._ends = buckets.bincount(minlength=self._buckets).cumsum(0)  # where each bucket ends

    def _begin_bucket(self) -> None:
        """Make the rest of the bucket at this position ready."""
        bucket = int(torch.searchsorted(self._ends, self._position, right=True))
        self._ready = int(self._ends[bucket])
        if self._buckets > 1:
            self._store.expect(self._usual[self._order[self._position : self._ready]])


class LiveStream:
    """Harvest on the fly, shuffled in constant memory by a swap buffer.

    Documents come in another order each pass. Memory: `buffer_rows` x d_model in the model's type, and one
    batch. The state is the buffer, rows that were handed out by it but not yet asked for, and the cursor.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokens: Tokens,
        hook: HookPoint | str,
        stats: ActivationStats,
        *,
        split: str = "train",
        tokens_per_batch: int,
        buffer_rows: int = BUFFER_ROWS,
        seed: int,
    ) -> None:
        """`stats` of this hook point, as `measure` gives them, set which positions are massive."""
        self._model, self._tokens, self._stats = model, tokens, stats
        self._hook = canonical([hook])[0]
        self._split, self._tokens_per_batch, self._seed = split, tokens_per_batch, seed
        self._total = round(tokens.count(split) * (1 - stats.massive_share))
        if not self._total:
            raise UsageError(f"split {split} has no unmassive position that is kept; give more text")
        self._buffer = SwapBuffer(
            min(buffer_rows, self._total),
            stats.d_model,
            dtype=model.dtype,
            generator=torch_generator(seed, "live-stream"),
        )
        self._ready = torch.empty(0, stats.d_model, dtype=model.dtype)
        self._begin(0, 0)

    @property
    def d_model(self) -> int:
        """Width of the activations."""
        return self._stats.d_model

    @property
    def total(self) -> int:
        """Positions in one pass: the kept ones less the share that `stats` found massive."""
        return self._total

    def next(self, n: int) -> Float[Tensor, "n d_model"]:
        """The next `n` rows; runs the model as often as it takes."""
        parts, ready = [self._ready], len(self._ready)
        while ready < n:
            parts.append(self._buffer.push(self._harvested()))
            ready += len(parts[-1])
        rows = torch.cat(parts)
        self._ready = rows[n:].clone()
        return rows[:n].float()

    def state(self) -> dict[str, Tensor]:
        """Buffer, generator, rows that are ready, and the cursor in the tokens."""
        cursor = {"pass": torch.tensor(self._pass), "batch": torch.tensor(self._batch)}
        buffer = {f"buffer_{name}": tensor for name, tensor in self._buffer.state().items()}
        return cursor | buffer | {"ready": self._ready.clone()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave, to the bit."""
        prefix = "buffer_"
        self._buffer.load(
            {name.removeprefix(prefix): part for name, part in state.items() if name.startswith(prefix)}
        )
        self._ready = state["ready"].clone()
        self._begin(int(state["pass"]), int(state["batch"]))

    def _begin(self, number: int, batch: int) -> None:
        self._pass, self._batch = number, batch
        order = numpy_generator(self._seed, "live-order", number)
        batches = self._tokens.batches(self._split, self._tokens_per_batch, order=order, start=batch)
        self._source: Iterator[dict[str, Rows]] = harvest(self._model, batches, [self._hook])

    def _harvested(self) -> Float[Tensor, "n d_model"]:
        found = next(self._source, None)
        if found is None:
            if self._batch == 0:
                raise UsageError(f"split {self._split} has no batch; give more text")
            self._begin(self._pass + 1, 0)
            return self._harvested()
        self._batch += 1
        rows = found[self._hook]
        return rows.x[rows.norm <= self._stats.massive_threshold]
