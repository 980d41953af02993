"""Rows in tasks: no task has more rows than an index holds in a segment, and none is lost."""

from __future__ import annotations

import pytest

from activations.tiny import HOOK, MemoryTokens, TinyModel
from monosema.activations import LiveRows, Rows
from monosema.errors import UsageError


def live(tokens_per_batch: int, rows_per_task: int) -> LiveRows:
    return LiveRows(
        TinyModel(),
        MemoryTokens(),
        HOOK,
        split="train",
        tokens_per_batch=tokens_per_batch,
        rows_per_task=rows_per_task,
    )


@pytest.mark.parametrize("tokens_per_batch", [9, 30, 40, 1000])
def test_however_large_a_batch_is_a_task_has_no_more_rows_than_it_may(tokens_per_batch: int) -> None:
    source = live(tokens_per_batch, rows_per_task=40)
    found = [
        [(document, position) for rows in source.rows(task) for document, position in places(rows)]
        for task in range(source.tasks)
    ]
    assert all(0 < len(task) <= 40 for task in found)
    everything = [place for task in found for place in task]
    assert len(everything) == len(set(everything)) == source.positions


def places(rows: Rows) -> list[tuple[int, int]]:
    return list(zip(rows.document.tolist(), rows.position.tolist(), strict=True))


def test_a_context_that_no_task_could_hold_is_refused_before_the_model_runs() -> None:
    with pytest.raises(UsageError, match="context is 9; what is indexed is read 8 positions at a time"):
        live(1000, rows_per_task=8)
