"""The store on disk: the same bytes however it came about, damage named, disk full said."""

from __future__ import annotations

import errno
import hashlib
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from activations.tiny import HOOK, D, DyingModel, Killed, MemoryTokens, TinyModel
from monosema.activations import (
    ActivationStore,
    HarvestPlan,
    harvest_to_disk,
    measure,
    plan_harvest,
    store_bytes,
)
from monosema.activations import places as places_module
from monosema.errors import ActivationError, DamagedError, ResourceError, UsageError
from monosema.files import atomic_file

OTHER = "resid_post.1"
PLAN = HarvestPlan(tokens_per_batch=30, batches_per_shard=2, seed=0)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def make(folder: Path, plan: HarvestPlan = PLAN, model: TinyModel | None = None) -> ActivationStore:
    return harvest_to_disk(model or TinyModel(), MemoryTokens(), {HOOK: folder}, plan)[HOOK]


def test_a_store_holds_every_kept_position_once_with_its_place(tmp_path: Path) -> None:
    tokens, model = MemoryTokens(), TinyModel()
    store = make(tmp_path)
    found = {
        (int(document), int(position)): (int(token), row)
        for document, position, token, row in zip(
            store.column("document"),
            store.column("position"),
            store.column("token"),
            store.rows(torch.arange(len(store))),
            strict=True,
        )
    }
    assert len(found) == len(store) == tokens.count("train")
    for (document, position), (token, row) in found.items():
        assert token == tokens.rows["train"][document][position + 1]
        assert torch.equal(row, model.embedding[token].float())


def test_rows_come_in_the_order_asked(tmp_path: Path) -> None:
    store = make(tmp_path)
    everything = store.rows(torch.arange(len(store)))
    indices = torch.randint(len(store), (200,), generator=torch.Generator().manual_seed(0))
    assert len(store.shards) > 2
    assert torch.equal(store.rows(indices), everything[indices])
    assert store.rows(indices[:0]).shape == (0, D)
    with pytest.raises(UsageError, match="asked of"):
        store.rows(torch.tensor([len(store)]))


def test_statistics_of_a_store_are_those_of_the_same_positions_measured_on_the_fly(tmp_path: Path) -> None:
    store = make(tmp_path)
    live = measure(TinyModel(), MemoryTokens(), [HOOK], tokens_per_batch=30, seed=0)[HOOK]
    assert store.stats.median_norm == live.median_norm
    assert store.stats.scale == pytest.approx(live.scale, rel=1e-12)
    torch.testing.assert_close(store.stats.mean, live.mean)


def test_several_hook_points_are_harvested_in_one_pass(tmp_path: Path) -> None:
    model = TinyModel()
    stores = harvest_to_disk(model, MemoryTokens(), {HOOK: tmp_path / "a", OTHER: tmp_path / "b"}, PLAN)
    batches = sum(shard.batches for shard in stores[HOOK].shards)
    assert model.forwards == batches
    everything = torch.arange(len(stores[HOOK]))
    torch.testing.assert_close(stores[OTHER].rows(everything), 2 * stores[HOOK].rows(everything))


@pytest.mark.parametrize("at", [0, 1, 3, 7])
def test_a_harvest_that_was_killed_ends_with_the_same_bytes(tmp_path: Path, at: int) -> None:
    make(tmp_path / "whole")
    with pytest.raises(Killed):
        make(tmp_path / "killed", model=DyingModel(at))
    model = TinyModel()
    make(tmp_path / "killed", model=model)
    assert digests(tmp_path / "whole") == digests(tmp_path / "killed")
    assert model.forwards <= 10 - at // 2 * 2  # finished shards are not made again


def test_a_kill_between_a_shard_and_its_record_costs_one_shard(tmp_path: Path) -> None:
    make(tmp_path)
    before = digests(tmp_path)
    for name in ("stats.json", "stats.safetensors", "00001.json"):
        (tmp_path / name).unlink()
    model = TinyModel()
    make(tmp_path, model=model)
    assert digests(tmp_path) == before
    assert model.forwards == 2


def test_a_finished_store_is_not_harvested_again(tmp_path: Path) -> None:
    make(tmp_path)
    model = TinyModel()
    make(tmp_path, model=model)
    assert model.forwards == 0


def test_a_limit_on_positions_stops_at_the_batch_that_reaches_it(tmp_path: Path) -> None:
    store = make(tmp_path, replace(PLAN, max_positions=40))
    assert 40 <= len(store) < 40 + 30


def test_a_folder_with_a_store_of_other_settings_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(UsageError, match="tokens_per_batch 30 -> 60"):
        make(tmp_path, replace(PLAN, tokens_per_batch=60))


def test_a_truncated_shard_is_named(tmp_path: Path) -> None:
    make(tmp_path)
    file = tmp_path / "00001.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(DamagedError, match=r"00001\.safetensors has"):
        ActivationStore(tmp_path)
    with pytest.raises(DamagedError, match=r"00001\.safetensors has"):
        make(tmp_path)


def test_an_edited_shard_is_named(tmp_path: Path) -> None:
    store = make(tmp_path)
    store.verify()
    file = tmp_path / "00000.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(DamagedError, match=r"00000\.safetensors was changed"):
        ActivationStore(tmp_path).verify()
    with pytest.raises(DamagedError, match=r"00000\.safetensors was changed"):
        make(tmp_path)


def test_a_missing_shard_is_named_and_made_again(tmp_path: Path) -> None:
    make(tmp_path)
    before = digests(tmp_path)
    (tmp_path / "00001.safetensors").unlink()
    with pytest.raises(DamagedError, match=r"00001\.safetensors is missing"):
        ActivationStore(tmp_path)
    model = TinyModel()
    make(tmp_path, model=model)
    assert digests(tmp_path) == before
    assert model.forwards == PLAN.batches_per_shard


def test_a_store_that_is_not_finished_is_not_read(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "stats.json").unlink()
    with pytest.raises(DamagedError, match="not a finished store"):
        ActivationStore(tmp_path)


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_activations_that_are_not_finite_are_named(tmp_path: Path, value: float, word: str) -> None:
    tokens, model = MemoryTokens(), TinyModel()
    document, row = next((i, list(row)) for i, row in enumerate(tokens.rows["train"]) if 7 in row[1:])
    model.embedding[7, 2] = value
    for other, ids in enumerate(tokens.rows["train"]):  # the only document with that token
        if other != document:
            ids[ids == 7] = 8
    place = f"document {document}, position {row.index(7) - 1}"
    with pytest.raises(ActivationError, match=rf"{HOOK} are {word} at {place}"):
        harvest_to_disk(model, tokens, {HOOK: tmp_path}, PLAN)


def test_too_little_room_is_said_before_the_model_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = places_module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(places_module.shutil, "disk_usage", lambda _: usage._replace(free=100))
    model = TinyModel()
    with pytest.raises(ResourceError, match=r"100 bytes are free.*still need 1,[0-9,]+ bytes; .* lower"):
        make(tmp_path, model=model)
    assert model.forwards == 0


def test_a_disk_that_fills_up_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> AbstractContextManager[Path]:
        if path.suffix == ".json":
            return atomic_file(path)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(places_module, "atomic_file", full)
        with pytest.raises(ResourceError, match=r"disk is full.*still need"):
            make(tmp_path)
    make(tmp_path)


def test_the_bytes_of_a_store_are_known_before(tmp_path: Path) -> None:
    store = make(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    known = store_bytes(len(store), D, torch.float64)
    assert size <= known <= size + (1 << 20)


def test_no_kept_position_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no position"):
        harvest_to_disk(TinyModel(), MemoryTokens(documents=0), {HOOK: tmp_path}, PLAN)


def test_the_plan_makes_shards_of_about_32_megabytes() -> None:
    plan = plan_harvest(576, torch.float32, tokens_per_batch=4096, seed=0)
    assert plan.batches_per_shard * 4096 * 576 * 4 == pytest.approx(32 * 2**20, rel=0.2)
    assert plan_harvest(10**6, torch.float32, tokens_per_batch=4096, seed=0).batches_per_shard == 1


def test_bf16_rows_are_kept_as_they_were_harvested(tmp_path: Path) -> None:
    model = TinyModel(dtype=torch.bfloat16)
    store = make(tmp_path, model=model)
    assert store.dtype == torch.bfloat16
    assert torch.equal(store.rows(torch.tensor([0]))[0], model.embedding[store.column("token")[0]].float())
