"""Harvest to disk or to a URL: every hook point in one forward pass, shard by shard, resumable after a kill.

1. The plan fixes how batches are cut and how many make a shard; nothing that is measured enters it.
2. Shard i is made from batches i·B .. (i+1)·B - 1 and written whole, then its record.
3. A finished shard is checked by its hash and skipped; one without a record is made again, with the same bytes.
4. The statistics are reduced over the shards in order and written last: they mark the store as whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from monosema.activations.harvest import HARVEST_ORDER, canonical, harvest
from monosema.activations.massive import MASSIVE_SAMPLE, ActivationStats, median_norm
from monosema.activations.places import Folder, Place
from monosema.activations.plan import HarvestPlan, batches_used, kept_positions
from monosema.activations.seeds import numpy_generator
from monosema.activations.shards import (
    OpenShards,
    Shard,
    ShardRows,
    check_room,
    disk_errors,
    read_records,
    record_name,
    shard_name,
    store_bytes,
)
from monosema.activations.store import AT, SCHEMA, STORE, ActivationStore, check_asked, checked_shards
from monosema.activations.urls import place_of
from monosema.corpora import Batch, Tokens
from monosema.errors import UsageError
from monosema.files import digest_json
from monosema.models import LanguageModel, points_of
from monosema.pool import Crew, run_tasks
from monosema.progress import Progress, Reporter, Silent

DIGITS = 12
"""Of the digest of what was asked, so many stand in the name of the folder at a URL."""


@dataclass(frozen=True)
class _Store:
    """One store in the making."""

    asked: dict[str, Any]
    folder: Path
    """Of what was asked and of the statistics; of the shards too, unless they go elsewhere."""
    place: Place
    """Where the shards go."""
    finished: dict[int, Shard]
    """Shards that were finished when this harvest began, by number."""

    @property
    def hook(self) -> str:
        return str(self.asked["hook"])

    @property
    def width(self) -> int:
        return int(self.asked["d_model"])

    @property
    def rows(self) -> int:
        """Rows of the finished shards."""
        return sum(shard.rows for shard in self.finished.values())


@dataclass(frozen=True)
class _Task:
    """One shard of each of some hook points."""

    number: int
    batches: int
    targets: Mapping[str, _Target]
    """Where it goes, by hook point."""
    plan: HarvestPlan

    def __str__(self) -> str:
        return f"shard {self.number} of {', '.join(self.targets)}"


@dataclass(frozen=True)
class _Target:
    """Where a shard goes."""

    place: Place
    needed: int
    """Bytes that the whole store lacks, for errors."""


def harvest_to_disk(
    model: LanguageModel,
    tokens: Tokens,
    folders: Mapping[str, Path],
    plan: HarvestPlan,
    *,
    at: Mapping[str, str] | None = None,
    crew: Crew[tuple[LanguageModel, Tokens]] | None = None,
    progress: Reporter | None = None,
) -> dict[str, ActivationStore]:
    """Make, or finish, one store for each hook point (the keys of `folders`); return them by canonical name.

    `at`: for some of the hook points, a URL below which the shards go, into `HOOK-DIGEST`, the first 12 characters of
    the digest of what was asked, so that stores of other settings never meet; all else stays in the folder.
    `crew`: workers, each of which opens the same model and tokens for itself and makes whole shards, to the same
    bytes; without it, or where no other process sees what is written, shards are made here.
    `progress` is told of kept positions, those of finished shards among them. Memory, here and in each worker: one
    shard of every hook point, and one more of the widest. The bytes needed are computed before the model runs. Raises
    `ResourceError` (disk), `ActivationError` (NaN, infinite), `DamagedError` (a finished shard was changed),
    `UsageError` (no kept positions, a folder that holds a store of other settings, a URL that has no driver).
    """
    total = kept_positions(tokens, plan)
    if total == 0:
        raise UsageError(f"split {plan.split} has no position that is kept; give more text")
    used = batches_used(tokens, plan)
    shards = -(-used // plan.batches_per_shard)
    urls = {canonical([hook])[0]: url for hook, url in (at or {}).items()}
    stores = []
    for name, folder in folders.items():
        (hook,) = canonical([name])
        stores.append(_begin(Path(folder), _asked(model, tokens, hook, plan), urls.get(hook), shards))
    needed = {
        store.hook: store_bytes(max(0, total - store.rows), store.width, model.dtype, plan.lossy)
        for store in stores
    }
    check_room([(store.place, needed[store.hook]) for store in stores])
    targets = {store.hook: _Target(store.place, needed[store.hook]) for store in stores}
    with (progress or Silent()).stage("harvest", total) as bar:
        tasks = []
        for number in range(shards):
            batches = min(plan.batches_per_shard, used - number * plan.batches_per_shard)
            lacking = {hook: targets[hook] for hook in _lacking(stores, number, bar)}
            tasks += [_Task(number, batches, lacking, plan)] if lacking else []
        if crew is None or len(tasks) < 2 or not all(store.place.shared for store in stores):
            for task in tasks:
                _make_shard((model, tokens), task, bar)
        else:
            run_tasks(tasks, _make_shard, crew, bar)
    return {store.hook: _finish(store) for store in stores}


def _asked(model: LanguageModel, tokens: Tokens, hook: str, plan: HarvestPlan) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "hook": hook,
        "d_model": model.width(hook),
        "dtype": str(model.dtype).removeprefix("torch."),
        "model": model.hash,
        "tokens": tokens.hash,
        **asdict(plan),
    }


def _begin(folder: Path, asked: dict[str, Any], base: str | None, shards: int) -> _Store:
    """Begin or go on with a store of so many shards."""
    url = None if base is None else f"{base.rstrip('/')}/{asked['hook']}-{digest_json(asked)[:DIGITS]}"
    place = place_of(folder, url)
    _note(Folder(folder), asked if url is None else asked | {AT: url})
    if url is not None:
        _note(place, asked)
    sizes = place.sizes()
    numbers = [n for n in range(shards) if record_name(n) in sizes and shard_name(n) in sizes]
    finished = dict(zip(numbers, read_records(place, numbers), strict=True))
    for shard in finished.values():
        shard.check_size(place, sizes[shard.file])
    return _Store(asked, folder, place, finished)


def _note(place: Place, asked: dict[str, Any]) -> None:
    """Write down what is asked, unless it stands there."""
    if not check_asked(place, place.sizes(), asked):
        place.write(STORE, (json.dumps(asked, indent=2) + "\n").encode())


def _lacking(stores: Sequence[_Store], number: int, progress: Progress) -> list[str]:
    """Hook points that lack a shard; those that have it are checked."""
    have = [store for store in stores if number in store.finished]
    for store in have:
        store.finished[number].check_contents(store.place)
    if len(have) == len(stores):
        progress.update(stores[0].finished[number].rows)
    return [store.hook for store in stores if store not in have]


def _make_shard(opened: tuple[LanguageModel, Tokens], task: _Task, progress: Progress) -> None:
    """Make one shard of each hook point of a task, from a model and tokens."""
    (model, tokens), plan = opened, task.plan
    kept = sum(int(batch.keep.sum()) for batch in _batches(tokens, task))
    made = {hook: ShardRows(task.number, kept, seed=plan.seed, lossy=plan.lossy) for hook in task.targets}
    for found in harvest(model, _batches(tokens, task), list(made)):
        for hook, rows in found.items():
            made[hook].add(rows)
        progress.update(len(next(iter(found.values())).norm))
    for hook, target in task.targets.items():
        with disk_errors(target.place, target.needed):
            made.pop(hook).write(target.place, task.batches)


def _batches(tokens: Tokens, task: _Task) -> Iterator[Batch]:
    plan = task.plan
    order, start = numpy_generator(plan.seed, HARVEST_ORDER), task.number * plan.batches_per_shard
    return islice(tokens.batches(plan.split, plan.tokens_per_batch, order=order, start=start), task.batches)


def _finish(store: _Store) -> ActivationStore:
    if not ActivationStats.is_saved(store.folder):
        gather_stats(store.place, store.width, len(points_of(store.hook))).save(store.folder)
    return ActivationStore(store.folder)


def gather_stats(place: Place, d_model: int, places: int) -> ActivationStats:
    """Statistics of all rows of the shards in a place, reduced in the order of their numbers.

    `places`: hook points that stand side by side in a row.
    """
    shards, sample, count = checked_shards(place, place.sizes()), [], 0
    for shard in shards:
        if count >= MASSIVE_SAMPLE:
            break
        sample.append(OpenShards(place, [shard], d_model).columns[0]["norm"])
        count += len(sample[-1])
    median = median_norm(torch.cat(sample))
    blocks = (
        _stats(place, shard, d_model, median, places) for shard in shards
    )  # one at a time: memory stays as it is
    return reduce(ActivationStats.merge, blocks)


def _stats(place: Place, shard: Shard, d_model: int, median: float, places: int) -> ActivationStats:
    opened = OpenShards(place, [shard], d_model)
    (x,) = opened.activations([(0, slice(None))])
    return ActivationStats.of(x, opened.columns[0]["norm"], median=median, places=places)
