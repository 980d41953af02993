"""What a run would take, stage by stage, and what would fit instead: arithmetic over what planning measured.

Seconds are those of budget.py, memory and disk those of memory.py. Stages run one after the other, so their seconds
and their disk add up, and the largest memory counts; SAEs that share activations share one harvest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from monosema.activations import Lossy, store_bytes
from monosema.errors import UsageError
from monosema.pipeline import memory
from monosema.pipeline.asked import SAEAsked
from monosema.pipeline.budget import Cost, estimate
from monosema.pipeline.memory import Facts, Held
from monosema.pipeline.sae_rates import RELU_L0
from monosema.sae import SAEConfig
from monosema.training import make_plan

GB = 1e9
D_SAE_STEP = 64
"""What fits is told in multiples of this."""
FEWEST_TOKENS = 1000
"""Fewer are no study."""
ROWS: dict[str, str | None] = {
    "prepare": None,
    "harvest": "activations",
    "train": "sae",
    "evaluate": "evaluation",
    "index": "index",
}
"""Stages as they are told, and their kinds of artifact, by which their seconds are counted."""


@dataclass(frozen=True, kw_only=True)
class StageForecast:
    """One stage."""

    stage: str
    """prepare (loading, measuring, text), harvest, train, evaluate or index."""
    memory_gb: float
    """What the process holds at most (1 GB: 10^9 bytes)."""
    cache_gb: float
    """Of it, mapped activations, which the system takes back where memory is short."""
    seconds: float
    """Of all SAEs together."""
    disk_gb: float
    """What is written."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run would take on this machine. An estimate."""

    stages: tuple[StageForecast, ...]
    """In the order in which they run."""
    saes: int
    """How many are trained."""
    tokens: int
    """Tokens of text; of several corpora the most."""
    d_sae: int
    """Features; of several SAEs the most."""
    seconds: float
    """Sum."""
    memory_gb: float
    """Of the stage that holds most."""
    disk_gb: float
    """Sum."""
    longest: str
    """Stage that takes longest."""
    largest: str
    """Stage that holds most."""
    assumed_l0: int | None
    """Features that a position is taken to have where a kind has no k, and training finds how many; None elsewhere."""
    limit: Limit
    """What it was held against."""
    exceeded: tuple[str, ...]
    """What of it is not enough: memory, minutes, disk."""
    fits: Fits | None
    """What would fit instead; None where nothing is exceeded."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What there is."""

    memory_gb: float
    """As given, or the machine's."""
    disk_gb: float
    """Free where the study lies."""
    together_gb: float
    """What SAEs may take beside the first one that is trained on the same stream."""
    minutes: float | None = None
    """As given; None: as long as it takes."""


@dataclass(frozen=True, kw_only=True)
class Fits:
    """The most that fits when only one of them is changed; None where not even the least does."""

    d_sae: int | None
    """Features of each SAE, with the text as it is."""
    tokens: int | None
    """Tokens of each corpus, with the SAEs as they are."""


@dataclass(frozen=True, kw_only=True)
class PlannedSAE:
    """One SAE, and what was measured of it."""

    asked: SAEAsked
    cost: Cost
    facts: Facts
    """Positions and store are those of `tokens`."""
    dtype: torch.dtype
    """Of the model's activations."""
    tokens: int
    """Of its text."""
    d_sae: int
    """Its features."""

    def at(self, tokens: int, d_sae: int) -> PlannedSAE:
        """With at most so many tokens and features."""
        tokens, d_sae = min(self.tokens, tokens), min(self.d_sae, d_sae)
        train = tokens * self.cost.train_share * self.cost.kept
        stored = self.asked.place.store is not False and train <= self.cost.storable
        lossy: Lossy = "int8" if self.asked.place.store == "int8" else None
        here = self.asked.place.store_at is None
        positions = max(1, round(train))
        facts = replace(
            self.facts,
            positions=positions,
            held_out=max(1, round(tokens * self.cost.held_share * self.cost.kept)),
            store=store_bytes(positions, self.facts.d_model, self.dtype, lossy) if stored and here else 0,
        )
        return replace(self, tokens=tokens, d_sae=d_sae, facts=facts)

    @property
    def config(self) -> SAEConfig:
        """Raises `UsageError` where its kind does not allow so few features."""
        place = self.asked.place
        return SAEConfig(
            kind=self.asked.kind,
            d_model=place.width_of(self.facts.d_model),
            d_sae=self.d_sae,
            input=place.hook,
            output=place.written,
            model=place.model,
            model_hash="",
        )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What comes before the harvest."""

    loading: float
    """Seconds to start, and to load and measure models."""
    again: float
    """Seconds to load models once more: before the harvest up to its hook points, before the evaluation whole."""
    reading: float
    """Seconds to read all text."""
    encoding: float
    """Seconds a token."""
    held: Held


def forecast(saes: Sequence[PlannedSAE], prepared: Prepared, limit: Limit) -> Forecast:
    """What a run takes, and what fits instead where that is more than there is."""
    most = max(one.tokens for one in saes), max(one.d_sae for one in saes)
    whole = _forecast(saes, prepared, limit, *most)
    if not whole.exceeded:
        return whole

    def fits(tokens: int, d_sae: int) -> bool:
        try:
            return not _forecast(saes, prepared, limit, tokens, d_sae).exceeded
        except UsageError:  # more features a position than there are features
            return False

    most_tokens, most_features = most
    steps = _largest(lambda n: fits(most_tokens, n * D_SAE_STEP), most_features // D_SAE_STEP)
    tokens = _largest(lambda n: fits(n * FEWEST_TOKENS, most_features), most_tokens // FEWEST_TOKENS)
    found = Fits(
        d_sae=steps * D_SAE_STEP if steps else None, tokens=tokens * FEWEST_TOKENS if tokens else None
    )
    return replace(whole, fits=found)


def _forecast(
    saes: Sequence[PlannedSAE], prepared: Prepared, limit: Limit, tokens: int, d_sae: int
) -> Forecast:
    some = [one.at(tokens, d_sae) for one in saes]
    # what each SAE costs is told of its own text and size
    seconds = estimate([replace(one.cost, tokens=one.tokens, d_sae=one.d_sae) for one in some], tokens, d_sae)
    tokens = max(one.tokens for one in some)
    seconds["activations"] += prepared.again
    seconds["evaluation"] += prepared.again
    seconds["prepare"] = prepared.loading + prepared.reading + prepared.encoding * tokens
    held, disk = _held(some, limit.together_gb * GB) | {"prepare": prepared.held}, _disk(some)
    stages = tuple(
        StageForecast(
            stage=name,
            memory_gb=round(held[name].resident / GB, 2),
            cache_gb=round(held[name].mapped / GB, 2),
            seconds=round(seconds[name if kind is None else kind], 3),
            disk_gb=round(disk.get(name, 0) / GB, 6),
        )
        for name, kind in ROWS.items()
    )
    total = sum(seconds.values())
    needed = max(one.needed for one in held.values()) / GB
    written = sum(disk.values()) / GB
    checks = {
        "memory": needed > limit.memory_gb,
        "minutes": limit.minutes is not None and total > 60 * limit.minutes,
        "disk": written > limit.disk_gb,
    }
    largest = max(stages, key=lambda one: one.memory_gb)
    return Forecast(
        stages=stages,
        saes=len(some),
        tokens=tokens,
        d_sae=max(one.d_sae for one in some),
        seconds=round(total, 3),
        memory_gb=largest.memory_gb,
        disk_gb=round(written, 6),
        longest=max(stages, key=lambda one: one.seconds).stage,
        largest=largest.stage,
        assumed_l0=RELU_L0 if any(one.asked.kind.aimed_l0 is None for one in some) else None,
        limit=limit,
        exceeded=tuple(name for name, over in checks.items() if over),
        fits=None,
    )


def _held(saes: Sequence[PlannedSAE], room: float) -> dict[str, Held]:
    """The largest of each stage, over all SAEs; those that are trained or evaluated together hold theirs together."""
    found: dict[str, list[Held]] = {name: [] for name in ROWS if name != "prepare"}
    streams: dict[str, list[PlannedSAE]] = {}
    places: dict[str, list[PlannedSAE]] = {}
    for one in saes:
        found["harvest"].append(memory.harvest_memory(one.facts))
        places.setdefault(one.asked.measured_at, []).append(one)
        found["index"].append(memory.index_memory(one.facts, one.config))
        if one.asked.stream_name is None:
            found["train"].append(memory.train_memory(one.facts, []))
        else:
            streams.setdefault(one.asked.stream_name, []).append(one)
    for some in streams.values():
        sizes = [
            memory.trained_bytes(
                one.config,
                make_plan(one.asked.training, one.config, positions=one.facts.positions),
                one.facts,
            )
            for one in some
        ]
        for group in memory.together(sizes, room):
            held = memory.train_memory(some[group[0]].facts, [sizes[number] for number in group])
            found["train"].append(held)
    for some in places.values():
        baselines = some[0].cost.evaluation.baselines
        sizes = [
            memory.evaluated_bytes(one.config, held_out=one.facts.held_out, baselines=baselines)
            for one in some
        ]
        for group in memory.together(sizes, room):
            of_group = [sizes[number] for number in group]
            held = memory.evaluate_memory(some[group[0]].facts, of_group, baselines=baselines)
            found["evaluate"].append(held)
    return {name: max(held, key=lambda one: one.needed) for name, held in found.items()}


def _disk(saes: Sequence[PlannedSAE]) -> dict[str, int]:
    """What each stage writes; activations once."""
    stores = {one.cost.activations: one.facts.store for one in saes}
    return {
        "harvest": sum(stores.values()),
        "train": sum(memory.sae_disk(one.config) for one in saes),
        "index": sum(memory.index_disk(one.config, one.facts.positions) for one in saes),
    }


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number from 1 to `most` that fits, of those up to which all do; 0 where 1 does not."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
