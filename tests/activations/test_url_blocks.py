"""Each byte of a store at a URL is fetched once, though only a bucket fits in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from activations.at_url import URL, fails, make
from monosema.activations import (
    HarvestPlan,
    StoreStream,
)
from monosema.activations import blocks as blocks_module
from monosema.activations.blocks import Blocks, Span
from monosema.errors import MonosemaError


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
