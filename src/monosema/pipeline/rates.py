"""What each SAE of a study costs on this machine: measured in a few seconds, on the real model and hook points.

1. A batch of the plan's size, at most 4,096 tokens, goes up to the hook point, and a part of it on to its losses; a
   few directions go through the unembedding.
2. On those activations, at two sizes, an untrained SAE takes a training step, encodes, fits thresholds where its kind
   has some, and makes two small indexes: what they differ by is what positions cost, the rest is the features'.
   Encodings and steps of an SAE at its start are no faster than those of a trained one, but for ReLU: see `_thin`.
"""

from __future__ import annotations

import math
import shutil
import statistics as numbers
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monosema.activations import ActivationStats, row_norms, store_bytes
from monosema.activations.massive import median_norm
from monosema.corpora import SPLITS, CorpusSettings, SpanTable
from monosema.errors import UsageError, lookup
from monosema.evaluation.crossentropy import LOGIT_BYTES, losses
from monosema.index.neighbours import neighbours
from monosema.index.reduce import reduce_block
from monosema.index.segment import read_segments, write_segment
from monosema.index.tags import TaggedRows
from monosema.kernels import SparseActs
from monosema.models import HookPoint, LanguageModel, points_of
from monosema.pipeline.asked import Asked, SAEAsked, Store
from monosema.pipeline.budget import LADDER, Cost, Line
from monosema.sae import SAE, Kind, SAEConfig, thresholds_of
from monosema.training import Step, StepConfig, faster_gemm

MOST_TOKENS_TIMED = 4096
CONTINUED_TOKENS = 1024
STEP_ROWS = 4096
"""Positions of the timed step, unless fewer are asked for: in larger ones Adam costs less a position."""
RELU_L0 = 128
"""Features a position that a trained SAE is taken to have where its kind aims at no number."""
RELU_DENSE = 0.5
"""Share of the steps over which ReLU is taken to be as dense as at its start; λ rises over 0.3 of a short run."""
FULL_SEGMENT = 2
"""How much longer a position takes to sort and reduce in a full segment than in the small one that is timed."""
DIRECTIONS = 256
"""Directions whose logits are timed."""
TIMES = 3


def seconds_of(act: Callable[[], Tensor], times: int = 1) -> float:
    """Median time of so many calls, each up to where its result can be read; no more of them after a second."""
    found: list[float] = []
    while len(found) < times and sum(found) < 1.0:
        start = time.perf_counter()
        float(act().flatten()[:1].sum())  # waits for the device
        found.append(time.perf_counter() - start)
    return numbers.median(found)


@dataclass(frozen=True)
class _Place:
    """A hook point of the model, with rows of so many positions."""

    x: Float[Tensor, "n d_model"]
    """Raw activations, float32, on the CPU."""
    stats: ActivationStats
    forward: float
    """Seconds a position, up to here."""
    continuation: float
    """Seconds a position, from here to the losses."""
    logits: float
    """Seconds a direction, through the unembedding."""
    encoder_gemm: str
    trial: float
    """Seconds a feature to find it."""


@dataclass(frozen=True)
class _Rates:
    """Seconds of an SAE of one size: a position; for `row` and `near` a feature."""

    step: float
    encode: float
    untrained: float
    fitting: float
    sorting: float
    row: float
    near: float


def measure_costs(
    model: LanguageModel,
    saes: Mapping[str, SAEAsked],
    asked: Asked,
    *,
    tokens_per_batch: int,
    room: float,
    scratch: Path,
) -> dict[str, Cost]:
    """Measure what each of `saes`, all of this model, costs. `room`: bytes on disk that activations may take.

    Raises `UsageError` for a hook point that the model lacks, and for an unknown split of the evaluation.
    """
    places: dict[tuple[str, int], _Place] = {}
    measured: dict[tuple[str, int, Kind, int], list[_Rates]] = {}
    costs = {}
    for name, sae in saes.items():
        corpus = asked.corpora[sae.place.corpus]
        length = min(corpus.context, model.context)
        key = (sae.place.at, length)
        if key not in places:
            places[key] = _measure_place(model, *key, tokens_per_batch=tokens_per_batch)
        least = least_d_sae(sae.kind)
        like = (*key, sae.kind, sae.training.batch)  # what a sweep has in common is measured once
        if like not in measured:
            sizes = (least, 4 * least)
            measured[like] = [_measure_sae(model, sae, places[key], size, scratch) for size in sizes]
        costs[name] = _cost(model, sae, corpus, asked, places[key], room, measured[like])
    return costs


def _cost(
    model: LanguageModel,
    sae: SAEAsked,
    corpus: CorpusSettings,
    asked: Asked,
    place: _Place,
    room: float,
    rates: list[_Rates],
) -> Cost:
    million = store_bytes(1_000_000, place.x.shape[1], model.dtype)
    storable: dict[Store, float] = {False: 0.0, None: 1_000_000 * room / million}
    shares = dict(zip(SPLITS, corpus.shares, strict=True))
    least = least_d_sae(sae.kind)
    small, large = rates

    def line(of: Callable[[_Rates], float]) -> Line:
        return Line.through((least, of(small)), (4 * least, of(large)))

    encode, near = line(lambda one: one.encode), line(lambda one: one.near)
    return Cost(
        activations=sae.activations,
        stream=sae.stream_name,
        measured_at=sae.measured_at,
        tokens=corpus.tokens,
        d_sae=sae.place.d_sae,
        least_d_sae=least,
        trained=0 if sae.given else sae.training.tokens,
        train_share=shares["train"],
        held_share=lookup(shares, asked.evaluation.split, "split"),
        storable=storable.get(sae.place.store, math.inf),
        forward=place.forward,
        continuation=place.continuation,
        step=line(lambda one: one.step),
        encode=encode,
        index=replace(encode, flat=encode.flat + FULL_SEGMENT * small.sorting),
        evaluation=asked.evaluation,
        context=min(corpus.context, model.context),
        untrained=line(lambda one: one.untrained),
        fitting=line(lambda one: one.fitting),
        trial=place.trial,
        row=large.row + near.flat,
        logits=place.logits,
        cosine=near.slope,
    )


def likely_l0(kind: Kind) -> int:
    """Features a position that an SAE of a kind is taken to have after training."""
    return kind.aimed_l0 or RELU_L0


def least_d_sae(kind: Kind) -> int:
    """The smallest size of the ladder that a kind's settings (such as k) allow, or the largest there is."""
    for size in LADDER:
        with suppress(UsageError):
            kind.check(size)
            return size
    return LADDER[-1]


def _measure_place(model: LanguageModel, hook: str, length: int, *, tokens_per_batch: int) -> _Place:
    rows = max(1, min(tokens_per_batch, MOST_TOKENS_TIMED) // length)
    ids = torch.arange(rows * length).remainder(model.vocabulary).view(rows, length)

    def capture() -> Tensor:
        return model.capture(ids, [hook])[hook]

    captured = capture()  # first use allocates
    forward = seconds_of(capture, TIMES) / ids.numel()
    few = max(1, min(LOGIT_BYTES // (4 * model.vocabulary), CONTINUED_TOKENS) // length)
    part = ids[:few]

    def go_on() -> Tensor:
        logits = model.resume(hook, captured[:few], part)
        places = torch.arange(part.numel(), device=logits.device)
        return losses(logits, places, part.flatten().to(logits.device))

    go_on()
    continuation = seconds_of(go_on) / part.numel()
    last = HookPoint("resid_post", model.n_layers - 1)
    directions = torch.ones(DIRECTIONS, 1, model.d_model)

    def read_out() -> Tensor:
        found = model.resume(last, directions, torch.zeros(DIRECTIONS, 1, dtype=torch.int64))
        rows = found[:, 0].float().cpu()
        return torch.cat([rows.topk(10, largest=largest).values for largest in (True, False)])

    logits = seconds_of(read_out, TIMES) / DIRECTIONS
    x = captured.flatten(0, 1).float().cpu()  # [rows * length, width]
    norms = row_norms(x)
    stats = ActivationStats.of(x, norms, median=median_norm(norms), places=len(points_of(hook)))
    start = time.perf_counter()
    gemm = faster_gemm(x.shape[1], 4 * LADDER[0])
    trial = (time.perf_counter() - start) / (4 * LADDER[0])
    return _Place(x[norms <= stats.massive_threshold], stats, forward, continuation, logits, gemm, trial)


def _measure_sae(model: LanguageModel, asked: SAEAsked, place: _Place, d_sae: int, scratch: Path) -> _Rates:
    """What a training step, encoding and indexing a position cost with so many features."""
    config = SAEConfig(
        kind=asked.kind,
        d_model=asked.place.width_of(place.x.shape[1]),
        d_sae=d_sae,
        input=asked.place.hook,
        output=asked.place.written,
        model=model.name,
        model_hash=model.hash,
    )
    stats = place.stats
    sae = SAE.initialise(config, mean=stats.mean.float(), scale=stats.scale, balance=stats.balance)
    n = min(asked.training.batch, STEP_ROWS)
    x = place.x[torch.arange(n) % len(place.x)]  # [n, d_model]
    step = _step_seconds(sae, x, place.encoder_gemm)
    untrained = None
    if asked.kind.k is None:
        untrained = seconds_of(lambda: sae.encode(x).values, TIMES) / n
        _thin(sae, x)
        step = RELU_DENSE * step + (1 - RELU_DENSE) * _step_seconds(sae, x, place.encoder_gemm)
    start = time.perf_counter()
    fitted = thresholds_of(sae, lambda: x)
    fitting = time.perf_counter() - start
    if asked.kind.thresholds == "by_l0":  # without its threshold it would be dense
        sae = fitted
    sae.encode(place.x)  # first use allocates
    encode = seconds_of(lambda: sae.encode(place.x).values, TIMES) / len(place.x)
    sorting, row = _index_seconds(sae, place.x, scratch / "index")
    return _Rates(
        step=step / n,
        encode=encode,
        untrained=encode if untrained is None else untrained,
        fitting=fitting / n,
        sorting=sorting,
        row=row,
        near=seconds_of(lambda: neighbours(sae.W_dec)[1]) / d_sae,
    )


def _index_seconds(sae: SAE, x: Float[Tensor, "n d_model"], folder: Path) -> tuple[float, float]:
    """What a position costs to sort and reduce, and what a feature does besides: by indexes of all rows and of few."""

    def index(acts: SparseActs) -> Tensor:
        folder.mkdir(parents=True)
        write_segment(folder, 0, acts, np.zeros((len(acts), 3), dtype=np.int32))
        segments = read_segments(folder)
        tagged = TaggedRows(segments, SpanTable.empty())
        columns, _ = reduce_block(segments, 0, sae.d_sae, seed=0, tagged=tagged)
        shutil.rmtree(folder)
        return torch.from_numpy(columns["top_values"])

    few, all_ = sae.encode(x[: max(1, len(x) // 4)]), sae.encode(x)
    small, large = ((len(acts), seconds_of(partial(index, acts), TIMES)) for acts in (few, all_))
    line = Line.through(small, large)
    return line.slope, line.flat / sae.d_sae


def _step_seconds(sae: SAE, x: Float[Tensor, "n d_model"], encoder_gemm: str) -> float:
    at = sae.config
    config = StepConfig(kind=at.kind, encoder_gemm=encoder_gemm, blocks=at.blocks, centred=at.centred)
    step = Step(sae.encoder, sae.W_dec, sae.b_enc, sae.b_dec, config, len(x), threshold=sae.threshold)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))

    def act() -> Tensor:
        rows = sae.scaled(x[order])  # a stream gathers rows in a random order
        inputs, target = rows[:, : sae.d_model].contiguous(), sae.target(rows).contiguous()
        return torch.tensor(step.step(inputs, target, lr=0.0, l1=at.kind.penalty).loss)  # no weight changes

    act()  # first use allocates
    return seconds_of(act, TIMES)


def _thin(sae: SAE, x: Float[Tensor, "n d_model"]) -> None:
    """Lower the bias of an SAE in place until a position has about as many features as after training."""
    kind = sae.config.kind
    inputs = sae.scaled(x[:256])[:, : sae.d_model] - (sae.b_dec if sae.config.centred else 0.0)
    pre_acts = inputs @ sae.encoder.T + sae.b_enc  # [n, d_sae]
    lowest = pre_acts.topk(likely_l0(kind), dim=1).values[:, -1].mean()
    sae.b_enc.sub_(lowest - (kind.initial_threshold or 0.0))
