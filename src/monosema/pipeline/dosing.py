"""The dose for a concept: among which features it is searched, where it is kept, when it is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from monosema.artifact import MANIFEST, Artifact, Draft
from monosema.corpora import load_concepts
from monosema.errors import UsageError
from monosema.files import digest_json, read_json, write_json
from monosema.index import FeatureIndex, find_by_tag, find_by_texts, find_near_tag
from monosema.interventions import DoseCurve, Saying, Trials, search_dose
from monosema.models import LanguageModel
from monosema.pipeline.explore import model_of
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.read_asked import read_asked
from monosema.progress import Reporter
from monosema.world import Concept, NameMatcher

DOSE = "dose.json"
REPEATS = 2
"""Answers to each prompt of the search at each dose."""
CANDIDATES = 64
"""Features that a dose is searched among."""


def concept_of(study: OpenStudy, concept: str, sae: str = "main") -> Concept:
    """A concept of the catalogue that the SAE's corpus is marked by."""
    return load_concepts(marked_by(study, sae), study.path)[concept]


def marked_by(study: OpenStudy, sae: str) -> str:
    """The catalogue that an SAE's corpus is marked by; the world where it is marked by none."""
    corpus = read_asked(study.settings, study.path).corpora[study.asked_sae(sae).place.corpus]
    return corpus.concepts or "world"


def features_of(
    study: OpenStudy, index: FeatureIndex, model: LanguageModel, concept: Concept, sae: str
) -> list[int]:
    """Features that may carry a concept, best first: near its mentions, else at them, else found by its names."""
    if concept.id in index.tags.tags:
        near = find_near_tag(index, concept.id, n=CANDIDATES)
        return [one.feature for one in near or find_by_tag(index, concept.id, n=CANDIDATES)]
    found = find_by_texts(model, study.sae(sae), index, [concept.topic, *concept.names["en"]], n=CANDIDATES)
    return [one.feature for one in found]


def dose(
    study: OpenStudy,
    concept: str,
    *,
    sae: str = "main",
    features: Sequence[int] | None = None,
    remake: bool = False,
    reporter: Reporter | None = None,
) -> DoseCurve:
    """The dose for a concept: read where it was searched among these features already, else searched and kept.

    `features`: to try, best first; None: those that seem to carry it. Raises `UsageError` for one of them that is
    unknown or never fires.
    """
    settings = read_asked(study.settings, study.path)
    meant = concept_of(study, concept, sae)
    among = list(features) if features else None
    kept = None if remake else _kept(study, meant, sae)
    if kept is not None and kept.manifest.asked.get("features") == among:
        return _curve(kept)
    check_living(study.index(sae), among or ())
    asked = {"features": among, "names": _names_hash(meant)}
    name, parents = f"{sae}.{concept}", _parents(study, sae)
    with study.making("dose", "dose", name, asked=asked, parents=parents, seed=settings.seed) as draft:
        curve = _search(study, meant, sae, features, settings.seed, reporter)
        _keep(draft, curve)
    return curve


def _kept(study: OpenStudy, concept: Concept, sae: str) -> Artifact | None:
    """The stored dose of a concept, whatever features it was searched among; None where there is none or a stale one.

    A dose that was stored before the names were told in `asked` counts as one of the present names.
    """
    name, names = f"{sae}.{concept.id}", _names_hash(concept)
    if not (study.place("dose", name) / MANIFEST).is_file():
        return None
    manifest = study.open("dose", name, verify=False).manifest
    if manifest.parents != _parents(study, sae) or manifest.asked.get("names", names) != names:
        return None
    return study.open("dose", name)


def stored_dose(study: OpenStudy, concept: str, *, sae: str = "main") -> DoseCurve | None:
    """The curve of a concept's stored dose, whatever features it was searched among; None where none is fresh."""
    kept = _kept(study, concept_of(study, concept, sae), sae)
    return None if kept is None else _curve(kept)


def _curve(kept: Artifact) -> DoseCurve:
    return DoseCurve.from_dict(read_json(kept.path / DOSE))


def _parents(study: OpenStudy, sae: str) -> dict[str, str]:
    return {f"{kind}/{sae}": study.open(kind, sae, verify=False).hash for kind in ("sae", "index")}


def _names_hash(concept: Concept) -> str:
    """Of what a search looks for in the answers."""
    return digest_json(concept.all_names)


def check_living(index: FeatureIndex, features: Iterable[int]) -> None:
    """Raise `UsageError` for a feature that is not there, or never fires: it has no maximum to steer by."""
    for feature in features:
        if index.maximum(feature) <= 0:
            raise UsageError(
                f"feature {feature} never fires in the index, so no dose can be told by its largest activation; leave "
                "it out and find one that fires: monosema find (steer and chat take an activation: --raw --dose VALUE)"
            )


def _search(
    study: OpenStudy,
    concept: Concept,
    sae: str,
    features: Sequence[int] | None,
    seed: int,
    reporter: Reporter | None,
) -> DoseCurve:
    model, index = model_of(study, sae), study.index(sae)
    chosen = list(features) if features else features_of(study, index, model, concept, sae)
    if not chosen:
        raise UsageError(
            f"no feature fires near mentions of {concept.topic}; give features, or train on more text"
        )
    trials = Trials(model, study.sae(sae), names_it(concept), repeats=REPEATS, seed=seed)
    name = model.tokenizer(f" {concept.name}", add_special_tokens=False, split_special_tokens=True).input_ids
    rows = slice(None, None, REPEATS)  # each prompt once
    saying = Saying(model, study.sae(sae), trials.prompts[rows], trials.answers.ids[rows], name)
    return search_dose(trials, saying, chosen, [index.maximum(one) for one in chosen], reporter=reporter)


def _keep(draft: Draft, curve: DoseCurve) -> None:
    write_json(draft.path / DOSE, curve.to_dict())
    draft.measured |= {"both": curve.best.both, "fluent": curve.best.fluent, "plain": curve.plain}


def names_it(concept: Concept) -> Callable[[str], bool]:
    """Whether a text names a concept."""
    matcher = NameMatcher([concept])
    return lambda text: bool(matcher.find(text, {concept.id}))
