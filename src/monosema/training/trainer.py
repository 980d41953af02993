"""The one trainer, for every kind of SAE: stream in, weights updated in place, checkpoints and metrics out.

A run is a pure function of SAE, stream and plan. Killed at any instant and started again with the same three,
it goes on from its last checkpoint and ends with the same bits. It writes no time and no rate anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from monosema.allocator import keep_freed_memory
from monosema.errors import Interrupted, UsageError
from monosema.progress import Progress, SilentProgress
from monosema.sae import SAE
from monosema.training.job import Job, Run, Stream, TrainResult
from monosema.training.plan import TrainPlan


def never() -> bool:
    """No wish to stop."""
    return False


def train(
    sae: SAE,
    stream: Stream,
    plan: TrainPlan,
    *,
    checkpoint: Path | None = None,
    metrics: Path | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] = never,
    device: torch.device | str | None = None,
) -> TrainResult:
    """Train `sae` in place by `plan` and return how it ended: `train_together` of one."""
    job = Job(sae=sae, plan=plan, checkpoint=checkpoint, metrics=metrics)
    return train_together([job], stream, progress=progress, stop=stop, device=device)[0]


def train_together(
    jobs: Sequence[Job],
    stream: Stream,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] = never,
    device: torch.device | str | None = None,
) -> list[TrainResult]:
    """Train several SAEs in place on the same batches, and return how each ended.

    Each gets the bits that it would get alone. Steps are taken on `device`, None: where the first SAE lies; those that
    lie elsewhere get their weights at the end. `progress.update(n, ...)` is called after each step of each, with the
    figures of the last one. When `stop()` is true after a batch, checkpoints are written and `Interrupted` raised.
    Raises `UsageError` where SAEs and plans do not fit, `RefusedError` for a checkpoint of another plan or SAE,
    `DamagedError` for a damaged one, `ActivationError` for a batch that is not finite, and `MonosemaError` where a
    loss explodes; the last good checkpoints then stay.
    """
    if len({job.plan.batch for job in jobs}) != 1:
        raise UsageError(
            "SAEs that are trained together need plans of one batch size, and at least one of them"
        )
    keep_freed_memory()
    device = jobs[0].sae.encoder.device if device is None else device
    runs = [Run(job, stream, device) for job in jobs]
    progress = SilentProgress() if progress is None else progress
    unfinished = [run for run in runs if run.resumed_from < run.plan.steps]
    if not unfinished:
        return [run.result() for run in runs]
    behind = min(unfinished, key=lambda run: run.resumed_from)
    behind.rewind()
    batch, last = jobs[0].plan.batch, max(job.plan.steps for job in jobs)
    for number in range(behind.resumed_from, last):
        x = stream.next(batch).to(device)
        for run in runs:
            if run.resumed_from <= number < run.plan.steps:  # one that was killed later is ahead
                report = run.advance(number, x)
                progress.update(batch, loss=report.loss, l0=report.l0, **run.shown)
        if number + 1 < last and stop():
            for run in runs:
                run.leave(number + 1)
            kept = "go on with the same command"
            if not any(job.checkpoint for job in jobs):
                kept = "nothing was kept: no checkpoint was asked"
            raise Interrupted(f"training stopped at step {number + 1} of {last}; {kept}")
    return [run.result() for run in runs]
