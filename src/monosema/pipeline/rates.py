"""What each SAE of a study costs on this machine: measured in a few seconds, on the real model and hook points.

1. A batch of the plan's size, at most 4,096 tokens, goes up to the hook point, and a part of it on to its losses; a
   few directions go through the unembedding.
2. On those activations, at two sizes, an untrained SAE takes a training step, encodes, fits thresholds where its kind
   has some, and makes two small indexes: what they differ by is what positions cost, the rest is the features'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from monosema.activations import store_bytes
from monosema.corpora import SPLITS, CorpusSettings
from monosema.errors import UsageError, lookup
from monosema.models import LanguageModel
from monosema.pipeline.asked import Asked, SAEAsked, Store
from monosema.pipeline.budget import LADDER, Cost, Line
from monosema.pipeline.hook_rates import Place, measure_place
from monosema.pipeline.sae_rates import SAERates, measure_sae
from monosema.sae import Kind

FULL_SEGMENT = 2
"""How much longer a position takes to sort and reduce in a full segment than in the small one that is timed."""


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
    places: dict[tuple[str, int], Place] = {}
    measured: dict[tuple[str, int, Kind, int], list[SAERates]] = {}
    costs = {}
    for name, sae in saes.items():
        corpus = asked.corpora[sae.place.corpus]
        length = min(corpus.context, model.context)
        key = (sae.place.at, length)
        if key not in places:
            places[key] = measure_place(model, *key, tokens_per_batch=tokens_per_batch)
        least = least_d_sae(sae.kind)
        like = (*key, sae.kind, sae.training.batch)  # what a sweep has in common is measured once
        if like not in measured:
            sizes = (least, 4 * least)
            measured[like] = [measure_sae(model, sae, places[key], size, scratch) for size in sizes]
        costs[name] = _cost(model, sae, corpus, asked, places[key], room, measured[like])
    return costs


def _cost(
    model: LanguageModel,
    sae: SAEAsked,
    corpus: CorpusSettings,
    asked: Asked,
    place: Place,
    room: float,
    rates: list[SAERates],
) -> Cost:
    million = store_bytes(1_000_000, place.x.shape[1], model.dtype)
    storable: dict[Store, float] = {False: 0.0, None: 1_000_000 * room / million}
    shares = dict(zip(SPLITS, corpus.shares, strict=True))
    least = least_d_sae(sae.kind)
    small, large = rates

    def line(of: Callable[[SAERates], float]) -> Line:
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
        row=large.row + near.flat,
        logits=place.logits,
        cosine=near.slope,
    )


def least_d_sae(kind: Kind) -> int:
    """The smallest size of the ladder that a kind's settings (such as k) allow, or the largest there is."""
    for size in LADDER:
        with suppress(UsageError):
            kind.check(size)
            return size
    return LADDER[-1]
