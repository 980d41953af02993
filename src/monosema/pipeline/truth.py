"""`groundtruth`: which concepts have a feature, kept in the study."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monosema.activations import derive_seed
from monosema.artifact import MANIFEST, drafting
from monosema.corpora import CorpusSettings, Document, Tokens, load_concepts, write_tokens
from monosema.corpora.mentions import concepts_identity
from monosema.evaluation import GroundTruth, scorable
from monosema.evaluation import groundtruth_each as score_each
from monosema.files import digest_file, digest_json, read_json, write_json
from monosema.pipeline import truth_texts as texts
from monosema.pipeline.dosing import marked_by
from monosema.pipeline.evaluating import by_place
from monosema.pipeline.explore import model_of
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.memory import by_memory
from monosema.pipeline.read_asked import read_asked
from monosema.pipeline.unseen import MOST_FURTHER, OF_A_CONCEPT, ONLY_REPORT, has_unseen, unseen_tokens
from monosema.pipeline.work import Work
from monosema.progress import Reporter
from monosema.sae import SAE, config_of
from monosema.world.tables import Data

RECORD = "groundtruth.json"


def groundtruth(
    study: OpenStudy, *, sae: str = "main", remake: bool = False, reporter: Reporter | None = None
) -> dict[str, Any]:
    """The record of every concept that could be scored: read where it is fresh, else made and kept."""
    return groundtruth_each(study, [sae], remake=remake, reporter=reporter)[sae]


def groundtruth_each(
    study: OpenStudy, saes: Sequence[str], *, remake: bool = False, reporter: Reporter | None = None
) -> dict[str, dict[str, Any]]:
    """The records of several SAEs; what is missing at one place is made together, in fewer passes."""
    lacking: dict[tuple[str, bool], dict[str, _Question]] = {}
    for sae in saes:
        question = _question_of(study, sae)
        state = study.status("groundtruth", sae, question.asked, question.parents).state
        if remake or state != "fresh":
            group = study.asked_sae(sae).measured_at, bool(question.asked["further"])
            lacking.setdefault(group, {})[sae] = question
    for questions_of in lacking.values():
        for names in _by_memory(study, list(questions_of)):
            for some in by_place({name: study.sae(name) for name in names}):
                _make(study, some, questions_of, reporter)
    return {sae: read_json(study.open("groundtruth", sae).path / RECORD) for sae in saes}


@dataclass(frozen=True)
class _Question:
    """What a record depends on."""

    asked: dict[str, Any]
    parents: dict[str, str]


def _question_of(study: OpenStudy, sae: str) -> _Question:
    place = study.asked_sae(sae)
    names = (("sae", sae), ("tokens", place.tokens), ("plan", place.place.model))
    parents = {f"{kind}/{name}": study.open(kind, name, verify=False).hash for kind, name in names}
    return _Question(_asked(study, sae, marked_by(study, sae)), parents)


def _by_memory(study: OpenStudy, names: Sequence[str]) -> list[list[str]]:
    """SAEs in their order, cut where they would hold too much together: features by documents, twice."""
    documents = MOST_FURTHER + study.tokens(names[0]).n_documents // 4
    configs = [config_of(study.place("sae", name)) for name in names]
    return by_memory(names, [4 * (2 * documents + 2 * one.d_model) * one.d_sae for one in configs])


def _make(
    study: OpenStudy,
    saes: Mapping[str, SAE],
    questions_of: Mapping[str, _Question],
    reporter: Reporter | None,
) -> None:
    """Score SAEs at one place, and keep a record of each."""
    seed, start = read_asked(study.settings, study.path).seed, time.monotonic()
    with study.writing("groundtruth"), ExitStack() as stack:
        drafts = {
            name: stack.enter_context(
                drafting(
                    study.place("groundtruth", name),
                    kind="groundtruth",
                    asked=questions_of[name].asked,
                    parents=questions_of[name].parents,
                    seed=seed,
                    old=study.old,
                )
            )
            for name in saes
        }
        alive = [questions_of[name].asked["alive"] for name in saes]
        first = next(iter(saes))  # where one has documents that were not taken, all of them have
        further = bool(questions_of[first].asked["further"])
        found = _scored(study, saes, alive, drafts[first].scratch, further=further, reporter=reporter)
        for draft, one in zip(drafts.values(), found, strict=True):
            write_json(draft.path / RECORD, one.to_dict())
            draft.measured |= {"shown_share": one.shown_share, "documents": one.documents}
    for name in saes:  # what was made in one go cost as much each
        seconds = round((time.monotonic() - start) / len(saes), 1)
        study.log("groundtruth", made=f"groundtruth/{name}", seconds=seconds)


def _scored(
    study: OpenStudy,
    saes: Mapping[str, SAE],
    alive: Sequence[float | None],
    scratch: Path,
    *,
    further: bool,
    reporter: Reporter | None,
) -> list[GroundTruth]:
    """Score SAEs at one place; `alive`: shares of their features; `further`: on documents that were not taken, too."""
    first = next(iter(saes))
    settings, asked = read_asked(study.settings, study.path), study.asked_sae(first)
    corpus, seed = settings.corpora[asked.place.corpus], derive_seed(settings.seed, "groundtruth")
    catalogue = load_concepts(marked_by(study, first), study.path)
    model, tokens = model_of(study, first), study.tokens(first)
    ids = [concept.id for concept in catalogue]
    held_out = unseen_tokens(study, asked.tokens, tokens, scratch, seed) if further else None
    named = scorable(tokens if held_out is None else held_out, ids)
    documents = list(texts.descriptions([catalogue[name] for name in named if name in catalogue], seed))
    as_descriptions = CorpusSettings(
        sources=("descriptions",), context=tokens.context, bos=corpus.bos, shares=ONLY_REPORT
    )
    return score_each(
        model,
        list(saes.values()),
        tokens,
        concepts=ids,
        held_out=held_out,
        described=_written(scratch, documents, model.tokenizer, as_descriptions),
        questions=texts.questions(catalogue, seed),
        alive=[
            None if share is None else round(share * sae.d_sae)
            for sae, share in zip(saes.values(), alive, strict=True)
        ],
        tokens_per_batch=Work(study).plan(asked.place.model).tokens_per_batch,
        seed=seed,
        reporter=reporter,
    )


def _asked(study: OpenStudy, sae: str, catalogue: str) -> dict[str, Any]:
    """What matters besides the parents; of a catalogue whose folder is gone, what the record was made with."""
    marks = concepts_identity(catalogue, study.path)
    if marks is None and (study.place("groundtruth", sae) / MANIFEST).is_file():
        return study.open("groundtruth", sae, verify=False).manifest.asked
    templates = [Data.read(name, package).path for name, package in texts.TEMPLATES]
    return {
        "concepts": digest_json(marks),
        "templates": digest_json([(path.name, digest_file(path)) for path in templates]),
        "alive": _alive_share(study, sae),
        "further": MOST_FURTHER if has_unseen(study, sae) else 0,
        "of_a_concept": OF_A_CONCEPT,
        "descriptions": texts.MOST_DESCRIPTIONS,
        "facts": texts.MOST_FACTS,
    }


def _alive_share(study: OpenStudy, sae: str) -> float | None:
    """Share of the features that were alive at the end of the training; of a given SAE: in its index, if any."""
    made = study.open("sae", sae, verify=False)
    if "dead" in made.manifest.measured:  # a given SAE has only the share of a short check
        return 1.0 - float(made.manifest.measured["dead_share"])
    if not (study.place("index", sae) / MANIFEST).is_file():
        return None
    index = study.open("index", sae, verify=False).manifest
    return float(index.measured["alive_share"]) if index.parents.get(f"sae/{sae}") == made.hash else None


def _written(
    folder: Path, documents: Sequence[Document], tokenizer: Any, settings: CorpusSettings
) -> Tokens | None:
    """The tokens of descriptions, all in split report; None where there is none."""
    if not documents:
        return None
    place = folder / "described"
    place.mkdir(exist_ok=True)
    write_tokens(place, documents, tokenizer, settings)
    return Tokens(place, verify=False)
