"""A store at a URL: the bytes, rows, statistics and training of one in a folder, and each byte fetched once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from activations.test_store import DyingModel, Killed, digests
from activations.tiny import HOOK, D, MemoryTokens, TinyModel
from monosema.activations import (
    ActivationStore,
    HarvestPlan,
    StoreRows,
    StoreStream,
    check_url,
    harvest_to_disk,
    reopen_store,
)
from monosema.activations import blocks as blocks_module
from monosema.activations import places as places_module
from monosema.activations import urls as urls_module
from monosema.activations.blocks import Blocks, Span
from monosema.errors import DamagedError, MonosemaError, RefusedError, UsageError
from monosema.sae import SAE, SAEConfig, TopK
from monosema.training import TrainSettings, make_plan, train

PLAN = HarvestPlan(tokens_per_batch=30, batches_per_shard=2, seed=0)
URL = "memory://bucket/activations"


@pytest.fixture(autouse=True)
def memory() -> Iterator[dict[str, Any]]:
    """The files of memory://, none at first."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield MemoryFileSystem.store
    MemoryFileSystem.store.clear()


def make(
    folder: Path, url: str | None = URL, plan: HarvestPlan = PLAN, model: TinyModel | None = None, **more: Any
) -> ActivationStore:
    tokens = MemoryTokens(**more)
    at = {} if url is None else {HOOK: url}
    return harvest_to_disk(model or TinyModel(), tokens, {HOOK: folder}, plan, at=at)[HOOK]


def path_of(store: ActivationStore) -> str:
    return str(fsspec.core.url_to_fs(store.asked["at"])[1])


def files(store: ActivationStore) -> dict[str, bytes]:
    system, path = fsspec.core.url_to_fs(store.asked["at"])
    return {name.rpartition("/")[2]: system.cat_file(name) for name in system.ls(path, detail=False)}


def change(store: ActivationStore, name: str, harm: Callable[[bytes], bytes]) -> None:
    system, path = fsspec.core.url_to_fs(store.asked["at"])
    system.pipe_file(f"{path}/{name}", harm(system.cat_file(f"{path}/{name}")))


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


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


class Counted:
    """What ranges of which files were asked of a file system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[list[tuple[str, int, int]]] = []
        plain = MemoryFileSystem.cat_ranges

        def cat_ranges(
            system: Any, paths: list[str], starts: list[int], ends: list[int], **more: Any
        ) -> list[bytes]:
            self.calls.append(list(zip(paths, starts, ends, strict=True)))
            return plain(system, paths, starts, ends, **more)

        monkeypatch.setattr(MemoryFileSystem, "cat_ranges", cat_ranges)

    def times(self) -> Counter[tuple[str, int]]:
        """How often each byte was asked for."""
        seen: Counter[tuple[str, int]] = Counter()
        for path, begin, end in (one for call in self.calls for one in call):
            seen.update((path, byte) for byte in range(begin, end))
        return seen


@pytest.mark.parametrize("n", [6, 37, 500])
def test_a_pass_fetches_each_block_once_though_only_a_bucket_fits_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    bucket = 16_000
    monkeypatch.setattr(blocks_module, "BUCKET_BYTES", bucket)
    plan = HarvestPlan(tokens_per_batch=90, batches_per_shard=20, seed=0)
    near = make(tmp_path / "near", None, plan, documents=800)
    far = make(tmp_path / "far", URL, plan, documents=800)
    assert len(far.shards) > 3
    assert far.x_bytes > 8 * bucket
    one, other = (StoreStream(store, store.stats, seed=3, bucket_bytes=bucket) for store in (near, far))
    counted = Counted(monkeypatch)
    for left in range(one.total, 0, -n):
        assert torch.equal(one.next(min(n, left)), other.next(min(n, left)))
    seen = counted.times()
    assert set(seen.values()) == {1}
    assert len(seen) == far.x_bytes
    held = far._open._x._buffer  # type: ignore[attr-defined]
    assert held.nbytes <= 1.25 * bucket
    assert len(counted.calls) == -(-far.x_bytes // bucket)


def test_a_stream_that_goes_on_in_the_middle_of_a_bucket_fetches_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks_module, "BUCKET_BYTES", 1500)
    far = make(tmp_path, documents=100)
    one, other = (StoreStream(far, far.stats, seed=3, bucket_bytes=1500) for _ in range(2))
    one.next(41)
    other.load(one.state())
    assert torch.equal(one.next(100), other.next(100))


def test_ranges_that_follow_each_other_are_asked_for_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = make(tmp_path)
    counted = Counted(monkeypatch)
    far.rows(torch.arange(len(far)))
    assert [len(call) for call in counted.calls] == [len(far.shards)]
    counted.calls.clear()
    far.rows(torch.arange(len(far)))
    assert not counted.calls


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    width=st.integers(1, 5),
    bucket=st.integers(1, 400),
    requests=st.lists(st.lists(st.integers(0, 10**6), max_size=30), max_size=6),
)
def test_blocks_give_the_rows_whatever_fits_in_memory(
    sizes: list[int], width: int, bucket: int, requests: list[list[int]]
) -> None:
    matrices = [torch.randn(size, width).half() for size in sizes]
    contents = {f"{i}": b"head" + matrix.numpy().tobytes() for i, matrix in enumerate(matrices)}

    def fetch(names: Sequence[str], starts: Sequence[int], ends: Sequence[int]) -> list[bytes]:
        assert all(a < b <= len(contents[name]) for name, a, b in zip(names, starts, ends, strict=True))
        return [contents[name][a:b] for name, a, b in zip(names, starts, ends, strict=True)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "BUCKET_BYTES", bucket)
        blocks = Blocks(fetch, [Span(f"{i}", 4, size) for i, size in enumerate(sizes)], width, torch.float16)
    for request in requests:
        per_matrix = [torch.tensor(request, dtype=torch.int64) % max(1, size) for size in sizes]
        wanted = [(i, rows) for i, rows in enumerate(per_matrix) if sizes[i]]
        blocks.expect(wanted[:2])
        for (number, rows), found in zip(wanted, blocks.take(wanted), strict=True):
            assert torch.equal(found, matrices[number][rows])


def test_a_block_that_could_not_be_fetched_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, everything = make(tmp_path), None
    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "cat_ranges", fails(TimeoutError("too slow\nsecond line")))
        with pytest.raises(
            MonosemaError, match=rf"{URL}/.* cannot be read \(TimeoutError: too slow\); check"
        ):
            far.rows(torch.arange(len(far)))
    everything = far.rows(torch.arange(len(far)))
    assert torch.equal(everything.norm(dim=1), far.norms)


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


def fails(error: Exception) -> Callable[..., Any]:
    def act(*_: Any, **__: Any) -> Any:
        raise error

    return act


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
