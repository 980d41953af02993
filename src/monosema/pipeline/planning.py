"""`plan`: what a run would take on this machine, before anything is made. It measures for some seconds and writes
nothing into the study."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from monosema.errors import UsageError
from monosema.models import HookPoint, LanguageModel, deepest
from monosema.pipeline.asked import D_SAE, SAEAsked
from monosema.pipeline.budget import Budget, Cost, fit
from monosema.pipeline.forecast import GB, Forecast, Limit, PlannedSAE, Prepared, forecast
from monosema.pipeline.making import BATCH_SIZES, STORE_SHARE, batch_size
from monosema.pipeline.memory import TOGETHER_SHARE, Facts, Held, base_bytes, machine_bytes
from monosema.pipeline.rates import measure_costs
from monosema.pipeline.run import init
from monosema.pipeline.textsize import TextSize, text_size
from monosema.pipeline.work import Plan, Work, load_model, names_of_tokens
from monosema.study import Study
from monosema.training import step_device

FIRST = HookPoint("resid_post", 0)
"""A load up to here is short, and brings in what any load needs."""


def plan(
    study: Study | None = None,
    *,
    model: str | None = None,
    sources: list[str] | None = None,
    sae: Mapping[str, Any] | None = None,
    tokens: int | None = None,
    minutes: float | None = None,
    memory_gb: float | None = None,
    starting: float = 0.0,
) -> Forecast:
    """What the run of a study would take here, or that of one that `init` would make of the same arguments.

    Of a study all stages are counted, those that were made already, too. `minutes` and `memory_gb`: what there is,
    for what would fit; by default as long as it takes, and the memory of this machine. `starting`: seconds before a
    run begins, where it is a process of its own. Measures for some seconds on the model. Raises `UsageError` for an
    unknown model, hook point or kind, for settings that do not go together, and where there is no text.
    """
    asked = {key: value for key, value in (sae or {}).items() if value is not None}
    for name, value in (("minutes", minutes), ("memory_gb", memory_gb)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} is {value:g}; expected a number above 0")
    base = base_bytes()
    with tempfile.TemporaryDirectory(prefix="monosema-plan-") as scratch:
        if study is None:
            place = Path.cwd()
            source = model or "smollm2"
            study = init(Path(scratch) / "study", model=source, sources=sources, sae=asked, tokens=tokens)
        elif model or sources or asked or tokens:
            raise UsageError(
                f"{study.path} says what is asked; give a study, or a model, text and SAE, not both"
            )
        else:
            place = study.path
        limit = Limit(
            memory_gb=machine_bytes() / GB if memory_gb is None else memory_gb,
            disk_gb=shutil.disk_usage(place).free / GB,
            together_gb=TOGETHER_SHARE * machine_bytes() / GB,
            minutes=minutes,
        )
        saes, prepared = _planned(Work(study), base, Path(scratch), place)
        return forecast(saes, replace(prepared, loading=starting + prepared.loading), limit)


def _planned(work: Work, base: int, scratch: Path, place: Path) -> tuple[list[PlannedSAE], Prepared]:
    """Every SAE of a study with what was measured of it, and what comes before the harvest."""
    found: dict[str, PlannedSAE] = {}
    texts: dict[str, TextSize] = {}
    loading, again, held = 0.0, 0.0, base
    for name in work.asked.models_used:
        start = time.monotonic()
        model, loaded = _loaded(work, name)
        frozen = _frozen(work, name)
        asked = work.asked.models[name].tokens_per_batch
        per_batch = asked or (frozen.tokens_per_batch if frozen else batch_size(model)[0])
        loading += time.monotonic() - start
        again += loaded
        saes = {key: sae for key, sae in work.asked.saes.items() if sae.place.model == name}
        room = STORE_SHARE * shutil.disk_usage(place).free
        costs = measure_costs(
            model, saes, work.asked, tokens_per_batch=per_batch, room=room, scratch=scratch / "rates"
        )
        budget = frozen.budget if frozen else _budget(work, costs, time.monotonic() - start)
        hooks = len({sae.place.at for sae in saes.values()})
        for key, sae in saes.items():
            if sae.tokens not in texts:
                texts[sae.tokens] = _text(work, sae.tokens, model, budget, scratch)
            facts = _facts(model, sae, base, per_batch, hooks, costs[key].context)
            found[key] = _of(sae, facts, costs[key], model, texts[sae.tokens], budget)
            held = max(held, base + facts.until + facts.forward * max(BATCH_SIZES) // per_batch)
        del model  # before the next one
    prepared = Prepared(
        loading=loading,
        again=again,
        reading=sum(text.reading for text in texts.values()),
        encoding=sum(text.encoding for text in texts.values()),
        held=Held(needed=max(held, base + 2 * max(text.bytes for text in texts.values()))),
    )
    return [found[key] for key in work.asked.saes], prepared


def _loaded(work: Work, name: str) -> tuple[LanguageModel, float]:
    """A model, and the seconds that it takes to load once libraries are there and its number format is chosen."""
    first = load_model(work, name, until=str(FIRST))
    dtype, device = str(first.dtype).removeprefix("torch."), str(first.device)
    del first
    start = time.monotonic()
    model = load_model(work, name, dtype=dtype, device=device)
    assert model.hash  # a run holds it against its plan
    return model, time.monotonic() - start


def _text(work: Work, tokens: str, model: LanguageModel, budget: Budget | None, scratch: Path) -> TextSize:
    """The text behind the tokens `CORPUS.MODEL`; where it leaves open how many, the budget says it."""
    corpus, _ = names_of_tokens(tokens)
    settings = work.asked.corpora[corpus]
    settings = replace(
        settings,
        context=min(settings.context, model.context),
        tokens=settings.tokens or (budget.tokens if budget else None),
    )
    return text_size(corpus, settings, work.study.path, model.tokenizer, scratch / tokens)


def _frozen(work: Work, model: str) -> Plan | None:
    """The plan of a model where it was made."""
    with suppress(UsageError):
        return work.plan(model)
    return None


def _budget(work: Work, costs: Mapping[str, Cost], planned: float) -> Budget | None:
    """What a run would fit to the minutes of the study."""
    if work.asked.minutes is None:
        return None
    return fit(work.asked.minutes, list(costs.values()), models=len(work.asked.models_used), planned=planned)


def _facts(model: LanguageModel, sae: SAEAsked, base: int, per_batch: int, hooks: int, context: int) -> Facts:
    hook = deepest(sae.place.at)
    here = model.device.type == "cpu"  # elsewhere weights and passes take that device's memory
    inner = 4 * model.d_model
    with suppress(UsageError):
        inner = model.width(HookPoint("mlp_act", hook.layer))
    return Facts(
        base=base,
        model=model.weight_bytes() if here else 0,
        until=model.weight_bytes(hook) if here else 0,
        d_model=model.width(sae.place.at),
        inner=inner if here else 0,
        itemsize=model.dtype.itemsize,
        vocabulary=model.vocabulary,
        tokens_per_batch=per_batch,
        positions=1,
        held_out=1,
        store=0,
        hooks=hooks,
        context=context if here and model.dtype.itemsize == 2 else 0,
        steps_elsewhere=step_device(model.device).type != "cpu",
    )


def _of(
    sae: SAEAsked, facts: Facts, cost: Cost, model: LanguageModel, text: TextSize, budget: Budget | None
) -> PlannedSAE:
    planned = PlannedSAE(
        asked=sae,
        cost=replace(cost, kept=text.kept),
        facts=facts,
        dtype=model.dtype,
        tokens=text.tokens,
        d_sae=sae.place.d_sae or (budget.d_sae if budget else D_SAE),
    )
    return planned.at(planned.tokens, planned.d_sae)
