"""Which concepts have a feature? Scored against tags of held-out documents, beside what could do as well (C33).

For each concept the best single feature, neuron and residual coordinate, a linear probe and the best token or pair of
tokens. Five conditions:

    all               largest activation in the document, chosen on one half of the documents, measured on the other
    unnamed           the same without the positions that have a name in the last 8 tokens
    inside            positions inside spans of the concept's names (`inside.py`)
    described         documents that describe the concept and never name it: chosen on those of some templates, measured
                      on those of held-out templates. The descriptions recur, so that rules of tokens can learn them
    inside_described  positions of these documents, inside what describes the concept; halves as under described

A feature counts as *shown* where it reaches F1 .6 and beats the token rule on `unnamed`: a feature that is as good as
a word is printed as not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.evaluation.concepts import ConceptScore, TokenRules, score, score_columns
from monosema.evaluation.documents import CONDITIONS, DocumentMaxima, document_maxima, neurons_of
from monosema.evaluation.evaluate import check_together
from monosema.evaluation.inside import Inside, Sample, Sampler
from monosema.evaluation.known import Question, known_facts
from monosema.evaluation.probe import probe_documents
from monosema.evaluation.ranks import Match
from monosema.evaluation.tagged import HELD_OUT, TAG, Tagged
from monosema.evaluation.truth_record import ConceptRecord, GroundTruth
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent
from monosema.sae import SAE

SHOWN_F1 = 0.6
INSIDE, DESCRIBED, INSIDE_DESCRIBED = "inside", "described", "inside_described"
ONLY_SPLIT = "report"
"""Split that all documents are in which were put together for ground truth."""
OF_HELD_OUT_TEMPLATE = "held_out"
"""Tag of a description: whether its template is held out."""
OfEach = list[list[ConceptRecord]]
"""Records of each SAE."""


def groundtruth(
    model: LanguageModel, sae: SAE, tokens: Tokens, *, alive: int | None = None, **asked: Any
) -> GroundTruth:
    """Score the concepts of one SAE; `asked`: as of `groundtruth_each`."""
    (found,) = groundtruth_each(model, [sae], tokens, alive=[alive], **asked)
    return found


def groundtruth_each(
    model: LanguageModel,
    saes: Sequence[SAE],
    tokens: Tokens,
    *,
    concepts: Collection[str],
    held_out: Tokens | None = None,
    described: Tokens | None = None,
    questions: Sequence[Question] = (),
    alive: Sequence[int | None],
    tokens_per_batch: int,
    seed: int,
    reporter: Reporter | None = None,
) -> list[GroundTruth]:
    """Score every concept that tags at least 6 held-out documents, or whose spans hold enough held-out positions.

    SAEs at one place share the passes over documents, the baselines and the facts.

    `tokens`: what they were trained on. `concepts`: ids of the catalogue that marks the text. `held_out`: documents
    that they were not trained on, in split report (None: the held-out splits of `tokens`). `described`: documents with
    the tags `concept` and `held_out` (a truth value) and spans tagged with the concept, in split report. `alive`: of
    each SAE the features that are alive over the training (None: those that fire at any held-out position). Memory: see
    `document_maxima`, `Sampler` and `Inside`. Raises `UsageError` where no document is tagged with a concept, where
    `held_out` has a document of the training, and for SAEs at several places.
    """
    check_together(model, saes)
    reporter = reporter or Silent()
    trained = Tagged(tokens, concepts)
    text, tagged, splits = (
        (tokens, trained, HELD_OUT)
        if held_out is None
        else (held_out, _not_trained_on(held_out, trained, concepts), (ONLY_SPLIT,))
    )
    numbers = tagged.documents(splits)
    by_document, left_out = tagged.concepts(numbers)
    if not by_document and not left_out:
        raise UsageError(
            f'no held-out document has the tag "{TAG}"; use text that says what it is about, such as world:library'
        )
    run = _Run(model, saes, tokens_per_batch, seed, reporter)
    half = tagged.half(numbers)
    found, sample = run.maxima(text, tagged, splits, CONDITIONS)
    parts = [
        _by_document(found, condition, condition, by_document, half, text.vocabulary, seed)
        for condition in CONDITIONS
    ]
    parts.append(_inside(INSIDE, sample, text, numbers, half, seed))
    fire = [int((found.columns["all"][number] > 0).any(0).sum()) for number in range(len(saes))]
    del found, sample  # of many documents, half a gigabyte
    if described is not None:
        parts += _described(run, described, _chained(parts))
    named = bool(len(tagged.near(numbers)))
    frequencies = trained.frequencies()
    further = len(tagged.hashes(numbers) - trained.hashes(trained.documents(tokens.splits)))
    facts = known_facts(model, questions, reporter=reporter)

    def told(records: Sequence[ConceptRecord], alive: int) -> GroundTruth:
        scored = {one.concept for one in records if one.condition == "unnamed"}
        often = (name for name, share in frequencies.items() if share * alive > 1)
        return GroundTruth(
            records=tuple(
                replace(one, frequency=frequencies.get(one.concept, 0.0), shown=one.shown and named)
                for one in records
            ),
            documents=len(numbers),
            further=further,
            left_out=left_out,
            alive=alive,
            seen_unscorable=sum(name not in scored for name in often),
            named=named,
            descriptions=0 if described is None else described.n_documents,
            facts=facts,
        )

    living = (fires if known is None else known for fires, known in zip(fire, alive, strict=True))
    return [told(records, count) for records, count in zip(_chained(parts), living, strict=True)]


def _chained(parts: Sequence[OfEach]) -> OfEach:
    """Records of several conditions in one list, for each SAE."""
    return [[one for records in of_one for one in records] for of_one in zip(*parts, strict=True)]


def _not_trained_on(held_out: Tokens, trained: Tagged, concepts: Collection[str]) -> Tagged:
    """The tags of held-out documents. Raises `UsageError` where the SAEs were trained on some of them."""
    tagged = Tagged(held_out, concepts)
    both = tagged.hashes(tagged.documents(held_out.splits)) & trained.hashes(trained.documents(["train"]))
    if both:
        raise UsageError(
            f"{len(both)} documents of {held_out.folder} were trained on; leave them out of what is held out"
        )
    return tagged


@dataclass(frozen=True)
class _Run:
    """What the passes over documents share."""

    model: LanguageModel
    saes: Sequence[SAE]
    tokens_per_batch: int
    seed: int
    reporter: Reporter

    def maxima(
        self, tokens: Tokens, tagged: Tagged, splits: Sequence[str], conditions: Sequence[str]
    ) -> tuple[DocumentMaxima, Sample]:
        """The largest values of the documents of some splits, and a sample of their positions."""
        row_bytes = 4 * (self.model.width(neurons_of(self.saes[0])) + self.saes[0].config.row)
        sampler = Sampler(tokens, tagged, tagged.documents(splits), row_bytes=row_bytes, seed=self.seed)
        found = document_maxima(
            self.model,
            self.saes,
            tokens,
            splits,
            tagged=tagged,
            conditions=conditions,
            tokens_per_batch=self.tokens_per_batch,
            reporter=self.reporter,
            watch=sampler.add,
        )
        return found, sampler.sample()


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
) -> OfEach:
    """Concepts by the largest values of documents, under the name of a condition."""
    scored = score_columns(found.columns[columns], concepts, half, seed=seed)
    rules = TokenRules(found.tokens[columns], vocabulary)
    baselines = {}
    for name in scored["neurons"]:
        positive = concepts[name]
        rule = rules.column(rules.match(positive.numpy(), half.numpy()))
        baselines[name] = {
            "neuron": scored["neurons"][name][1],
            "residual": scored["residual"][name][1],
            "probe": probe_documents(found.means[columns], positive, half, seed),
            "token": score(rule[~half], positive[~half], 1.0, seed=seed),
        }
    return [
        [_record(name, condition, *one, baselines[name]) for name, one in scored[number].items()]
        for number in scored
        if isinstance(number, int)
    ]


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


def _described(run: _Run, described: Tokens, chosen: OfEach) -> list[OfEach]:
    """Records of descriptions: documents, with what the choices so far are worth on them, and positions."""
    tagged, splits = Tagged(described, ()), (ONLY_SPLIT,)
    maxima, sample = run.maxima(described, tagged, splits, ["all"])
    numbers = maxima.documents.numpy()
    entries = [tagged.entries[number] for number in numbers.tolist()]
    names = sorted({str(entry.tags[TAG]) for entry in entries})
    of_concept = {name: torch.tensor([entry.tags[TAG] == name for entry in entries]) for name in names}
    kept = torch.tensor([not entry.tags[OF_HELD_OUT_TEMPLATE] for entry in entries])
    made = _by_document(maxima, "all", DESCRIBED, of_concept, kept, described.vocabulary, run.seed)
    transferred = [
        list(_with_transfer(records, before, maxima.columns["all"][number], of_concept, run.seed))
        for number, (records, before) in enumerate(zip(made, chosen, strict=True))
    ]
    return [transferred, _inside(INSIDE_DESCRIBED, sample, described, numbers, kept, run.seed)]


def _with_transfer(
    made: Sequence[ConceptRecord],
    chosen: Sequence[ConceptRecord],
    columns: Float[Tensor, "D d_sae"],
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
        told = score(columns[:, choice.feature], concepts[one.concept], choice.threshold, seed=seed)
        yield replace(one, transfer=told)


def _inside(
    condition: str,
    sample: Sample,
    tokens: Tokens,
    numbers: Int64[np.ndarray, " D"],
    half: Bool[Tensor, " D"],
    seed: int,
) -> OfEach:
    """Records of the token level, under the name of a condition; `half`: of the documents with these numbers."""
    of_all = np.zeros(tokens.n_documents, dtype=bool)
    of_all[numbers] = half.numpy()
    found: OfEach = [[] for _ in sample.acts]
    for name, scores in Inside(sample, tokens, of_all, seed).concepts():
        baselines = {kind: result for kind, (_, result) in scores.items() if isinstance(kind, str)}
        for number, records in enumerate(found):
            records.append(_record(name, condition, *scores[number], baselines))
    return found
