"""The table of stages: what each makes, from which parents, by which settings. A new stage is one row.

    plan           what was measured on this machine for a model (dtype, batch, budget), frozen before anything else
    tokens         the text of a corpus as rows of tokens of a model
    activations    statistics of one hook point and, where the disk has room, the activations themselves
    sae            a sparse autoencoder, trained, or taken over where one is given
    evaluation     its figures on documents that it never saw
    index          where each of its features fires, and what that tells of it

Names: plan/MODEL, tokens/CORPUS.MODEL, activations/CORPUS.MODEL.HOOK, sae/NAME, evaluation/NAME, index/NAME.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from monosema.artifact import Draft
from monosema.pipeline import making
from monosema.pipeline.asked import Asked, SAEAsked
from monosema.pipeline.work import Work
from monosema.settings import asked


@dataclass(frozen=True)
class Stage:
    """One row: how artifacts of a kind are named, what they depend on, and how one is made."""

    names: Callable[[Asked], list[str]]
    """Names of the artifacts of this kind that a study asks for."""
    parents: Callable[[Asked, str], list[tuple[str, str]]]
    """Kinds and names of what an artifact is made from."""
    asked: Callable[[Work, str], dict[str, Any]]
    """The settings that matter for its content."""
    make: Callable[[Work, str, Draft], None]
    """Make it inside a draft; parts and checkpoints that lie there already are gone on from."""


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def sae_of_activations(study: Asked, name: str) -> list[SAEAsked]:
    """The SAEs that are trained on the activations `name`."""
    return [sae for sae in study.saes.values() if sae.activations == name]


def sae_of_tokens(study: Asked, name: str) -> SAEAsked:
    """The first SAE that needs the tokens `name`."""
    return next(sae for sae in study.saes.values() if sae.tokens == name)


def _ask_plan(work: Work, name: str) -> dict[str, Any]:
    minutes = work.asked.minutes
    return asked(work.asked.models[name]) | ({} if minutes is None else {"minutes": minutes})


def _ask_tokens(work: Work, name: str) -> dict[str, Any]:
    sae = sae_of_tokens(work.asked, name)
    settings = asked(work.corpus(sae), leave_out=frozenset({"sources"}))
    plan = work.plan(sae.place.model)
    return settings | {"text": work.text_digest(sae.place.corpus), "tokenizer": plan.tokenizer_hash}


def _ask_activations(work: Work, name: str) -> dict[str, Any]:
    saes = sae_of_activations(work.asked, name)
    wishes = {sae.place.store for sae in saes}
    # one that insists on the disk decides; otherwise one that insists on none; otherwise there is room or not
    store = True if True in wishes else False if False in wishes else None
    return {"hook": saes[0].place.hook, "store": store}


def _ask_sae(work: Work, name: str) -> dict[str, Any]:
    sae = work.asked.saes[name]
    if sae.given is not None:
        return {"hook": sae.place.hook, "file": work.given_digest(name, sae.given)}
    place = asked(sae.place, leave_out=frozenset({"store", "model", "corpus", "file"}))
    return place | {"d_sae": work.d_sae(name)} | asked(sae.kind) | asked(sae.training)


def _ask_index(work: Work, name: str) -> dict[str, Any]:
    return {}


def _ask_evaluation(work: Work, name: str) -> dict[str, Any]:
    return asked(work.asked.evaluation)


STAGES: Mapping[str, Stage] = {
    "plan": Stage(
        names=lambda study: study.models_used,
        parents=lambda study, name: [],
        asked=_ask_plan,
        make=making.make_plan,
    ),
    "tokens": Stage(
        names=lambda study: _unique([sae.tokens for sae in study.saes.values()]),
        parents=lambda study, name: [],
        asked=_ask_tokens,
        make=making.make_tokens,
    ),
    "activations": Stage(
        names=lambda study: _unique([sae.activations for sae in study.saes.values()]),
        parents=lambda study, name: [
            ("plan", sae_of_activations(study, name)[0].place.model),
            ("tokens", sae_of_activations(study, name)[0].tokens),
        ],
        asked=_ask_activations,
        make=making.make_activations,
    ),
    "sae": Stage(
        names=lambda study: list(study.saes),
        parents=lambda study, name: [("activations", study.saes[name].activations)],
        asked=_ask_sae,
        make=making.make_sae,
    ),
    "evaluation": Stage(
        names=lambda study: list(study.saes),
        parents=lambda study, name: [
            ("sae", name),
            ("tokens", study.saes[name].tokens),
            ("plan", study.saes[name].place.model),
        ],
        asked=_ask_evaluation,
        make=making.make_evaluation,
    ),
    "index": Stage(
        names=lambda study: list(study.saes),
        parents=lambda study, name: [
            ("sae", name),
            ("activations", study.saes[name].activations),
            ("tokens", study.saes[name].tokens),
            ("plan", study.saes[name].place.model),
        ],
        asked=_ask_index,
        make=making.make_index,
    ),
}
