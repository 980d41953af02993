"""Token lists as one padded batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from monosema.errors import UsageError


def padded(lists: Sequence[Sequence[int]], *, left: bool) -> tuple[Int[Tensor, "b s"], Bool[Tensor, "b s"]]:
    """Ids and which of them are real; raise `UsageError` for an empty list."""
    empty = [number for number, one in enumerate(lists) if not one]
    if empty or not lists:
        raise UsageError(f"prompt {empty[0] if empty else 0} holds no token; give some text")
    length = max(len(one) for one in lists)
    ids = torch.zeros(len(lists), length, dtype=torch.int64)
    real = torch.zeros(len(lists), length, dtype=torch.bool)
    for row, one in enumerate(lists):
        place = slice(length - len(one), length) if left else slice(0, len(one))
        ids[row, place], real[row, place] = torch.tensor(one, dtype=torch.int64), True
    return ids, real


def right_padded(real: Bool[Tensor, "b s"]) -> bool:
    """Whether padding stands at the ends of rows only."""
    return bool((real[:, 1:] <= real[:, :-1]).all())
