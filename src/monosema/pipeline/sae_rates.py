"""What an SAE of one size costs a position, timed on real activations: a step, encoding, thresholds and sorting.

An untrained SAE is timed. Its encodings and steps are no faster than those of a trained one, but for ReLU: see `_thin`.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monosema.corpora import SpanTable
from monosema.index.neighbours import neighbours
from monosema.index.reduce import reduce_block
from monosema.index.segment import read_segments, write_segment
from monosema.index.tags import TaggedRows
from monosema.kernels import SparseActs
from monosema.models import LanguageModel
from monosema.pipeline.asked import SAEAsked
from monosema.pipeline.budget import Line
from monosema.pipeline.hook_rates import TIMES, Place, seconds_of
from monosema.sae import SAE, Kind, SAEConfig, thresholds_of
from monosema.training import Step, StepConfig

STEP_ROWS = 4096
"""Positions of the timed step, unless fewer are asked for: in larger ones Adam costs less a position."""
RELU_L0 = 128
"""Features a position that a trained SAE is taken to have where its kind aims at no number."""
RELU_DENSE = 0.5
"""Share of the steps over which ReLU is taken to be as dense as at its start; λ rises over 0.3 of a short run."""


@dataclass(frozen=True)
class SAERates:
    """Seconds of an SAE of one size: a position; for `row` and `near` a feature."""

    step: float
    encode: float
    untrained: float
    fitting: float
    sorting: float
    row: float
    near: float


def likely_l0(kind: Kind) -> int:
    """Features a position that an SAE of a kind is taken to have after training."""
    return kind.aimed_l0 or RELU_L0


def measure_sae(model: LanguageModel, asked: SAEAsked, place: Place, d_sae: int, scratch: Path) -> SAERates:
    """Time a training step, encoding and indexing with so many features; an index is made in `scratch`."""
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
    step = _step_seconds(sae, x, place)
    untrained = None
    if asked.kind.k is None:
        dense = sae.to(place.steps_on)
        untrained = seconds_of(lambda: dense.encode(x).values, TIMES) / n
        _thin(sae, x)
        step = RELU_DENSE * step + (1 - RELU_DENSE) * _step_seconds(sae, x, place)
    start = time.perf_counter()
    fitted = thresholds_of(sae, lambda: x)
    fitting = time.perf_counter() - start
    if asked.kind.thresholds == "by_l0":  # without its threshold it would be dense
        sae = fitted
    there = sae.to(place.steps_on)
    there.encode(place.x)  # first use allocates
    encode = seconds_of(lambda: there.encode(place.x).values, TIMES) / len(place.x)
    sorting, row = _index_seconds(sae, place.x, scratch / "index")
    return SAERates(
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


def _step_seconds(sae: SAE, x: Float[Tensor, "n d_model"], place: Place) -> float:
    at, sae = sae.config, sae.to(place.steps_on)
    config = StepConfig(kind=at.kind, encoder_gemm=place.encoder_gemm, blocks=at.blocks, centred=at.centred)
    step = Step(sae.encoder, sae.W_dec, sae.b_enc, sae.b_dec, config, len(x), threshold=sae.threshold)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))

    def act() -> Tensor:
        rows = sae.scaled(x[order].to(place.steps_on))  # a stream gathers rows in a random order
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
