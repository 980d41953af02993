"""Activations of a study: all hook points of one model and corpus in one pass, on disk or only measured."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from monosema.activations import (
    LOSSY,
    ActivationStats,
    HarvestPlan,
    Lossy,
    check_url,
    harvest_to_disk,
    measure,
    plan_harvest,
    store_bytes,
)
from monosema.artifact import NOTE, Draft
from monosema.corpora import Tokens
from monosema.errors import ResourceError, UsageError
from monosema.models import BESIDE, LanguageModel, points_of
from monosema.pipeline.asked import Store
from monosema.pipeline.making import LIVE_STATS_POSITIONS, STORE_SHARE, once
from monosema.pipeline.work import Work


@dataclass(frozen=True)
class _Place:
    """One hook point in the making."""

    name: str
    hook: str
    draft: Draft
    plan: HarvestPlan
    """Made from its width and type alone, so that a store has the same bytes whatever is harvested beside it."""
    needed: int
    """Bytes of its store."""
    at: str | None
    """URL below which its store goes; None: the draft."""


def make_activations(work: Work, drafts: Mapping[str, Draft]) -> None:
    """Harvest hook points of one model and corpus to disk, or only measure those for which it has no room.

    The model runs over the text once for all whose shards are cut alike (those of one width), and over a part of it
    for all that are only measured.
    """
    saes = {name: work.asked.sae_of_activations(name) for name in drafts}
    first = next(iter(saes.values()))
    for url in filter(None, map(work.asked.store_at, drafts)):
        check_url(url)
    plan, tokens = work.plan(first.place.model), work.tokens(first.tokens)
    points = dict.fromkeys(point for sae in saes.values() for point in points_of(sae.place.at))
    until = BESIDE.join(map(str, points))
    model = work.model(first.place.model, until=until)
    places = [_place(work, name, drafts[name], model, tokens, plan.tokens_per_batch) for name in drafts]
    stored = _stored(work, places)
    stats: dict[str, ActivationStats] = {}
    opened = partial(_opened, model=first.place.model, until=until, tokens=first.tokens)
    crew = work.crew(opened, "activations are kept", [place.at for place in stored])
    for harvest_plan, group in groupby(sorted(stored, key=_by_plan), key=lambda place: place.plan):
        some = list(group)
        folders = {place.hook: place.draft.path for place in some}
        at = {place.hook: place.at for place in some if place.at is not None}
        stores = harvest_to_disk(
            model, tokens, folders, harvest_plan, at=at, crew=crew, progress=work.reporter
        )
        stats |= {hook: store.stats for hook, store in stores.items()}
    live = [place for place in places if place not in stored]
    if live:
        work.alone(f"activations/{live[0].name} is measured on the fly")
        most = min(LIVE_STATS_POSITIONS, tokens.count("train"))
        hooks = [place.hook for place in live]
        found = measure(model, tokens, hooks, tokens_per_batch=plan.tokens_per_batch, max_positions=most)
        for place in live:
            found[place.hook].save(place.draft.path)
        stats |= found
    pad_share = tokens.pad_share("train", plan.tokens_per_batch)
    for place in places:
        lossy = place.plan.lossy if place in stored else None
        place.draft.measured |= _measured(stats[place.hook], pad_share)
        place.draft.measured |= {} if lossy is None else {NOTE: LOSSY[lossy]}


def _opened(work: Work, *, model: str, until: str, tokens: str) -> tuple[LanguageModel, Tokens]:
    """What a worker needs to make shards."""
    return work.model(model, until=until), work.tokens(tokens)


def _by_plan(place: _Place) -> int:
    return place.plan.batches_per_shard


def _place(
    work: Work, name: str, draft: Draft, model: LanguageModel, tokens: Tokens, tokens_per_batch: int
) -> _Place:
    hook, wish = work.asked.sae_of_activations(name).place.at, work.asked.store_wish(name)
    width = _width(model, hook)
    lossy: Lossy = "int8" if wish == "int8" else None
    plan = plan_harvest(width, model.dtype, tokens_per_batch=tokens_per_batch, lossy=lossy)
    needed = store_bytes(tokens.count("train"), width, model.dtype, lossy)
    return _Place(name, hook, draft, plan, needed, work.asked.store_at(name))


def _width(model: LanguageModel, hook: str) -> int:
    """Width of a row; raises `UsageError` where hook points that stand side by side differ."""
    each = {str(point): model.width(point) for point in points_of(hook)}
    if len(set(each.values())) > 1:
        widths = ", ".join(f"{point} is {width} wide" for point, width in each.items())
        raise UsageError(f"{widths}; hook points side by side need one width: choose others")
    return sum(each.values())


def _stored(work: Work, places: list[_Place]) -> list[_Place]:
    """Those that are kept; decided once, each with the room that those before it leave. At a URL all have room."""
    stored: list[_Place] = []
    for place in places:
        promised = sum(other.needed for other in stored if other.at is None)
        room = shutil.disk_usage(place.draft.path).free - promised if place.at is None else math.inf
        wish = work.asked.store_wish(place.name)
        if once(place.draft.path / "choice.json", _decide(place.needed, room, wish))["stored"]:
            stored.append(place)
    return stored


def _decide(needed: int, room: float, wish: Store) -> Callable[[], dict[str, bool]]:
    def decide() -> dict[str, bool]:
        if wish and needed > room:
            raise ResourceError(
                f"the activations need {needed / 2**30:.1f} GB and {room / 2**30:.1f} GB are free; free some, "
                "set store = false in study.toml, or lower tokens of the corpus"
            )
        return {"stored": needed <= STORE_SHARE * room if wish is None else bool(wish)}

    return decide


def _measured(stats: ActivationStats, pad_share: float) -> dict[str, float]:
    return {
        "positions": stats.n + stats.massive,
        "massive_share": stats.massive_share,
        "median_norm": stats.median_norm,
        "scale": stats.scale,
        "pad_share": pad_share,
    }
