"""A store at a URL: the bytes, rows, statistics and training of one in a folder; what drivers raise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from torch import Tensor

from activations.at_url import PLAN, URL, fails, files, make, path_of
from activations.test_store import digests
from activations.tiny import HOOK, D, TinyModel
from monosema.activations import (
    ActivationStore,
    StoreRows,
    StoreStream,
    check_url,
)
from monosema.activations import places as places_module
from monosema.activations import urls as urls_module
from monosema.errors import DamagedError, MonosemaError, RefusedError, UsageError
from monosema.sae import SAE, SAEConfig, TopK
from monosema.training import TrainSettings, make_plan, train


@pytest.mark.parametrize("lossy", [None, "int8"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_shards_at_a_url_have_the_bytes_and_give_the_rows_of_those_in_a_folder(
    tmp_path: Path, lossy: Any, dtype: torch.dtype
) -> None:
    plan, model = replace(PLAN, lossy=lossy), TinyModel(dtype=dtype)
    near = make(tmp_path / "near", None, plan, model)
    far = make(tmp_path / "far", URL, plan, model)
    here = {path.name: path.read_bytes() for path in near.folder.iterdir()}
    there = files(far)
    assert {name: data for name, data in here.items() if not name.startswith("stats")} == there
    assert {path.name for path in far.folder.iterdir()} == {"store.json", "stats.json", "stats.safetensors"}
    assert all((far.folder / name).read_bytes() == here[name] for name in ("stats.json", "stats.safetensors"))
    indices = torch.randint(len(near), (200,), generator=torch.Generator().manual_seed(0))
    assert torch.equal(near.rows(indices), far.rows(indices))
    assert far.rows(indices[:0]).shape == (0, D)
    for name in ("document", "position", "token", "norm"):
        assert torch.equal(near.column(name), far.column(name))
    assert (near.dtype, near.x_bytes) == (far.dtype, far.x_bytes)
    far.verify()
    for task in range(2):
        sources = (StoreRows(store, rows_per_task=64).rows(task) for store in (near, far))
        for one, other in zip(*sources, strict=True):
            assert all(torch.equal(a, other.tensors()[name]) for name, a in one.tensors().items())


def test_what_was_asked_says_where_the_shards_lie_and_stands_beside_them(tmp_path: Path) -> None:
    far = make(tmp_path)
    asked = json.loads((tmp_path / "store.json").read_text())
    at = asked.pop("at")
    assert at.startswith(f"{URL}/{HOOK}-")
    assert len(at.removeprefix(f"{URL}/{HOOK}-")) == 12
    assert json.loads(files(far)["store.json"]) == asked
    other = make(tmp_path / "other", URL, replace(PLAN, tokens_per_batch=60))
    assert other.asked["at"] != at


def trained(store: ActivationStore, bucket_bytes: int) -> dict[str, Tensor]:
    config = SAEConfig(
        kind=TopK(k=2), d_model=D, d_sae=16, input=HOOK, output=HOOK, model="tiny", model_hash="00" * 32
    )
    sae = SAE.initialise(config, mean=store.stats.mean.float(), scale=store.stats.scale)
    source = StoreStream(store, store.stats, seed=3, bucket_bytes=bucket_bytes)
    settings = TrainSettings(batch=32, tokens=32 * 40, lr=1e-2)
    train(sae, source, make_plan(settings, config, positions=source.total))
    return sae.tensors()


def test_the_same_sae_is_trained_from_a_url_and_from_a_folder(tmp_path: Path) -> None:
    near, far = make(tmp_path / "near", None), make(tmp_path / "far")
    one, other = trained(near, 1500), trained(far, 1500)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_drivers_that_work_asynchronously_do_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: dict[str, Any]
) -> None:
    near = make(tmp_path / "near", None)
    plain = urls_module._opened
    monkeypatch.setattr(
        urls_module, "_opened", lambda url: (AsyncFileSystemWrapper(plain(url)[0]), plain(url)[1])
    )
    far = make(tmp_path / "far")
    far.verify()
    assert torch.equal(near.rows(torch.arange(len(near))), far.rows(torch.arange(len(far))))
    fresh = ActivationStore(far.folder)
    memory.pop(f"{path_of(far)}/00001.safetensors")
    with pytest.raises(DamagedError, match=r"cannot be read: not found \(.*00001\.safetensors\)"):
        fresh.rows(torch.arange(len(fresh)))


def test_room_on_the_disk_does_not_matter_at_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = places_module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(places_module.shutil, "disk_usage", lambda _: usage._replace(free=0))
    assert len(make(tmp_path)) > 0


def test_a_file_url_is_a_folder_mapped_to_memory(tmp_path: Path) -> None:
    near = make(tmp_path / "near", None)
    far = make(tmp_path / "far", f"file://{tmp_path}/data")
    (folder,) = (tmp_path / "data").iterdir()
    assert digests(folder) == {name: one for name, one in digests(near.folder).items() if name[:5] != "stats"}
    assert far.place.folder == folder
    assert torch.equal(near.rows(torch.arange(len(near))), far.rows(torch.arange(len(far))))


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (
            PermissionError("403 Forbidden"),
            RefusedError,
            r"access was denied \(403 Forbidden\); check the keys",
        ),
        (OSError("connection reset"), MonosemaError, r"\(OSError: connection reset\); check the connection"),
        (RuntimeError("NoCredentials"), MonosemaError, r"\(RuntimeError: NoCredentials\)"),
        (NotImplementedError(), UsageError, r"its driver does not do that; give another store_at"),
        (
            FileNotFoundError("no such bucket"),
            DamagedError,
            r"cannot be written: not found \(no such bucket\); check store_at",
        ),
    ],
)
def test_what_a_driver_raises_is_one_line_that_names_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[MonosemaError], said: str
) -> None:
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", fails(error))
    with pytest.raises(kind, match=rf"^{URL}/{HOOK}-[0-9a-f]+/store\.json cannot be written") as caught:
        make(tmp_path)
    assert caught.type is kind
    assert caught.match(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "s9://bucket/x",
            r's9://bucket/x cannot be opened \(Protocol not known: s9\) \(did you mean "s3"\?\)',
        ),
        ("github://", r"^github:// cannot be opened .*; check the URL"),
    ],
)
def test_a_url_that_cannot_be_opened_is_named(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_url(url)


def test_a_missing_driver_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"class": "no_such_package.FileSystem", "err": "Install no_such_package to access X"}
    monkeypatch.setitem(known_implementations, "nowhere", missing)
    with pytest.raises(
        UsageError, match=r"nowhere://b/x.* needs a driver .*Install no_such_package to access X.*pip"
    ):
        make(tmp_path, "nowhere://b/x")
    assert not (tmp_path / "store.json").exists()
