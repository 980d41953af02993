"""Memory and disk of each stage by formula, from what is known before anything runs. All in bytes.

    harvest     weights up to the hook point, a shard of each hook point, and a forward pass or one shard more
    train       TrainPlan.memory_bytes of all that are trained together, the stream, and the weights that the
                harvest left loaded
    evaluate    all weights, logits of one run twice or a forward pass, and of all SAEs that are measured together
                their weights, those of untrained ones, and sums
    index       all weights, the SAE, and the largest of: postings of a segment, a block of them, logits, cosines

What each room states of itself stands in its own docstrings; this page adds it up. To all of them comes what Python
and its libraries take, and in half precision the products that oneDNN has compiled. Files that are mapped (kept
activations) are counted apart: the system holds them while there is room, and gives them back where there is none.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from monosema.activations.massive import MASSIVE_SAMPLE
from monosema.activations.plan import SHARD_BYTES
from monosema.activations.source import ROWS_PER_TASK
from monosema.activations.stream import BUFFER_ROWS
from monosema.evaluation.bootstrap import MAX_UNITS
from monosema.evaluation.crossentropy import LOGIT_BYTES
from monosema.index.neighbours import TILE
from monosema.index.reduce import POSTINGS
from monosema.pipeline.sae_rates import likely_l0
from monosema.sae import SAEConfig
from monosema.training import TrainPlan

T = TypeVar("T")

FIRST_USE = 110 << 20
"""What libraries take beyond their import: threads, tokenizer, catalogue of concepts, compiled kernels."""
TOGETHER_SHARE = 0.25
"""Share of the machine's memory that SAEs may take beside the first one; the next waits for another pass."""
WORK = 64 << 20
"""Pre-activations of an encoding, or losses: no more of them live at once."""
LOGIT_ROWS = 256
"""Features whose logits are worked out at once."""
TOKENS_A_DOCUMENT = 100
PRODUCT = 600 << 10
"""Of one compiled product: torch's oneDNN keeps one for each shape (measured: .6 MB each)."""
PRODUCTS_KEPT = 1024
"""oneDNN forgets the oldest beyond so many."""
PRODUCTS_A_LENGTH = 4
"""Shapes of a block's weight matrices."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a stage holds."""

    needed: int
    """What it cannot do without."""
    mapped: int = 0
    """Files of activations that are mapped: held while there is room for them."""

    @property
    def resident(self) -> int:
        """Both: what the system counts where there is room."""
        return self.needed + self.mapped


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What memory depends on, of one model at one hook point over one text."""

    base: int
    """What Python and its libraries hold."""
    model: int
    """All weights, where they lie in the machine's memory."""
    until: int
    """Weights up to the hook point."""
    d_model: int
    """Width of the activations."""
    inner: int
    """Width inside the blocks' MLPs."""
    itemsize: int
    """Bytes of a number as the model computes it."""
    vocabulary: int
    """Tokens that logits are over."""
    tokens_per_batch: int
    """Tokens of a forward pass."""
    positions: int
    """Positions that are trained on and indexed."""
    held_out: int
    """Positions that are evaluated on."""
    store: int
    """Bytes of the activations that are kept on disk; 0 where they are made on the fly."""
    hooks: int = 1
    """Hook points that are harvested in one pass."""
    context: int = 0
    """Positions of a row at most, where passes are compiled for each length: in half precision on this processor."""
    steps_elsewhere: bool = False
    """SAEs are trained on a GPU, whose memory is not counted here."""

    @property
    def forward(self) -> int:
        """A forward pass: of a block the residual stream and what is added to it, and the insides of its MLP."""
        return self.tokens_per_batch * self.itemsize * (4 * self.d_model + 3 * self.inner)

    @property
    def compiled(self) -> int:
        """Products that were compiled for passes over rows of all lengths."""
        lengths = min(self.context, -(-self.positions // self.tokens_per_batch))
        return PRODUCT * min(PRODUCTS_KEPT, PRODUCTS_A_LENGTH * lengths)

    @property
    def shard(self) -> int:
        """Activations of one shard."""
        row = self.d_model * self.itemsize
        return min(max(SHARD_BYTES, self.tokens_per_batch * row), self.positions * row)


def base_bytes() -> int:
    """What this process holds now, and what libraries will take."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() + FIRST_USE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak if sys.platform == "darwin" else peak * 1024) + FIRST_USE


def machine_bytes(device: torch.device | str = "cpu") -> int:
    """Memory of this machine, or of a GPU of it."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def harvest_memory(facts: Facts) -> Held:
    """Rows of a shard are written while nothing runs; where nothing is kept, rows wait for the median norm."""
    row = facts.d_model * facts.itemsize
    if not facts.store:
        waiting = facts.hooks * min(MASSIVE_SAMPLE, facts.positions) * row
        return Held(needed=facts.base + facts.until + facts.compiled + facts.forward + waiting)
    shards = facts.hooks * facts.shard
    working = max(facts.forward, facts.shard)
    return Held(needed=facts.base + facts.until + facts.compiled + shards + working)


def trained_bytes(config: SAEConfig, plan: TrainPlan, facts: Facts) -> int:
    """Of one SAE that is trained, in this machine's memory: its weights alone where a GPU has the rest."""
    return 8 * config.d_sae * config.d_model if facts.steps_elsewhere else plan.memory_bytes(config.kind)


def train_memory(facts: Facts, sizes: Sequence[int]) -> Held:
    """Of SAEs that are trained together; `sizes` are what each takes (`trained_bytes`).

    The stream: 16 bytes a row of a store, 40 more while a pass begins; or the buffer of a live one and a copy to save.
    """
    held = facts.base + facts.until + facts.compiled + sum(sizes)
    if facts.store:
        return Held(needed=held + 56 * facts.positions, mapped=facts.store)
    buffer = min(BUFFER_ROWS, facts.positions) * facts.d_model * facts.itemsize
    return Held(needed=held + 2 * buffer + facts.forward)


def together(sizes: Sequence[int], room: float) -> list[list[int]]:
    """Numbers of SAEs that are trained on one stream, or measured, at a time: so many of them, in order, that those
    beside the first one take no more than `room`."""
    groups: list[list[int]] = []
    held = 0
    for number, size in enumerate(sizes):
        if not groups or held + size > room:
            groups.append([])
            held = -size  # the first one does not count
        groups[-1].append(number)
        held += size
    return groups


def by_memory(items: Sequence[T], sizes: Sequence[int], device: torch.device | str = "cpu") -> list[list[T]]:
    """Items in their order, cut where they would hold too much together on a device."""
    groups = together(sizes, TOGETHER_SHARE * machine_bytes(device))
    return [[items[number] for number in group] for group in groups]


def evaluated_bytes(config: SAEConfig, *, held_out: int, baselines: bool) -> int:
    """Of one SAE that is evaluated, as `evaluate_each` states it: weights, counts, sums over documents."""
    documents = min(MAX_UNITS, max(1, held_out // TOKENS_A_DOCUMENT))
    saes = 8 * config.d_sae * config.row * (2 if baselines else 1) + 160 * config.d_sae
    return saes + documents * 8 * config.row * (4 if baselines else 2)


def evaluate_memory(facts: Facts, sizes: Sequence[int], *, baselines: bool) -> Held:
    """Of SAEs that are evaluated together; fewer logits where so few positions are held out.

    `sizes`: what each takes (`evaluated_bytes`).
    """
    width = facts.d_model
    at_once = min(facts.tokens_per_batch, max(1, facts.held_out))
    logits = min(max(LOGIT_BYTES, 4 * facts.vocabulary * LOGIT_ROWS), 4 * facts.vocabulary * at_once)
    fitted = 24 * width**2 if baselines else 0
    batches = 2 * facts.tokens_per_batch * width * 4
    working = max(facts.forward, 2 * logits + WORK)
    held = facts.base + facts.model + facts.compiled
    return Held(needed=held + working + sum(sizes) + fitted + batches)


def index_memory(facts: Facts, config: SAEConfig) -> Held:
    """The phases of `make_index` come one after the other: the largest counts."""
    features, width = config.d_sae, facts.d_model
    segment = min(ROWS_PER_TASK, facts.positions) * l0_of(config)
    block = min(POSTINGS, facts.positions * l0_of(config))
    rows, columns = min(TILE.rows, features), min(TILE.columns, features)
    cosines = round(4.3 * rows * columns) + 20 * width * (rows + columns) + 64 * 64 * width * 20
    logits = 16 * facts.vocabulary * min(LOGIT_ROWS, features)
    live = 0 if facts.store else facts.forward
    phases = (100 * segment + WORK + live, 120 * block, cosines, logits, 60 * segment + 1000 * features)
    held = facts.base + facts.model + facts.compiled + 8 * features * width
    kept = 16 * facts.positions + 900 * features
    return Held(needed=held + kept + max(phases), mapped=facts.store)


def l0_of(config: SAEConfig) -> int:
    """Features that a position is taken to have."""
    return min(config.d_sae, likely_l0(config.kind))


def sae_disk(config: SAEConfig) -> int:
    """The weights, and, while it is trained, its checkpoint: weights and Adam's moments."""
    return (8 + 24) * config.d_sae * config.d_model


def index_disk(config: SAEConfig, positions: int) -> int:
    """About 6 bytes a posting, both ways, 12 a row, and 900 a feature (docs/log.md)."""
    return 6 * positions * l0_of(config) + 12 * positions + 900 * config.d_sae
