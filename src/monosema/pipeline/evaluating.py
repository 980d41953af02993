"""The stage "evaluation": SAEs that read and write at the same hook points are measured together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from monosema.activations import derive_seed
from monosema.artifact import Draft
from monosema.evaluation import evaluate_each, place_of
from monosema.files import read_json, write_json
from monosema.pipeline.memory import by_memory, evaluated_bytes
from monosema.pipeline.table import EVALUATION, FIGURES
from monosema.pipeline.work import Work
from monosema.sae import SAE, config_of


def make_evaluations(work: Work, drafts: Mapping[str, Draft]) -> None:
    """Measure SAEs on held-out documents; those that an earlier try has measured are left as they are."""
    lacking = [name for name, draft in drafts.items() if not (draft.path / EVALUATION).exists()]
    for names in _by_memory(work, lacking):
        for saes in by_place({name: work.sae(name) for name in names}):
            _measure(work, saes, drafts)
    for draft in drafts.values():
        found = read_json(draft.path / EVALUATION)
        draft.measured |= {key: find(found)["value"] for key, (_, find) in FIGURES.items()}


def _measure(work: Work, saes: Mapping[str, SAE], drafts: Mapping[str, Draft]) -> None:
    asked = work.asked.saes[next(iter(saes))]
    plan, settings = work.plan(asked.place.model), work.asked.evaluation
    found = evaluate_each(
        work.model(asked.place.model),
        list(saes.values()),
        work.tokens(asked.tokens),
        split=settings.split,
        tokens_per_batch=plan.tokens_per_batch,
        max_positions=settings.max_positions,
        ce_positions=settings.ce_positions,
        baselines=settings.baselines,
        seed=derive_seed(work.asked.seed, "evaluation"),  # the same positions for all SAEs of a study
        progress=work.reporter,
    )
    for name, one in zip(saes, found, strict=True):
        write_json(drafts[name].path / EVALUATION, one.to_dict())


def _by_memory(work: Work, names: Sequence[str]) -> list[list[str]]:
    """SAEs in their order, cut where they would hold too much together."""
    if not names:
        return []
    settings, first = work.asked.evaluation, work.asked.saes[names[0]]
    held_out = work.tokens(first.tokens).count(settings.split)
    configs = [config_of(work.artifact("sae", name, verify=False).path) for name in names]
    sizes = [evaluated_bytes(one, held_out=held_out, baselines=settings.baselines) for one in configs]
    return by_memory(names, sizes, work.sae_device(first.place.model))


def by_place(saes: Mapping[str, SAE]) -> Iterator[dict[str, SAE]]:
    """Those with one massive threshold together: that of an SAE that was given may be its own."""
    for place in dict.fromkeys(map(place_of, saes.values())):
        yield {name: sae for name, sae in saes.items() if place_of(sae) == place}
