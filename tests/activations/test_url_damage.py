"""Interrupted, damaged and foreign stores at a URL: named, and what is missing made again alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from activations.at_url import PLAN, URL, change, files, flipped, make, path_of
from activations.test_store import DyingModel, Killed
from activations.tiny import HOOK, TinyModel
from monosema.activations import (
    ActivationStore,
    reopen_store,
)
from monosema.errors import DamagedError, UsageError


@pytest.mark.parametrize("at", [0, 1, 3, 7])
def test_a_harvest_that_was_interrupted_makes_only_the_missing_shards(tmp_path: Path, at: int) -> None:
    whole = make(tmp_path / "whole", "memory://elsewhere")
    with pytest.raises(Killed):
        make(tmp_path / "killed", model=DyingModel(at))
    model = TinyModel()
    again = make(tmp_path / "killed", model=model)
    assert files(again) == files(whole)
    assert model.forwards == 10 - at // 2 * 2
    model = TinyModel()
    make(tmp_path / "another study", model=model)  # of the same model and text
    assert model.forwards == 0


def test_a_kill_between_a_shard_and_its_record_costs_one_shard(
    tmp_path: Path, memory: dict[str, Any]
) -> None:
    store = make(tmp_path)
    before = files(store)
    memory.pop(f"{path_of(store)}/00001.json")
    change(store, "00001.safetensors", lambda data: data[:30])  # half written
    (tmp_path / "stats.json").unlink()
    model = TinyModel()
    assert files(make(tmp_path, model=model)) == before
    assert model.forwards == PLAN.batches_per_shard


def test_truncated_and_damaged_shards_are_named(tmp_path: Path, memory: dict[str, Any]) -> None:
    store = make(tmp_path)
    name = f"{URL}/{HOOK}-[0-9a-f]{{12}}/00001.safetensors"
    change(store, "00001.safetensors", flipped)
    ActivationStore(tmp_path)
    for act in (ActivationStore(tmp_path).verify, lambda: make(tmp_path)):
        with pytest.raises(DamagedError, match=f"{name} was changed after it was written"):
            act()
    change(store, "00001.safetensors", lambda data: data[:-5])
    for act in (lambda: ActivationStore(tmp_path), lambda: make(tmp_path)):
        with pytest.raises(DamagedError, match=rf"{name} has \d+ bytes, its record says \d+"):
            act()
    memory.pop(f"{path_of(store)}/00001.safetensors")
    with pytest.raises(DamagedError, match=f"{name} is missing"):
        ActivationStore(tmp_path)
    with pytest.raises(DamagedError, match=rf"{HOOK}-[0-9a-f]+ cannot be read: not found \(.*00001"):
        store.rows(torch.arange(len(store)))


def header(text: str) -> bytes:
    return len(text).to_bytes(8, "little") + text.encode()


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff" * 60,
        header("[]"),
        header("{}"),
        header('{"x": {"dtype": "F9", "shape": [1, 6], "data_offsets": [0, 48]}}'),
        header('{"x": {"dtype": "F64", "shape": [1, 6], "data_offsets": [0, 40]}}'),
        header('{"x": {"dtype": "F64", "shape": [1000000000, 6], "data_offsets": [0, 48000000000]}}'),
    ],
)
def test_a_file_that_is_no_shard_is_named(tmp_path: Path, head: bytes) -> None:
    store = make(tmp_path)
    change(store, "00001.safetensors", lambda data: head + bytes(len(data) - len(head)))
    with pytest.raises(DamagedError, match=r"00001\.safetensors is not readable"):
        ActivationStore(tmp_path)


def test_a_store_whose_url_is_empty_is_named(tmp_path: Path, memory: dict[str, Any]) -> None:
    make(tmp_path)
    memory.clear()
    with pytest.raises(
        DamagedError, match=rf"{URL}/{HOOK}-[0-9a-f]+ has 0 rows, its statistics speak of \d+"
    ):
        ActivationStore(tmp_path)


def lacks(store: ActivationStore, memory: dict[str, Any], name: str) -> None:
    memory.pop(f"{path_of(store)}/{name}")


@pytest.mark.parametrize(
    "harm",
    [
        lambda store, memory: change(store, "00001.safetensors", flipped),
        lambda store, memory: change(store, "00003.json", lambda data: data[:-9]),
        lambda store, memory: lacks(store, memory, "00001.safetensors"),
        lambda store, memory: lacks(store, memory, "00002.json"),
        lambda store, memory: lacks(store, memory, "00004.json"),
    ],
)
def test_a_damaged_store_is_reopened_and_only_what_is_damaged_made_again(
    tmp_path: Path, memory: dict[str, Any], harm: Callable[[ActivationStore, dict[str, Any]], None]
) -> None:
    store = make(tmp_path)
    before = files(store)
    assert not reopen_store(tmp_path)
    harm(store, memory)
    assert reopen_store(tmp_path)
    model = TinyModel()
    assert files(make(tmp_path, model=model)) == before
    assert model.forwards == PLAN.batches_per_shard
    assert not reopen_store(tmp_path)


def test_a_store_of_other_settings_at_the_url_is_refused(tmp_path: Path) -> None:
    store = make(tmp_path)
    change(store, "store.json", lambda data: data.replace(b'"seed": 0', b'"seed": 1'))
    with pytest.raises(UsageError, match=r"memory://.* holds a store of other settings \(seed 1 -> 0\)"):
        make(tmp_path)
    with pytest.raises(UsageError, match=r"other settings \(at .* -> None\)"):
        make(tmp_path, None)
