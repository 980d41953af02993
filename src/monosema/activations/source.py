"""Rows of activations in numbered tasks: what an index collects from, out of a store or straight from the model.

A task always gives the same rows, so that collecting can stop after any of them, go on, or be shared out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol, runtime_checkable

import torch

from monosema.activations.harvest import COLUMNS, Rows, canonical, harvest
from monosema.activations.store import ActivationStore
from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.models import HookPoint, LanguageModel

ROWS_PER_TASK = 1 << 16
ROWS_AT_ONCE = 1 << 12


@runtime_checkable
class RowSource(Protocol):
    """Where rows come from."""

    @property
    def tasks(self) -> int:
        """How many tasks there are."""

    @property
    def positions(self) -> int:
        """Rows of all tasks."""

    def rows(self, task: int) -> Iterator[Rows]:
        """The rows of one task, a few thousand at a time."""


class StoreRows:
    """Rows of a store, in its order."""

    def __init__(self, store: ActivationStore, rows_per_task: int = ROWS_PER_TASK) -> None:
        self._store, self._per_task = store, rows_per_task
        self._columns = {name: store.column(name) for name in COLUMNS if name != "x"}

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return -(-len(self._store) // self._per_task)

    @property
    def positions(self) -> int:
        """Rows of the store."""
        return len(self._store)

    def rows(self, task: int) -> Iterator[Rows]:
        """The rows of one task."""
        end = min((task + 1) * self._per_task, len(self._store))
        for begin in range(task * self._per_task, end, ROWS_AT_ONCE):
            some = slice(begin, min(begin + ROWS_AT_ONCE, end))
            x = self._store.rows(torch.arange(some.start, some.stop))
            yield Rows(x=x, **{name: column[some] for name, column in self._columns.items()})


class LiveRows:
    """Rows of a split, harvested as they are asked for, in the order of its batches.

    Raises `UsageError` where one context alone is more than a task holds.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokens: Tokens,
        hook: HookPoint | str,
        *,
        split: str,
        tokens_per_batch: int,
        rows_per_task: int = ROWS_PER_TASK,
    ) -> None:
        """`rows_per_task`: most rows of a task, and therefore most tokens of a batch."""
        if tokens.context > rows_per_task:
            raise UsageError(
                f"context is {tokens.context}; what is indexed is read {rows_per_task} positions at a time: "
                "lower context"
            )
        self._model, self._tokens, self._hook = model, tokens, canonical([hook])[0]
        self._split, self._tokens_per_batch = split, min(tokens_per_batch, rows_per_task)
        self._batches = rows_per_task // self._tokens_per_batch

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return -(-self._tokens.n_batches(self._split, self._tokens_per_batch) // self._batches)

    @property
    def positions(self) -> int:
        """Kept positions of the split."""
        return self._tokens.count(self._split)

    def rows(self, task: int) -> Iterator[Rows]:
        """The rows of one task."""
        batches = self._tokens.batches(self._split, self._tokens_per_batch, start=task * self._batches)
        for found in harvest(self._model, islice(batches, self._batches), [self._hook]):
            yield found[self._hook]


class JoinedRows:
    """Rows of several sources, one after the other; documents are numbered on as in `JoinedTokens`."""

    def __init__(self, sources: Sequence[RowSource], starts: Sequence[int]) -> None:
        """`starts`: number of the first document of each source."""
        self._sources, self._starts = list(sources), list(starts)

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return sum(source.tasks for source in self._sources)

    @property
    def positions(self) -> int:
        """Rows of all tasks."""
        return sum(source.positions for source in self._sources)

    def rows(self, task: int) -> Iterator[Rows]:
        """The rows of one task."""
        for source, start in zip(self._sources, self._starts, strict=True):
            if task < source.tasks:
                for rows in source.rows(task):
                    yield replace(rows, document=rows.document + start)
                return
            task -= source.tasks
