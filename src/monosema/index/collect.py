"""The first pass: encode rows and write their postings, one segment a task; whole segments are never made again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from monosema.activations import Rows, RowSource
from monosema.allocator import give_back_freed_memory
from monosema.errors import DamagedError
from monosema.index.segment import Segment, files_of, read_segments, write_segment
from monosema.kernels import SparseActs
from monosema.pool import Crew, run_tasks
from monosema.progress import Progress, Reporter
from monosema.sae import SAE


def collect(
    folder: Path,
    sae: SAE,
    source: RowSource,
    reporter: Reporter,
    crew: Crew[tuple[SAE, RowSource]] | None = None,
) -> list[Segment]:
    """Write the missing segments of a source and return all of them.

    Those that are there are read once and held against their hashes; one that was changed or cut is written again, and
    so is a table that is not what its segment says. Massive rows are kept as places at which nothing fires, so that
    contexts have no holes. Memory: the pairs of one task, about 100 bytes each, and the pre-activations of one
    `encode`; with a `crew`, whose workers open the same autoencoder and source for themselves, as much in each of them.
    The bytes are the same.
    """
    folder.mkdir(exist_ok=True)
    whole = [_whole_positions(folder, task) for task in range(source.tasks)]
    tasks = [SegmentTask(folder, task) for task, positions in enumerate(whole) if positions is None]
    with reporter.stage("index", source.positions, done=sum(filter(None, whole))) as progress:
        if crew is None or len(tasks) < 2:
            for task in tasks:
                _collect((sae, source), task, progress)
        else:
            run_tasks(tasks, _collect, crew, progress)
    return read_segments(folder)


def _whole_positions(folder: Path, task: int) -> int | None:
    """Positions of a segment that is as it was written, its table too; None for one that is missing or damaged."""
    if not files_of(folder, task)[1].is_file():
        return None
    try:
        segment = Segment(folder, task, 0)
        segment.verify()
        segment.write_part()
    except DamagedError:
        return None
    return segment.record.positions


@dataclass(frozen=True)
class SegmentTask:
    """One segment, to be written into a folder."""

    folder: Path
    number: int

    def __str__(self) -> str:
        return f"segment {self.number} of the index"


def _collect(opened: tuple[SAE, RowSource], task: SegmentTask, progress: Progress) -> None:
    collect_task(task.folder, *opened, task.number, progress)
    give_back_freed_memory()  # passes of many shapes would split the heap further with each task


def collect_task(
    folder: Path, sae: SAE, source: RowSource, task: int, progress: Progress | None = None
) -> None:
    """Write the segment of one task, whoever made the others."""
    folder.mkdir(exist_ok=True)
    parts, places = [], []
    for rows in source.rows(task):
        parts.append(encode_usual(sae, rows))
        places.append(torch.stack([rows.document, rows.position, rows.token], dim=1))
        if progress is not None:
            progress.update(len(rows.norm))
    write_segment(folder, task, SparseActs.cat(parts), torch.cat(places).numpy().astype(np.int32))


def encode_usual(sae: SAE, rows: Rows) -> SparseActs:
    """Activations of all rows, none at massive ones."""
    acts = sae.encode(rows.x.float()).to("cpu")
    usual = rows.norm <= sae.massive
    return acts if bool(usual.all()) else acts.where(usual[acts.rows()])
