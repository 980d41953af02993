"""Shards made by worker processes: the bytes of those made here, whatever happens to a worker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from activations.test_store import digests
from activations.tiny import HOOK, MemoryTokens, TinyModel, opened, opened_deadly, opened_with_nan
from monosema.activations import ActivationStore, HarvestPlan, harvest_to_disk, numpy_generator
from monosema.activations.plan import batches_used
from monosema.errors import ActivationError, Interrupted, ResourceError
from monosema.pool import Crew
from monosema.progress import SilentProgress

OTHER = "resid_post.1"
PLAN = HarvestPlan(tokens_per_batch=30, batches_per_shard=2, seed=0)


def make(folder: Path, open_: Any = None, **more: Any) -> dict[str, ActivationStore]:
    crew = None if open_ is None else Crew(2, open_)
    folders = {HOOK: folder / "a", OTHER: folder / "b"}
    return harvest_to_disk(TinyModel(), MemoryTokens(), folders, PLAN, crew=crew, **more)


def both(folder: Path) -> list[dict[str, str]]:
    return [digests(folder / name) for name in "ab"]


class Reports:
    """Counts the positions that it is told of; wishes to stop at so many."""

    def __init__(self, stop_at: int = 10**6) -> None:
        self.told, self.stop_at = 0, stop_at

    def stage(self, name: str, total: int, unit: str = "positions", done: int = 0) -> SilentProgress:
        reports = self

        class Progress(SilentProgress):
            def update(self, n: int, **figures: float) -> None:
                reports.told += n
                if reports.told >= reports.stop_at:
                    raise Interrupted("stopped")

        return Progress()


def test_two_workers_make_the_bytes_that_one_process_makes(tmp_path: Path) -> None:
    make(tmp_path / "one")
    reports = Reports()
    stores = make(tmp_path / "two", opened, progress=reports)
    assert len(stores[HOOK].shards) > 3
    assert both(tmp_path / "two") == both(tmp_path / "one")
    assert reports.told == MemoryTokens().count("train")


def test_after_a_stop_in_the_middle_only_what_is_missing_is_made(tmp_path: Path) -> None:
    make(tmp_path / "one")
    with pytest.raises(Interrupted):
        make(tmp_path / "two", opened, progress=Reports(stop_at=60))
    kept = {path: path.stat().st_ino for path in tmp_path.glob("two/*/0*.json")}
    make(tmp_path / "two", opened)
    assert all(path.stat().st_ino == inode for path, inode in kept.items())
    for folder in "ab":  # a file that was half written is not taken for one of the store
        found = {name: one for name, one in digests(tmp_path / "two" / folder).items() if name[0] != "."}
        assert found == digests(tmp_path / "one" / folder)


def test_a_shard_that_one_of_two_stores_lacks_is_made_for_it_alone(tmp_path: Path) -> None:
    make(tmp_path)
    before = both(tmp_path)
    kept = (tmp_path / "a" / "00002.safetensors").stat().st_ino
    for name in ("00002.safetensors", "00002.json", "stats.json"):
        (tmp_path / "b" / name).unlink()
    make(tmp_path)
    assert both(tmp_path) == before
    assert (tmp_path / "a" / "00002.safetensors").stat().st_ino == kept


def test_an_error_of_a_worker_is_the_one_that_one_process_gives(tmp_path: Path) -> None:
    with pytest.raises(
        ActivationError, match=rf"activations at {HOOK} are NaN at document \d+, position \d+"
    ):
        make(tmp_path, opened_with_nan)


def test_a_worker_that_is_killed_is_named_with_its_shard(tmp_path: Path) -> None:
    with pytest.raises(
        ResourceError,
        match=rf"ended by SIGKILL while it made shard \d of {HOOK}, {OTHER}; often memory ran out",
    ):
        make(tmp_path, opened_deadly)
    assert list(tmp_path.glob("*/0*.json"))
    make(tmp_path)


def test_what_no_other_process_would_see_is_made_here(tmp_path: Path) -> None:
    MemoryFileSystem.store.clear()
    stores = make(tmp_path, opened_deadly, at={HOOK: "memory://bucket"})
    stores[HOOK].verify()
    MemoryFileSystem.store.clear()


class Sparse(MemoryTokens):
    """Documents of which some have no kept position."""

    def __init__(self, kept: list[int]) -> None:
        super().__init__(documents=len(kept))
        rng = np.random.default_rng(0)
        self.rows["train"] = [np.concatenate([[0], rng.integers(1, 20, size=n)]) for n in kept]


def slowly(tokens: MemoryTokens, plan: HarvestPlan) -> int:
    """The batch with which the positions that are asked for are reached, counting them all."""
    left = min(tokens.count(plan.split), plan.max_positions or 10**9)
    order = numpy_generator(plan.seed, "harvest-order")
    for number, batch in enumerate(tokens.batches(plan.split, plan.tokens_per_batch, order=order)):
        left -= int(batch.keep.sum())
        if left <= 0:
            return number + 1
    raise AssertionError


@given(
    kept=st.lists(st.integers(0, 8), min_size=1, max_size=30).filter(any),
    most=st.none() | st.integers(1, 150),
    seed=st.integers(0, 5),
)
def test_where_a_harvest_ends_is_told_by_the_tokens_alone(
    kept: list[int], most: int | None, seed: int
) -> None:
    plan, tokens = replace(PLAN, max_positions=most, seed=seed, tokens_per_batch=18), Sparse(kept)
    assert batches_used(tokens, plan) == slowly(tokens, plan)


def test_a_harvest_ends_with_the_last_batch_that_has_a_kept_position(tmp_path: Path) -> None:
    tokens, plan = Sparse([5] * 6 + [0] * 30), replace(PLAN, batches_per_shard=1)
    store = harvest_to_disk(TinyModel(), tokens, {HOOK: tmp_path}, plan)[HOOK]
    assert len(store) == 30
    assert store.shards[-1].rows > 0
