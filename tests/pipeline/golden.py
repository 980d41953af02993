"""The store, index and map whose files lie in tests/golden: of a model and an SAE in which every sum is exact.

Activations are multiples of 1/16 and directions +-1/8 in each of 64 places, so no order of summation and no library
changes a figure of the store or a posting of the index.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor

from activations.tiny import HOOK, TinyModel
from monosema.activations import ActivationStore, HarvestPlan, StoreRows, harvest_to_disk
from monosema.artifact import Draft
from monosema.corpora import Tokens
from monosema.index import make_index
from monosema.models import HookPoint
from monosema.pipeline import mapping
from monosema.progress import Silent
from monosema.sae import SAE, SAEConfig, TopK

GOLDEN = Path(__file__).parents[1] / "golden"
STORE, INDEX, MAP = "store_v2", "index_v2", "map_v1"
WIDTH, VOCABULARY = 64, 386
GROUPS, MEMBERS, ALONE = 5, 5, 14
MASSIVE_TOKEN = 201
PLAN = HarvestPlan(split="score", tokens_per_batch=32, batches_per_shard=2, seed=0)
ROWS_PER_TASK = 32


def drawn(rows: int, most: int, seed: int) -> Tensor:
    """Whole numbers from -most to most, [rows, width], by the generator that Python promises to keep."""
    generator = random.Random(seed)
    numbers = [[int(generator.random() * (2 * most + 1)) - most for _ in range(WIDTH)] for _ in range(rows)]
    return torch.tensor(numbers, dtype=torch.float32)


def decode(ids: Sequence[int]) -> str:
    return "".join(f" t{token}" for token in ids)


class GoldenModel(TinyModel):
    """Activations are told by the token alone; one token's are massive."""

    name, hash, d_model, n_layers = "golden", "1" * 64, WIDTH, 1
    tokenizer = SimpleNamespace(decode=decode)

    def __init__(self) -> None:
        self.embedding = drawn(VOCABULARY, 64, seed=1) / 16
        self.embedding[MASSIVE_TOKEN] *= 64
        self.head = drawn(VOCABULARY, 1 << 16, seed=2).T
        self.forwards = 0
        self._dtype = torch.float32

    def width(self, hook: HookPoint | str) -> int:
        return WIDTH

    def into_stream(self, point: HookPoint, x: Tensor) -> Tensor:
        return x

    def resume(self, hook: HookPoint | str, x: Tensor, ids: Tensor, real: Tensor | None = None) -> Tensor:
        return x @ self.head


def golden_sae(massive: float) -> SAE:
    """Groups of directions that differ in one or two of 64 signs, some alone, and one that is nothing."""
    signs = drawn(GROUPS + ALONE, 1 << 16, seed=3) >= 0
    around = signs[:GROUPS].repeat_interleave(MEMBERS, dim=0)
    for number in range(len(around)):
        if place := number % MEMBERS:  # the first of a group is its middle
            around[number, place] ^= True
    W = torch.where(torch.cat([around, signs[GROUPS:]]), 0.125, -0.125)
    W = torch.cat([W, torch.zeros(1, WIDTH)])
    config = SAEConfig(
        kind=TopK(k=4),
        d_model=WIDTH,
        d_sae=len(W),
        input=HOOK,
        output=HOOK,
        model=GoldenModel.name,
        model_hash=GoldenModel.hash,
    )
    return SAE(
        config=config,
        encoder=W,
        W_dec=W.clone(),
        b_enc=torch.full((len(W),), -0.5),
        b_dec=torch.zeros(WIDTH),
        massive=massive,
    )


def make(folder: Path) -> None:
    """Make all of it in a folder, as it lies in tests/golden; names and words are left out: rules for them change."""
    model, tokens = GoldenModel(), Tokens(GOLDEN / "tokens_v1")
    for name in (STORE, INDEX, MAP):
        (folder / name).mkdir()
    store: ActivationStore = harvest_to_disk(model, tokens, {HOOK: folder / STORE}, PLAN)[HOOK]
    sae = golden_sae(store.stats.massive_threshold)
    make_index(folder / INDEX, model, sae, tokens, StoreRows(store, ROWS_PER_TASK), seed=5)
    for name in ("names.parquet", "words.sqlite"):
        (folder / INDEX / name).unlink()
    mapping._make({"main": sae}, 5, Draft(folder / MAP, resumed=False), Silent())
