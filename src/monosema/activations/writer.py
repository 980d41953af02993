"""Harvest to disk: every hook point in one forward pass, shard by shard, resumable after a kill.

1. The plan fixes how batches are cut and how many make a shard; nothing that is measured enters it.
2. Shard i is made from batches i·B .. (i+1)·B - 1 and written atomically, then its record.
3. A finished shard is checked by its hash and skipped; one without a record is made again, with the same bytes.
4. The statistics are reduced over the shards in order and written last: they mark the store as whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from monosema.activations.harvest import HARVEST_ORDER, Rows, canonical, harvest
from monosema.activations.massive import MASSIVE_SAMPLE, ActivationStats, median_norm
from monosema.activations.seeds import numpy_generator
from monosema.activations.shards import (
    Lossy,
    Shard,
    activations,
    check_room,
    disk_errors,
    open_columns,
    read_record,
    store_bytes,
    write_shard,
)
from monosema.activations.store import SCHEMA, STORE, ActivationStore, check_asked, read_records
from monosema.artifact import write_json
from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.models import LanguageModel
from monosema.progress import Progress, Reporter, Silent

SHARD_BYTES = 32 << 20
"""Size that a shard of the widest hook point should have, about: a kill costs at most one."""


@dataclass(frozen=True, kw_only=True)
class HarvestPlan:
    """How a split is cut into batches and shards: frozen before the first one is made."""

    split: str = "train"
    """Which documents."""
    tokens_per_batch: int
    """Tokens of one forward pass, padding among them."""
    batches_per_shard: int
    """Batches that make one shard."""
    max_positions: int | None = None
    """Stop with the batch that reaches so many kept positions; None: the whole split."""
    seed: int = 0
    """Seed of the order of batches (tokens put rows of one length together, so that only batches in random
    order begin with a fair sample) and of where activations stand in a shard."""
    lossy: Lossy = None
    """int8: keep each row as 8-bit steps and a scale; None: as the model computes it, fp32, bf16 or fp16."""

    def __post_init__(self) -> None:
        """Raise `UsageError` for sizes below 1."""
        for name in ("tokens_per_batch", "batches_per_shard", "max_positions"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; expected 1 or more")


def plan_harvest(
    d_model: int,
    dtype: torch.dtype,
    *,
    tokens_per_batch: int,
    split: str = "train",
    seed: int = 0,
    max_positions: int | None = None,
    lossy: Lossy = None,
) -> HarvestPlan:
    """Plan with shards of about 32 MB for the widest hook point, `d_model`, in the type that is kept."""
    batch = tokens_per_batch * d_model * (dtype.itemsize if lossy is None else 1)
    return HarvestPlan(
        split=split,
        tokens_per_batch=tokens_per_batch,
        batches_per_shard=max(1, SHARD_BYTES // batch),
        max_positions=max_positions,
        seed=seed,
        lossy=lossy,
    )


def harvest_to_disk(
    model: LanguageModel,
    tokens: Tokens,
    folders: Mapping[str, Path],
    plan: HarvestPlan,
    *,
    progress: Reporter | None = None,
) -> dict[str, ActivationStore]:
    """Make, or finish, one store for each hook point (the keys of `folders`); return them by canonical name.

    `progress` is told of kept positions, those of finished shards among them. Memory: one shard of every hook
    point, and two more of the widest. The bytes needed are computed before the model runs. Raises
    `ResourceError` (disk), `ActivationError` (NaN, infinite), `DamagedError` (a finished shard was changed),
    `UsageError` (no kept positions, or a folder that holds a store of other settings).
    """
    places = {canonical([hook])[0]: Path(folder) for hook, folder in folders.items()}
    total = min(tokens.count(plan.split), plan.max_positions or tokens.count(plan.split))
    if total == 0:
        raise UsageError(f"split {plan.split} has no position that is kept; give more text")
    widths = {hook: model.width(hook) for hook in places}
    done = [
        _begin(folder, _asked(model, tokens, hook, widths[hook], plan)) for hook, folder in places.items()
    ]
    needed = [
        store_bytes(max(0, total - rows), widths[hook], model.dtype, plan.lossy)
        for hook, rows in zip(places, done, strict=True)
    ]
    check_room(next(iter(places.values())), sum(needed))
    with (progress or Silent()).stage("harvest", total) as bar:
        _make_shards(model, tokens, places, plan, total, bar)
    return {hook: _finish(folder, widths[hook]) for hook, folder in places.items()}


def _asked(model: LanguageModel, tokens: Tokens, hook: str, width: int, plan: HarvestPlan) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "hook": hook,
        "d_model": width,
        "dtype": str(model.dtype).removeprefix("torch."),
        "model": model.hash,
        "tokens": tokens.hash,
        **asdict(plan),
    }


def _begin(folder: Path, asked: dict[str, Any]) -> int:
    """Begin or go on with a store; return the rows that it has."""
    folder.mkdir(parents=True, exist_ok=True)
    if not check_asked(folder, asked):
        write_json(folder / STORE, asked)
    return sum(shard.rows for shard in read_records(folder))


def _make_shards(
    model: LanguageModel,
    tokens: Tokens,
    places: Mapping[str, Path],
    plan: HarvestPlan,
    total: int,
    progress: Progress,
) -> None:
    number = rows = 0
    while rows < total:
        shards = {hook: _finished(folder, number) for hook, folder in places.items()}
        lacking = {hook: folder for hook, folder in places.items() if shards[hook] is None}
        if lacking:
            made = _make_shard(model, tokens, lacking, plan, number, total - rows, progress)
        else:
            made = next(iter(shards.values()))
            progress.update(0 if made is None else made.rows)
        if made is None:
            break
        number, rows = number + 1, rows + made.rows


def _finished(folder: Path, number: int) -> Shard | None:
    shard = read_record(folder, number)
    if shard is None or not (folder / shard.file).exists():
        return None
    shard.check(folder, contents=True)
    return shard


def _make_shard(
    model: LanguageModel,
    tokens: Tokens,
    places: Mapping[str, Path],
    plan: HarvestPlan,
    number: int,
    left: int,
    progress: Progress,
) -> Shard | None:
    """Make shard `number` of these hook points; None where the split ended before it."""
    start = number * plan.batches_per_shard
    order = numpy_generator(plan.seed, HARVEST_ORDER)
    batches = islice(
        tokens.batches(plan.split, plan.tokens_per_batch, order=order, start=start), plan.batches_per_shard
    )
    found: list[dict[str, Rows]] = []
    for rows in harvest(model, batches, list(places)):
        found.append(rows)
        positions = len(next(iter(rows.values())).norm)
        progress.update(positions)
        left -= positions
        if left <= 0:
            break
    shard = None
    for hook, folder in places.items() if found else ():
        joined = _joined([rows[hook] for rows in found])
        left_to_write = len(joined.norm) + max(0, left)
        with disk_errors(folder, store_bytes(left_to_write, joined.x.shape[1], joined.x.dtype, plan.lossy)):
            shard = write_shard(folder, number, joined, len(found), seed=plan.seed, lossy=plan.lossy)
    return shard


def _joined(parts: list[Rows]) -> Rows:
    columns = [part.tensors() for part in parts]
    return Rows(**{name: torch.cat([column[name] for column in columns]) for name in columns[0]})


def _finish(folder: Path, d_model: int) -> ActivationStore:
    if not ActivationStats.is_saved(folder):
        gather_stats(folder, d_model).save(folder)
    return ActivationStore(folder)


def gather_stats(folder: Path, d_model: int) -> ActivationStats:
    """Statistics of all rows of the shards in a folder, reduced in the order of their numbers."""
    shards, sample, count = read_records(folder), [], 0
    for shard in shards:
        if count >= MASSIVE_SAMPLE:
            break
        sample.append(open_columns(folder, shard, d_model)["norm"])
        count += len(sample[-1])
    median = median_norm(torch.cat(sample))
    opened = (
        open_columns(folder, shard, d_model) for shard in shards
    )  # one at a time: memory stays as it is
    blocks = (ActivationStats.of(activations(columns), columns["norm"], median=median) for columns in opened)
    return reduce(ActivationStats.merge, blocks)
