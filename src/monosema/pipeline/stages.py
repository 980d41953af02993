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
from pathlib import Path
from typing import Any

from monosema.activations import reopen_store
from monosema.artifact import Draft
from monosema.index.index import VERSION
from monosema.pipeline import making
from monosema.pipeline.asked import Asked
from monosema.pipeline.evaluating import make_evaluations
from monosema.pipeline.harvesting import make_activations
from monosema.pipeline.indexing import make_index
from monosema.pipeline.training import make_saes
from monosema.pipeline.work import Work, names_of_tokens
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
    make: Callable[[Work, Mapping[str, Draft]], None]
    """Make those of one group inside their drafts; parts and checkpoints that lie there already are gone on from."""
    together: Callable[[Asked, str], str] = lambda study, name: name
    """Name of the group of an artifact: what one group lacks is made in one go. Each is a group of its own by
    default."""
    reopen: Callable[[Path], bool] = lambda folder: False
    """Whether what a finished artifact keeps outside its folder is damaged; if so files of it are gone now."""


def _each(make: Callable[[Work, str, Draft], None]) -> Callable[[Work, Mapping[str, Draft]], None]:
    """Make the artifacts of a group one after the other."""

    def make_all(work: Work, drafts: Mapping[str, Draft]) -> None:
        for name, draft in drafts.items():
            make(work, name, draft)

    return make_all


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _ask_plan(work: Work, name: str) -> dict[str, Any]:
    minutes = work.asked.minutes
    return asked(work.asked.models[name]) | ({} if minutes is None else {"minutes": minutes})


def _ask_tokens(work: Work, name: str) -> dict[str, Any]:
    corpus, model = names_of_tokens(name)
    settings = asked(work.corpus(name), leave_out=frozenset({"sources"}))
    return settings | {"text": work.text_digest(corpus), "tokenizer": work.plan(model).tokenizer_hash}


def _ask_activations(work: Work, name: str) -> dict[str, Any]:
    hook = work.asked.sae_of_activations(name).place.at
    at = work.asked.store_at(name)
    return {"hook": hook, "store": work.asked.store_wish(name)} | ({} if at is None else {"store_at": at})


def _ask_sae(work: Work, name: str) -> dict[str, Any]:
    sae = work.asked.saes[name]
    if sae.given is not None:
        return {"hook": sae.place.at, "file": work.given_digest(name, sae.given)}
    place = asked(sae.place, leave_out=frozenset({"store", "store_at", "model", "corpus", "file", "indexed"}))
    training = asked(sae.training) | (
        {} if sae.start is None else {"start": work.start_digest(name, sae.start)}
    )
    return place | {"d_sae": work.d_sae(name)} | asked(sae.kind) | training


def _ask_index(work: Work, name: str) -> dict[str, Any]:
    further = work.asked.saes[name].place.indexed
    return {"version": VERSION} | ({"indexed": list(further)} if further else {})


def _ask_evaluation(work: Work, name: str) -> dict[str, Any]:
    return asked(work.asked.evaluation)


STAGES: Mapping[str, Stage] = {
    "plan": Stage(
        names=lambda study: study.models_used,
        parents=lambda study, name: [],
        asked=_ask_plan,
        make=_each(making.make_plan),
    ),
    "tokens": Stage(
        names=lambda study: _unique([one for sae in study.saes.values() for one in sae.indexed_tokens]),
        parents=lambda study, name: [],
        asked=_ask_tokens,
        make=_each(making.make_tokens),
    ),
    "activations": Stage(
        names=lambda study: _unique([sae.activations for sae in study.saes.values()]),
        parents=lambda study, name: [
            ("plan", study.sae_of_activations(name).place.model),
            ("tokens", study.sae_of_activations(name).tokens),
        ],
        asked=_ask_activations,
        make=make_activations,
        together=lambda study, name: study.sae_of_activations(name).tokens,
        reopen=reopen_store,
    ),
    "sae": Stage(
        names=lambda study: list(study.saes),
        parents=lambda study, name: [("activations", study.saes[name].activations)],
        asked=_ask_sae,
        make=make_saes,
        together=lambda study, name: study.saes[name].stream_name or name,
    ),
    "evaluation": Stage(
        names=lambda study: list(study.saes),
        parents=lambda study, name: [
            ("sae", name),
            ("tokens", study.saes[name].tokens),
            ("plan", study.saes[name].place.model),
        ],
        asked=_ask_evaluation,
        make=make_evaluations,
        together=lambda study, name: study.saes[name].measured_at,
    ),
    "index": Stage(
        names=lambda study: list(study.saes),
        parents=lambda study, name: [
            ("sae", name),
            ("activations", study.saes[name].activations),
            *(("tokens", one) for one in study.saes[name].indexed_tokens),
            ("plan", study.saes[name].place.model),
        ],
        asked=_ask_index,
        make=_each(make_index),
    ),
}
