"""Which positions a forward pass is at: asked by edits, and followed through cached generation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn


@dataclass(frozen=True)
class Where:
    """The positions of the activations that an edit is given."""

    real: Bool[Tensor, "b s"]
    """False at padding."""
    position: Int[Tensor, "b s"]
    """Offset in its row, counted from 0 over real positions; 0 at padding."""
    new: int | None
    """In generation, how many tokens of the answer had been written before this pass; None outside of it."""


class Passes:
    """Counts the columns that went through the first block, since the last `reset`."""

    def __init__(self, real: Bool[Tensor, "b s"], *, generating: bool) -> None:
        self._real, self._generating = real, generating
        self._begin = self._end = 0

    def advance(self, columns: int) -> None:
        """Note that a pass over the next `columns` columns begins."""
        self._begin, self._end = self._end, self._end + columns

    def where(self, device: torch.device) -> Where:
        """The positions of the pass that runs; tokens written in it count as real."""
        prompt = self._real.shape[1]
        written = self._real.new_ones(len(self._real), max(0, self._end - prompt))
        real = torch.cat([self._real, written], dim=1)[:, : self._end]  # [b, columns so far]
        position = (real.long().cumsum(1) - 1).clamp_min(0)
        columns = slice(self._begin, self._end)
        new = max(0, self._end - prompt) if self._generating else None
        return Where(real[:, columns].to(device), position[:, columns].to(device), new)


@contextmanager
def counting(first: nn.Module, passes: Passes) -> Iterator[None]:
    """Within, each pass through the first block advances `passes`, before any edit is called."""

    def advance(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        x = args[0] if args else kwargs["hidden_states"]
        passes.advance(x.shape[1])

    handle = first.register_forward_pre_hook(advance, prepend=True, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
