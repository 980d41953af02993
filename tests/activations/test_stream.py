"""Streams: the same rows from disk and on the fly, each pass once, the same after a resume at any instant."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activations.tiny import HOOK, D, MemoryTokens, TinyModel
from monosema.activations import (
    ActivationStream,
    HarvestPlan,
    LiveStream,
    StoreStream,
    harvest_to_disk,
    measure,
)
from monosema.errors import UsageError


def model() -> TinyModel:
    tiny = TinyModel()
    tiny.embedding[5] *= 1000  # token 5 is massive wherever it stands
    return tiny


@pytest.fixture(scope="module")
def store_stream(tmp_path_factory: pytest.TempPathFactory) -> StoreStream:
    folder: Path = tmp_path_factory.mktemp("store")
    plan = HarvestPlan(tokens_per_batch=30, batches_per_shard=2, seed=0)
    store = harvest_to_disk(model(), MemoryTokens(), {HOOK: folder}, plan)[HOOK]
    return StoreStream(store, store.stats, seed=3)


def live_stream(buffer_rows: int = 40, seed: int = 3) -> LiveStream:
    tokens = MemoryTokens()
    stats = measure(model(), tokens, [HOOK], tokens_per_batch=30, seed=0)[HOOK]
    return LiveStream(model(), tokens, HOOK, stats, tokens_per_batch=30, buffer_rows=buffer_rows, seed=seed)


def rewind(stream: StoreStream) -> StoreStream:
    stream.load({"pass": torch.tensor(0), "position": torch.tensor(0)})
    return stream


def counted(x: torch.Tensor) -> Counter[tuple[float, ...]]:
    return Counter(map(tuple, x.tolist()))


def expected() -> Counter[tuple[float, ...]]:
    ids = torch.cat([torch.from_numpy(row[1:]) for row in MemoryTokens().rows["train"]])
    return counted(model().embedding[ids[ids != 5]].float())


def test_a_pass_over_the_store_gives_every_unmassive_row_once(store_stream: StoreStream) -> None:
    stream = rewind(store_stream)
    first, second = stream.next(stream.total), stream.next(stream.total)
    assert counted(first) == counted(second) == expected()
    assert not torch.equal(first, second)
    assert stream.d_model == D


def test_rows_come_on_across_the_end_of_a_pass(store_stream: StoreStream) -> None:
    stream = rewind(store_stream)
    whole = stream.next(2 * stream.total + 5)
    again = rewind(stream)
    parts = torch.cat([again.next(17) for _ in range(len(whole) // 17)])
    assert torch.equal(parts, whole[: len(parts)])


def test_store_and_live_stream_give_the_same_rows(store_stream: StoreStream) -> None:
    tokens = MemoryTokens()
    live = live_stream(buffer_rows=25)
    assert live.total == store_stream.total == sum(expected().values())
    passes = 3
    out = live.next(passes * live.total)
    everything = Counter({row: n * passes for row, n in expected().items()})
    held = live.state()["buffer_rows"][: int(live.state()["buffer_filled"])].float()
    ready = live.state()["ready"].float()
    # what is out, held and ready is what whole passes and a begun one have given
    total = counted(out) + counted(held) + counted(ready)
    assert not everything - total
    assert sum((total - everything).values()) <= tokens.count("train")


def test_both_are_activation_streams(store_stream: StoreStream) -> None:
    assert isinstance(store_stream, ActivationStream)
    assert isinstance(live_stream(), ActivationStream)


@given(taken=st.lists(st.integers(1, 120), max_size=4), then=st.integers(1, 250))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_resumed_store_stream_goes_on_to_the_bit(
    store_stream: StoreStream, taken: list[int], then: int
) -> None:
    stream = rewind(store_stream)
    for n in taken:
        stream.next(n)
    state = stream.state()
    after = stream.next(then)
    rewind(stream).load(state)
    assert torch.equal(stream.next(then), after)


@given(taken=st.lists(st.integers(1, 90), max_size=3), then=st.integers(1, 150), rows=st.integers(1, 60))
@settings(deadline=None, max_examples=20)
def test_a_resumed_live_stream_goes_on_to_the_bit(taken: list[int], then: int, rows: int) -> None:
    stream = live_stream(rows)
    for n in taken:
        stream.next(n)
    state = {name: tensor.clone() for name, tensor in stream.state().items()}
    after = stream.next(then)
    resumed = live_stream(rows)
    resumed.load(state)
    assert torch.equal(resumed.next(then), after)


def test_a_live_stream_takes_documents_in_another_order_each_pass() -> None:
    stream = live_stream(buffer_rows=1)
    first, second = stream.next(stream.total), stream.next(stream.total)
    assert not torch.equal(first, second)


def test_a_state_of_another_store_is_refused(store_stream: StoreStream) -> None:
    with pytest.raises(UsageError, match="same store"):
        store_stream.load({"pass": torch.tensor(0), "position": torch.tensor(10**6)})


def test_streams_without_a_row_are_refused() -> None:
    stats = measure(model(), MemoryTokens(), [HOOK], tokens_per_batch=30, seed=0)[HOOK]
    with pytest.raises(UsageError, match="no unmassive position"):
        LiveStream(model(), MemoryTokens(documents=0), HOOK, stats, tokens_per_batch=30, seed=0)
