"""The first pass: encode rows and write their postings, one segment a task; finished segments are never made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from monosema.activations import Rows, RowSource
from monosema.index.segment import Segment, read_segments, write_segment
from monosema.kernels import SparseActs
from monosema.progress import Progress, Reporter
from monosema.sae import SAE


def collect(folder: Path, sae: SAE, source: RowSource, reporter: Reporter) -> list[Segment]:
    """Write the missing segments of a source and return all of them.

    Massive rows are kept as places at which nothing fires, so that contexts have no holes. Memory: the pairs of
    one task, about 100 bytes each, and the pre-activations of one `encode`.
    """
    done = read_segments(folder)
    seen = sum(segment.record.positions for segment in done)
    with reporter.stage("index", source.positions, done=seen) as progress:
        for task in range(len(done), source.tasks):
            collect_task(folder, sae, source, task, progress)
    return read_segments(folder)


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
    acts = sae.encode(rows.x.float())
    usual = rows.norm <= sae.massive
    return acts if bool(usual.all()) else acts.where(usual[acts.rows()])
