"""Which concepts have a feature? Scored against tags of held-out documents, beside what could do as well (C33).

For each concept the best single feature, neuron and residual direction, a linear probe and the best token or pair of
tokens, all chosen on one half of the documents and measured on the other, over all positions and over those without a
name in the last 8 tokens. A feature counts as *shown* where it reaches F1 .6 and beats the token rule on the latter:
a feature that is as good as a word is printed as not shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.evaluation.concepts import (
    ConceptScore,
    Match,
    TokenRules,
    halves,
    score,
    score_columns,
)
from monosema.evaluation.documents import CONDITIONS, DocumentMaxima, document_maxima
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent
from monosema.sae import SAE

SHOWN_F1 = 0.6
FEWEST = 6
"""Held-out documents that a concept needs to be scored."""
HELD_OUT = ("explain", "score", "report")
TAG = "concept"


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


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """All concepts that could be scored."""

    records: tuple[ConceptRecord, ...]
    documents: int
    left_out: int
    """Concepts of the documents' tags with too few held-out documents."""

    @property
    def shown_share(self) -> float:
        """Share of the scored concepts that a feature shows."""
        decisive = [one.shown for one in self.records if one.condition == "unnamed"]
        return sum(decisive) / max(len(decisive), 1)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"shown_share": self.shown_share}


def groundtruth(
    model: LanguageModel,
    sae: SAE,
    tokens: Tokens,
    *,
    tokens_per_batch: int,
    seed: int,
    reporter: Reporter | None = None,
) -> GroundTruth:
    """Score every concept that tags at least 6 held-out documents.

    Memory: see `document_maxima`. Raises `UsageError` where no document is tagged with a concept.
    """
    sae.check_model(model.name, model.hash)
    reporter = reporter or Silent()
    found = document_maxima(
        model, sae, tokens, HELD_OUT, tokens_per_batch=tokens_per_batch, reporter=reporter
    )
    entries = [tokens.document(int(number)) for number in found.documents]
    tags = [str(entry.tags[TAG]) if TAG in entry.tags else None for entry in entries]
    counts = Counter(tag for tag in tags if tag is not None)
    if not counts:
        raise UsageError(
            f'no held-out document has the tag "{TAG}"; use text that says what it is about, such as world:library'
        )
    concepts = {
        name: torch.tensor([tag == name for tag in tags])
        for name, count in sorted(counts.items())
        if count >= FEWEST
    }
    half = halves([entry.hash for entry in entries])
    records = [
        record
        for condition in CONDITIONS
        for record in _condition(found, condition, concepts, half, tokens.vocabulary, seed)
    ]
    return GroundTruth(records=tuple(records), documents=len(entries), left_out=len(counts) - len(concepts))


def _condition(
    found: DocumentMaxima,
    condition: str,
    concepts: dict[str, Bool[Tensor, " D"]],
    half: Bool[Tensor, " D"],
    vocabulary: int,
    seed: int,
) -> list[ConceptRecord]:
    scored = score_columns(found.columns[condition], concepts, half, seed=seed)
    rules = TokenRules(found.tokens[condition], vocabulary)
    records = []
    for name, (match, result) in scored["sae"].items():
        positive = concepts[name]
        rule = rules.column(rules.match(positive.numpy(), half.numpy()))
        baselines = {
            "neuron": scored["neurons"][name][1],
            "residual": scored["residual"][name][1],
            "probe": _probe(found.means[condition], positive, half, seed),
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
    )


def _probe(
    means: Float[Tensor, "D d_model"], positive: Bool[Tensor, " D"], half: Bool[Tensor, " D"], seed: int
) -> ConceptScore:
    """Logistic regression on the documents' mean activations; its threshold is the best one of the first half."""
    scale = means[half].std(0).clamp_min(1e-6)
    x = ((means - means[half].mean(0)) / scale).numpy()
    probe = LogisticRegression(C=0.01, class_weight="balanced", max_iter=200)
    probe.fit(x[half.numpy()], positive[half].numpy())
    told = torch.from_numpy(probe.predict_proba(x)[:, 1]).float()
    threshold = _best_threshold(told[half], positive[half])
    return score(told[~half], positive[~half], threshold, seed=seed)


def _best_threshold(values: Float[Tensor, " n"], positive: Bool[Tensor, " n"]) -> float:
    ordered, order = values.sort(descending=True)
    f1 = 2 * positive[order].cumsum(0) / (torch.arange(1, len(values) + 1) + int(positive.sum()))
    return float(ordered[int(f1.argmax())])
