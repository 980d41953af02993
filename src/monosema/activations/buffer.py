"""Shuffling in constant memory: a swap buffer (performance.md 4.1).

For a block of n new rows, n distinct places are drawn, what lies there is handed out, and the new rows are put
in. O(n) a block whatever the capacity, one allocation, and a generator of its own: its state is the buffer, how
much of it is filled, and the generator.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.errors import UsageError


class SwapBuffer:
    """A buffer of `capacity` rows that hands out as many rows as it takes, once it is full."""

    def __init__(
        self, capacity: int, d_model: int, *, dtype: torch.dtype, generator: torch.Generator
    ) -> None:
        if capacity < 1:
            raise UsageError(f"the shuffle buffer has {capacity} rows; expected 1 or more")
        self._rows = torch.zeros(capacity, d_model, dtype=dtype)
        self._filled = 0
        self._generator = generator

    @property
    def capacity(self) -> int:
        """Rows that it can hold."""
        return len(self._rows)

    @property
    def filled(self) -> int:
        """Rows that it holds."""
        return self._filled

    def push(self, rows: Float[Tensor, "n d_model"]) -> Float[Tensor, "m d_model"]:
        """Take a block of new rows; hand out rows drawn at random, none until the buffer is full."""
        room = min(self.capacity - self._filled, len(rows))
        self._rows[self._filled : self._filled + room] = rows[:room]
        self._filled += room
        rest = rows[room:].to(self._rows.dtype)
        if len(rest) <= self.capacity:
            return self._swap(rest)
        return torch.cat([self._swap(part) for part in rest.split(self.capacity)])

    def drain(self) -> Float[Tensor, "m d_model"]:
        """Hand out all that it holds, in random order, and be empty."""
        order = torch.randperm(self._filled, generator=self._generator)
        self._filled = 0
        return self._rows[order]

    def state(self) -> dict[str, Tensor]:
        """Everything that decides what it hands out next; tensors that later pushes don't touch."""
        return {
            "rows": self._rows.clone(),
            "filled": torch.tensor(self._filled),
            "generator": self._generator.get_state(),
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave, to the bit."""
        if state["rows"].shape != self._rows.shape or state["rows"].dtype != self._rows.dtype:
            raise UsageError(
                f"the saved shuffle buffer is {tuple(state['rows'].shape)} of {state['rows'].dtype}; "
                f"expected {tuple(self._rows.shape)} of {self._rows.dtype}: resume with the same settings"
            )
        self._rows.copy_(state["rows"])
        self._filled = int(state["filled"])
        self._generator.set_state(state["generator"])

    def _swap(self, rows: Float[Tensor, "n d_model"]) -> Float[Tensor, "n d_model"]:
        places = distinct(len(rows), self.capacity, self._generator)
        out = self._rows.index_select(0, places)
        self._rows.index_copy_(0, places, rows)
        return out


def distinct(n: int, below: int, generator: torch.Generator) -> Int[Tensor, " {n}"]:
    """`n` distinct integers in 0 .. below - 1 in random order, each ordered choice equally likely.

    The first n distinct values of a uniform sequence are such a choice: O(n log n) where n is far below `below`.
    """
    if 4 * n >= below:
        return torch.randperm(below, generator=generator)[:n]
    drawn = torch.empty(0, dtype=torch.int64)
    while True:
        more = torch.randint(below, (n + n // 4 + 8,), generator=generator)
        drawn = torch.cat([drawn, more])
        values, place = drawn.unique(return_inverse=True)
        first = torch.full((len(values),), len(drawn))
        first.scatter_reduce_(0, place, torch.arange(len(drawn)), "amin")
        if len(values) >= n:
            return drawn[first.sort().values[:n]]
