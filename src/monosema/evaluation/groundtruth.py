"""Which concepts have a feature? Scored against tags of held-out documents, beside what could do as well (C33).

For each concept the best single feature, neuron and residual direction, a linear probe and the best token or pair of
tokens. Four conditions:

    all        largest activation in the document, chosen on one half of the documents and measured on the other
    unnamed    the same without the positions that have a name in the last 8 tokens
    described  documents that describe the concept and never name it: chosen on those of some templates, measured on
               those of held-out templates. The descriptions themselves recur, so that rules of tokens can learn them
    inside     positions inside spans of the concept's names (`inside.py`)

A feature counts as *shown* where it reaches F1 .6 and beats the token rule on `unnamed`: a feature that is as good as
a word is printed as not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.evaluation.bootstrap import Figure
from monosema.evaluation.concepts import ConceptScore, TokenRules, score, score_columns
from monosema.evaluation.documents import CONDITIONS, DocumentMaxima, document_maxima, neurons_of
from monosema.evaluation.inside import Inside, Sampler
from monosema.evaluation.known import KnownFacts, Question, known_facts, wilson
from monosema.evaluation.ranks import Match, Ranked
from monosema.evaluation.tagged import HELD_OUT, TAG, Tagged
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent
from monosema.sae import SAE

SHOWN_F1 = 0.6
DESCRIBED, INSIDE = "described", "inside"
DESCRIBED_SPLIT = "report"
"""Split that all descriptions are in."""
OF_HELD_OUT_TEMPLATE = "held_out"
"""Tag of a description: whether its template is held out."""


@dataclass(frozen=True, kw_only=True)
class ConceptRecord:
    """One concept under one condition."""

    concept: str
    condition: str
    feature: int
    threshold: float
    score: ConceptScore
    """Of the best feature."""
    baselines: dict[str, ConceptScore]
    """Of the best neuron and residual direction, of a probe and of the best token or pair."""
    shown: bool
    """Whether it reaches F1 .6 and more than the token rule, where no name stands near."""
    frequency: float
    """Share of the training positions that stand inside spans of the concept; 0 where the text has none."""
    transfer: ConceptScore | None = None
    """On all descriptions: feature and threshold as `unnamed` chose them. None elsewhere."""


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """All concepts that could be scored."""

    records: tuple[ConceptRecord, ...]
    documents: int
    left_out: int
    """Concepts of the documents' tags with too few held-out documents."""
    alive: int
    """Features that fire at any held-out position."""
    named: bool
    """Whether names are marked in held-out documents; if not, "unnamed" leaves out nothing and nothing is shown."""
    descriptions: int
    """Documents of the condition "described"."""
    facts: KnownFacts | None
    """Which facts the model itself knows; None where none was asked."""

    @property
    def shown_share(self) -> float:
        """Share of the scored concepts that a feature shows."""
        decisive = [one.shown for one in self.records if one.condition == "unnamed"]
        return sum(decisive) / max(len(decisive), 1)

    @property
    def seen_often(self) -> int:
        """Concepts scored under "unnamed" that stand in more than 1/alive of the training positions."""
        return len(self._often)

    @property
    def concepts_with_feature(self) -> Figure | None:
        """Share of these that a feature shows (C19: more than half where it is as in the paper); None without any."""
        return wilson(sum(self._often), len(self._often)) if self._often else None

    @property
    def _often(self) -> list[bool]:
        return [
            one.shown for one in self.records if one.condition == "unnamed" and one.frequency * self.alive > 1
        ]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        share = self.concepts_with_feature
        return asdict(self) | {
            "shown_share": self.shown_share,
            "seen_often": self.seen_often,
            "concepts_with_feature": None if share is None else asdict(share),
        }


def groundtruth(
    model: LanguageModel,
    sae: SAE,
    tokens: Tokens,
    *,
    concepts: Collection[str],
    described: Tokens | None = None,
    questions: Sequence[Question] = (),
    tokens_per_batch: int,
    seed: int,
    reporter: Reporter | None = None,
) -> GroundTruth:
    """Score every concept that tags at least 6 held-out documents, or whose spans hold enough held-out positions.

    `concepts`: ids of the catalogue that marks the text. `described`: documents with the tags `concept` and `held_out`
    (a truth value), in split report. Memory: see `document_maxima`, `Sampler` and `Inside`. Raises `UsageError` where
    no document is tagged with a concept.
    """
    sae.check_model(model.name, model.hash)
    reporter = reporter or Silent()
    tagged = Tagged(tokens, concepts)
    numbers = tagged.documents(HELD_OUT)
    by_document, left_out = tagged.concepts(numbers)
    if not by_document and not left_out:
        raise UsageError(
            f'no held-out document has the tag "{TAG}"; use text that says what it is about, such as world:library'
        )
    row_bytes = 4 * (model.width(neurons_of(sae)) + sae.config.row)
    sampler = Sampler(tokens, tagged, numbers, row_bytes=row_bytes, seed=seed)
    found = document_maxima(
        model,
        sae,
        tokens,
        HELD_OUT,
        tagged=tagged,
        tokens_per_batch=tokens_per_batch,
        reporter=reporter,
        watch=sampler.add,
    )
    half = tagged.half(numbers)
    records = [
        record
        for condition in CONDITIONS
        for record in _by_document(found, condition, condition, by_document, half, tokens.vocabulary, seed)
    ]
    if described is not None:
        maxima, of_concept, kept = _described(model, sae, described, tokens_per_batch, reporter)
        made = _by_document(maxima, "all", DESCRIBED, of_concept, kept, described.vocabulary, seed)
        records += _with_transfer(made, records, maxima, of_concept, seed)
    of_all = np.zeros(tokens.n_documents, dtype=bool)
    of_all[numbers] = half.numpy()
    records += _inside(Inside(sampler.sample(), tokens, of_all, seed))
    named = bool(len(tagged.near(numbers)))
    frequencies = tagged.frequencies()
    return GroundTruth(
        records=tuple(
            replace(one, frequency=frequencies.get(one.concept, 0.0), shown=one.shown and named)
            for one in records
        ),
        documents=len(numbers),
        left_out=left_out,
        alive=int((found.columns["all"]["sae"] > 0).any(0).sum()),
        named=named,
        descriptions=0 if described is None else described.n_documents,
        facts=known_facts(model, questions, reporter=reporter),
    )


def scorable(tokens: Tokens, concepts: Collection[str]) -> list[str]:
    """Concepts that `groundtruth` can score, those of most held-out documents first."""
    return Tagged(tokens, concepts).scorable()


def _by_document(
    found: DocumentMaxima,
    columns: str,
    condition: str,
    concepts: Mapping[str, Bool[Tensor, " D"]],
    half: Bool[Tensor, " D"],
    vocabulary: int,
    seed: int,
) -> list[ConceptRecord]:
    """Concepts by the largest values of documents, under the name of a condition."""
    scored = score_columns(found.columns[columns], concepts, half, seed=seed)
    rules = TokenRules(found.tokens[columns], vocabulary)
    records = []
    for name, (match, result) in scored["sae"].items():
        positive = concepts[name]
        rule = rules.column(rules.match(positive.numpy(), half.numpy()))
        baselines = {
            "neuron": scored["neurons"][name][1],
            "residual": scored["residual"][name][1],
            "probe": _probe(found.means[columns], positive, half, seed),
            "token": score(rule[~half], positive[~half], 1.0, seed=seed),
        }
        records.append(_record(name, condition, match, result, baselines))
    return records


def _record(
    name: str, condition: str, match: Match, result: ConceptScore, baselines: dict[str, ConceptScore]
) -> ConceptRecord:
    beats = result.f1.value >= SHOWN_F1 and result.f1.value > baselines["token"].f1.value
    return ConceptRecord(
        concept=name,
        condition=condition,
        feature=match.column,
        threshold=match.threshold,
        score=result,
        baselines=baselines,
        shown=condition == "unnamed" and beats,
        frequency=0.0,
    )


def _described(
    model: LanguageModel, sae: SAE, described: Tokens, tokens_per_batch: int, reporter: Reporter
) -> tuple[DocumentMaxima, dict[str, Bool[Tensor, " D"]], Bool[Tensor, " D"]]:
    """Maxima of the descriptions, those of each concept, and which are not of held-out templates."""
    tagged = Tagged(described, ())
    maxima = document_maxima(
        model,
        sae,
        described,
        [DESCRIBED_SPLIT],
        tagged=tagged,
        conditions=["all"],
        tokens_per_batch=tokens_per_batch,
        reporter=reporter,
    )
    entries = [tagged.entries[int(number)] for number in maxima.documents]
    names = sorted({str(entry.tags[TAG]) for entry in entries})
    of_concept = {name: torch.tensor([entry.tags[TAG] == name for entry in entries]) for name in names}
    return maxima, of_concept, torch.tensor([not entry.tags[OF_HELD_OUT_TEMPLATE] for entry in entries])


def _with_transfer(
    made: Sequence[ConceptRecord],
    chosen: Sequence[ConceptRecord],
    maxima: DocumentMaxima,
    concepts: Mapping[str, Bool[Tensor, " D"]],
    seed: int,
) -> Iterator[ConceptRecord]:
    """Records of descriptions with what the choice under "unnamed" is worth on all of them."""
    choices = {one.concept: one for one in chosen if one.condition == "unnamed"}
    for one in made:
        choice = choices.get(one.concept)
        if choice is None:
            yield one
            continue
        column = maxima.columns["all"]["sae"][:, choice.feature]
        yield replace(one, transfer=score(column, concepts[one.concept], choice.threshold, seed=seed))


def _inside(scored: Inside) -> Iterator[ConceptRecord]:
    """Records of the token level."""
    for name, scores in scored.concepts():
        baselines = {kind: result for kind, (_, result) in scores.items() if kind != "sae"}
        yield _record(name, INSIDE, *scores["sae"], baselines)


def _probe(
    means: Float[Tensor, "D d_model"], positive: Bool[Tensor, " D"], half: Bool[Tensor, " D"], seed: int
) -> ConceptScore:
    """Logistic regression on the documents' mean activations; its threshold is the best one of the first half."""
    scale = means[half].std(0).clamp_min(1e-6)
    x = ((means - means[half].mean(0)) / scale).numpy()
    probe = LogisticRegression(C=0.01, class_weight="balanced", max_iter=200)
    probe.fit(x[half.numpy()], positive[half].numpy())
    told = torch.from_numpy(probe.predict_proba(x)[:, 1]).float()
    match = Ranked(told[half][:, None]).match(positive[half])
    return score(told[~half], positive[~half], match.threshold, seed=seed)
