"""How each artifact is made inside its draft. Everything here can be killed and called again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from monosema.artifact import Draft
from monosema.corpora import read_documents, tokenizer_hash, write_tokens
from monosema.files import read_json, write_json
from monosema.models import HookPoint, LanguageModel, load_tokenizer
from monosema.pipeline.budget import Budget, fit
from monosema.pipeline.given import check_files
from monosema.pipeline.hook_rates import seconds_of
from monosema.pipeline.rates import measure_costs
from monosema.pipeline.work import PLAN, Plan, Work, load_model, names_of_tokens

BATCH_SIZES = (1024, 2048, 4096, 8192)
STORE_SHARE = 0.25
"""Activations are kept on disk where they take at most this share of what is free."""
LIVE_STATS_POSITIONS = 200_000
"""Positions behind scale and mean where activations are not kept."""


def once(path: Path, decide: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was decided when this artifact was begun; a resume reads it and never decides again."""
    if not path.exists():
        write_json(path, decide())
    return read_json(path)


def make_plan(work: Work, name: str, draft: Draft) -> None:
    """Choose dtype, batch size and, where the study has minutes, what fits them, by measuring; freeze them."""

    def decide() -> dict[str, Any]:
        start = time.monotonic()
        model = load_model(work, name)
        check_files(work, name, model)
        best, rates = batch_size(model)
        tokens_per_batch = work.asked.models[name].tokens_per_batch or best
        budget, estimate = _budget(work, name, model, tokens_per_batch, start, draft)
        plan = Plan(
            model_hash=model.hash,
            tokenizer_hash=tokenizer_hash(model.tokenizer),
            n_layers=model.n_layers,
            d_model=model.d_model,
            context=model.context,
            device=str(model.device),
            dtype=str(model.dtype).removeprefix("torch."),
            tokens_per_batch=tokens_per_batch,
            threads=torch.get_num_threads(),
            measured={"tokens_per_second": rates, "dtype": model.dtype_choice} | estimate,
            budget=budget,
        )
        return asdict(plan)

    draft.measured |= once(draft.path / PLAN, decide)["measured"]


def _budget(
    work: Work, name: str, model: LanguageModel, tokens_per_batch: int, start: float, draft: Draft
) -> tuple[Budget | None, dict[str, Any]]:
    """What fits the minutes, and the estimates behind it; nothing where the study has no minutes."""
    if work.asked.minutes is None:
        return None, {}
    costs = measure_costs(
        model,
        {key: sae for key, sae in work.asked.saes.items() if sae.place.model == name},
        work.asked,
        tokens_per_batch=tokens_per_batch,
        room=STORE_SHARE * shutil.disk_usage(draft.path).free,
        scratch=draft.scratch,
    )
    budget = fit(
        work.asked.minutes,
        list(costs.values()),
        models=len(work.asked.models_used),
        planned=time.monotonic() - start,
    )
    microseconds = {key: cost.microseconds(budget.d_sae) for key, cost in costs.items()}
    return budget, {"estimated_seconds": budget.seconds, "microseconds_a_position": microseconds}


def batch_size(model: LanguageModel) -> tuple[int, dict[str, float]]:
    """The smallest batch whose rate through the first layers is within 5% of the best."""
    length = min(256, model.context)
    hook = HookPoint("resid_post", min(1, model.n_layers - 1))
    ids = torch.arange(max(BATCH_SIZES) + length).remainder(model.vocabulary)

    def rate(size: int) -> float:
        batch = ids[: size // length * length].view(-1, length)
        model.capture(batch[:1], [hook])  # first use allocates
        return round(batch.numel() / seconds_of(lambda: model.capture(batch, [hook])[str(hook)]), 1)

    rates = {str(size): rate(size) for size in BATCH_SIZES}
    best = max(rates.values())
    return next(size for size in BATCH_SIZES if rates[str(size)] >= 0.95 * best), rates


def make_tokens(work: Work, name: str, draft: Draft) -> None:
    """Read, split, encode and pack the text."""
    settings = work.corpus(name)
    tokenizer = load_tokenizer(work.source(names_of_tokens(name)[1]))
    with work.reporter.stage("tokens", settings.tokens or 0, "tokens") as progress:
        summary = write_tokens(
            draft.path, read_documents(settings, work.study.path), tokenizer, settings, progress
        )
    draft.measured |= asdict(summary)
