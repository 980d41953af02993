"""The shuffle of a store larger than memory: every order as likely as any other, read in stretches."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from activations.tiny import HOOK, D, MemoryTokens, TinyModel
from monosema.activations import ActivationStore, HarvestPlan, StoreStream, harvest, harvest_to_disk
from monosema.activations import shards as shards_module
from monosema.activations.scatter import bucket_by_bucket, drawn_buckets, drawn_places
from monosema.activations.seeds import numpy_generator
from monosema.sae import SAE, SAEConfig, TopK
from monosema.training import TrainSettings, make_plan, train

PLAN = HarvestPlan(tokens_per_batch=30, batches_per_shard=2, seed=0)
BUCKET_BYTES = 1500  # 5 buckets of the store below


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    folder: Path = tmp_path_factory.mktemp("store")
    return harvest_to_disk(TinyModel(), MemoryTokens(), {HOOK: folder}, PLAN)[HOOK]


def stream(store: ActivationStore, seed: int = 3, bucket_bytes: int = BUCKET_BYTES) -> StoreStream:
    return StoreStream(store, store.stats, seed, bucket_bytes=bucket_bytes)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_order_of_the_rows_is_as_likely_as_any_other() -> None:
    draws, shards, wanted = 4_800, (3, 2), torch.tensor([0, 1, 3, 4])  # row 2 is massive
    one = generator(0)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(draws):
        places = [drawn_places(rows, one) for rows in shards]
        found = drawn_buckets(places, 3, one)[wanted]
        seen[tuple(wanted[bucket_by_bucket(found, one)].tolist())] += 1
    counts = [seen[order] for order in permutations(wanted.tolist())]
    assert sum(counts) == draws
    assert chisquare(counts).pvalue > 0.01


def test_a_row_s_bucket_is_uniform_and_does_not_tell_another_s() -> None:
    draws, buckets = 4_000, 3
    one = generator(1)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(draws):
        seen[tuple(drawn_buckets([drawn_places(3, one)], buckets, one).tolist())] += 1
    assert len(seen) == buckets**3
    assert chisquare(list(seen.values())).pvalue > 0.01


def test_a_bucket_is_one_stretch_of_every_shard() -> None:
    places = [drawn_places(rows, generator(rows)) for rows in (200, 150, 90)]
    found = drawn_buckets(places, 4, generator(0)).split([200, 150, 90])
    for place, bucket in zip(places, found, strict=True):
        along = torch.empty_like(bucket)
        along[place.long()] = bucket
        assert all(one <= other for one, other in pairwise(along.tolist()))


def test_a_pass_in_buckets_gives_every_row_once_bucket_by_bucket(store: ActivationStore) -> None:
    whole, parts = stream(store, bucket_bytes=1 << 30), stream(store)
    first, second = parts.next(parts.total), parts.next(parts.total)
    every = Counter(map(tuple, whole.next(whole.total).tolist()))
    assert Counter(map(tuple, first.tolist())) == Counter(map(tuple, second.tolist())) == every
    assert not torch.equal(first, second)


@given(taken=st.lists(st.integers(1, 120), max_size=4), then=st.integers(1, 250))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stream_in_buckets_goes_on_to_the_bit(store: ActivationStore, taken: list[int], then: int) -> None:
    one, other = stream(store), stream(store)
    for n in taken:
        one.next(n)
    other.load(one.state())
    assert torch.equal(one.next(then), other.next(then))


class InMemory:
    """Rows harvested on the fly and kept, in the order in which a store's stream gives them."""

    def __init__(self, store: ActivationStore, stream: StoreStream) -> None:
        batches = MemoryTokens().batches("train", 30, order=numpy_generator(0, "harvest-order"))
        found = [rows[HOOK].x for rows in harvest(TinyModel(), batches, [HOOK])]
        self.rows, self.stream, self.d_model, self.total = torch.cat(found), stream, D, stream.total
        self.numbers = {tuple(row): i for i, row in enumerate(store.rows(torch.arange(len(store))).tolist())}

    def next(self, n: int) -> Tensor:
        return torch.stack(
            [self.rows[self.numbers[tuple(row)]].float() for row in self.stream.next(n).tolist()]
        )

    def state(self) -> dict[str, Tensor]:
        return self.stream.state()

    def load(self, state: dict[str, Tensor]) -> None:
        self.stream.load(state)


def test_from_the_store_and_on_the_fly_the_same_order_trains_the_same_sae(store: ActivationStore) -> None:
    config = SAEConfig(
        kind=TopK(k=2), d_model=D, d_sae=16, input=HOOK, output=HOOK, model="tiny", model_hash="00" * 32
    )
    found = []
    for source in (stream(store), InMemory(store, stream(store))):
        sae = SAE.initialise(config, mean=store.stats.mean.float(), scale=store.stats.scale)
        settings = TrainSettings(batch=32, tokens=32 * 40, lr=1e-2)
        train(sae, source, make_plan(settings, config, positions=source.total))
        found.append(sae.tensors())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_a_store_whose_shards_are_not_scattered_is_read_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: ActivationStore
) -> None:
    def plain(rows: int, _: torch.Generator) -> Tensor:
        return torch.arange(rows, dtype=torch.int32)

    monkeypatch.setattr(shards_module, "drawn_places", plain)
    save = shards_module.save
    monkeypatch.setattr(
        shards_module, "save", lambda tensors: save({k: v for k, v in tensors.items() if k != "place"})
    )
    old = harvest_to_disk(TinyModel(), MemoryTokens(), {HOOK: tmp_path}, PLAN)[HOOK]
    file = tmp_path / "store.json"
    file.write_text(file.read_text().replace('"schema": 2', '"schema": 1'))
    old, everything = ActivationStore(tmp_path), torch.arange(len(old))
    assert torch.equal(old.rows(everything), store.rows(everything))
    assert torch.equal(stream(old).next(50), stream(store, bucket_bytes=1 << 30).next(50))
