"""Activations of kept positions, batch by batch: model + tokens -> rows, several hook points in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.activations.massive import MASSIVE_SAMPLE, ActivationStats, median_norm, row_norms
from monosema.activations.seeds import numpy_generator
from monosema.corpora import Batch, Tokens
from monosema.errors import ActivationError, UsageError
from monosema.models import HookPoint, LanguageModel, canonical_name, points_of


@dataclass(frozen=True, eq=False)
class Rows:
    """Raw activations of the kept positions of one batch at one hook point, on the CPU."""

    x: Float[Tensor, "n d_model"]
    """In the type that the model computes in."""
    document: Int[Tensor, " n"]
    """Number of the document, int32."""
    position: Int[Tensor, " n"]
    """Offset inside the document, int32."""
    token: Int[Tensor, " n"]
    """Token id, int32."""
    norm: Float[Tensor, " n"]
    """Norm of each row, float32."""

    def tensors(self) -> dict[str, Tensor]:
        """The columns by name."""
        return {name: getattr(self, name) for name in COLUMNS}


HARVEST_ORDER = "harvest-order"
"""Stage from which the order of batches is derived, on disk and when only measured."""
COLUMNS = ("x", "document", "position", "token", "norm")


def canonical(hooks: Sequence[HookPoint | str]) -> list[str]:
    """Canonical names of hook points, each once; raise `UsageError` for an unknown one."""
    return list(dict.fromkeys(map(canonical_name, hooks)))


def harvest(
    model: LanguageModel, batches: Iterable[Batch], hooks: Sequence[HookPoint | str]
) -> Iterator[dict[str, Rows]]:
    """Yield, for each batch, the rows of its kept positions at each hook point, in the order of the batch.

    Keys are the hook points' canonical names. Raises `ActivationError` that names hook point, document and
    position of the first activation that is NaN or infinite.
    """
    names = canonical(hooks)
    for batch in batches:
        captured = model.capture(batch.ids, names, batch.real)
        places = (batch.document, batch.position, batch.ids)
        document, position, token = (part[batch.keep].to(torch.int32) for part in places)
        found = {}
        for name in names:
            x = captured[name][batch.keep.to(captured[name].device)].cpu()  # [n, d_model]
            rows = Rows(x, document, position, token, row_norms(x))
            _check_finite(name, rows)
            found[name] = rows
        yield found


def _check_finite(hook: str, rows: Rows) -> None:
    bad = ~torch.isfinite(rows.norm)
    if not bad.any():
        return
    first = int(bad.nonzero()[0])
    what = "NaN" if rows.x[first].isnan().any() else "infinite"
    raise ActivationError(
        f"activations at {hook} are {what} at document {int(rows.document[first])}, "
        f"position {int(rows.position[first])} (token {int(rows.token[first])}); "
        "try dtype float32, or leave the document out"
    )


def measure(
    model: LanguageModel,
    tokens: Tokens,
    hooks: Sequence[HookPoint | str],
    *,
    split: str = "train",
    tokens_per_batch: int,
    seed: int = 0,
    max_positions: int | None = None,
) -> dict[str, ActivationStats]:
    """Statistics of the first kept positions of a split, of each hook point, without keeping activations.

    Batches come in the order of a store that is harvested with the same seed, up to the batch that reaches
    `max_positions`; None: the whole split. Holds at most the rows of the first 50,000 positions, 50,000 x
    d_model x bytes of the type for each hook point, until their median norm is known. Raises `UsageError` where
    the split has no kept position.
    """
    gathered = {name: _Gathering(len(points_of(name))) for name in canonical(hooks)}
    seen = 0
    order = numpy_generator(seed, HARVEST_ORDER)
    for found in harvest(model, tokens.batches(split, tokens_per_batch, order=order), hooks):
        for name, rows in found.items():
            gathered[name].add(rows)
        seen += len(next(iter(found.values())).norm)
        if max_positions is not None and seen >= max_positions:
            break
    if not seen:
        raise UsageError(f"split {split} has no position that is kept; give more text")
    return {name: gathering.finish() for name, gathering in gathered.items()}


class _Gathering:
    """Statistics in the making: rows are held until the first 50,000 norms give the median."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._held: list[Rows] = []
        self._count = 0
        self._stats: ActivationStats | None = None

    def add(self, rows: Rows) -> None:
        if self._stats is not None:
            self._stats = self._stats.merge(
                ActivationStats.of(rows.x, rows.norm, median=self._stats.median_norm, places=self._places)
            )
            return
        self._held.append(rows)
        self._count += len(rows.norm)
        if self._count >= MASSIVE_SAMPLE:
            self.finish()

    def finish(self) -> ActivationStats:
        if self._stats is None:
            median = median_norm(torch.cat([rows.norm for rows in self._held]))
            held, self._held = self._held, []
            for rows in held:
                block = ActivationStats.of(rows.x, rows.norm, median=median, places=self._places)
                self._stats = block if self._stats is None else self._stats.merge(block)
        assert self._stats is not None
        return self._stats
