"""How well does the best single column of a matrix tell a concept? The arithmetic of ground truth (metrics.md).

A matrix holds one row a document and one column a feature, a neuron, a coordinate: the largest value in the document.
For each concept the column and the threshold with the best F1 are chosen on one half of the documents and measured on
the other, so that a search over thousands of columns earns nothing by luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csc_array
from torch import Tensor

from monosema.evaluation.bootstrap import Figure

RESAMPLES = 500
_COLUMNS = 2048


@dataclass(frozen=True)
class Match:
    """What was chosen for a concept on the first half."""

    column: int
    threshold: float
    """A document is told to have the concept where the column is at least this."""
    f1: float
    """On the half that it was chosen on: too good, because it was chosen there."""


@dataclass(frozen=True, kw_only=True)
class ConceptScore:
    """What a match is worth on the other half."""

    f1: Figure
    precision: float
    recall: float
    auroc: float
    positives: int
    """Documents of the concept in that half."""


class Ranked:
    """A matrix with its columns sorted, so that many concepts are matched quickly.

    Memory: 8 bytes an entry, and 10 bytes x documents x 2,048 while a concept is matched.
    """

    def __init__(self, values: Float[Tensor, "docs columns"]) -> None:
        self.values, order = values.sort(dim=0, descending=True, stable=True)
        self._order = order.to(torch.int32)

    def match(self, positive: Bool[Tensor, " docs"]) -> Match:
        """The column and threshold with the best F1; of equals the lower column, then the higher threshold."""
        best = Match(0, float("inf"), -1.0)
        docs = torch.arange(1, len(positive) + 1)[:, None]
        total = int(positive.sum())
        for begin in range(0, self.values.shape[1], _COLUMNS):
            some = slice(begin, begin + _COLUMNS)
            values = self.values[:, some]
            hits = positive[self._order[:, some].long()].cumsum(0)
            f1 = 2.0 * hits / (docs + total)
            tied = torch.zeros_like(values, dtype=torch.bool)
            tied[:-1] = values[:-1] == values[1:]  # a threshold cannot cut between equals
            f1[tied | (values <= 0)] = -1.0
            top = f1.max(dim=0)
            column = int(top.values.argmax())
            if float(top.values[column]) > best.f1:
                row = int(top.indices[column])
                best = Match(begin + column, float(values[row, column]), float(top.values[column]))
        return best


def score(
    values: Float[Tensor, " docs"], positive: Bool[Tensor, " docs"], threshold: float, *, seed: int
) -> ConceptScore:
    """Measure one column at a threshold; the interval is a bootstrap over documents."""
    told = values >= threshold
    hits = told & positive
    counts = torch.stack([hits, told, positive]).double()  # [3, docs]
    n_hits, n_told, n_positive = counts.sum(1).tolist()
    draws = np.random.default_rng(seed).multinomial(
        len(values), np.full(len(values), 1 / len(values)), RESAMPLES
    )
    again = torch.from_numpy(draws).double() @ counts.T  # [resamples, 3]
    spread = 2 * again[:, 0] / (again[:, 1] + again[:, 2]).clamp_min(1)
    low, high = torch.quantile(spread, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return ConceptScore(
        f1=Figure(2 * n_hits / max(n_told + n_positive, 1.0), low, high),
        precision=n_hits / max(n_told, 1.0),
        recall=n_hits / max(n_positive, 1.0),
        auroc=auroc(values, positive),
        positives=int(n_positive),
    )


def auroc(values: Float[Tensor, " docs"], positive: Bool[Tensor, " docs"]) -> float:
    """Chance that a document with the concept has the larger value; equals count half. NaN without both kinds."""
    n_positive, n = int(positive.sum()), len(positive)
    if n_positive in (0, n):
        return float("nan")
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0).double() - (counts - 1) / 2)[inverse]  # mean rank among equals, from 1
    above = float(ranks[positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * (n - n_positive))


class TokenRules:
    """ "This token, or this pair of tokens, stands in the document": the rule that a feature has to beat."""

    def __init__(self, documents: Sequence[Int[np.ndarray, " _"]], vocabulary: int) -> None:
        """`documents`: the tokens of each, -1 where a position does not count."""
        rows, columns = [], []
        for number, ids in enumerate(documents):
            pairs = ids[:-1].astype(np.int64) * vocabulary + ids[1:] + vocabulary
            names = np.unique(np.concatenate([ids[ids >= 0], pairs[(ids[:-1] >= 0) & (ids[1:] >= 0)]]))
            rows.append(np.full(len(names), number))
            columns.append(names)
        self._names, columns_ = np.unique(np.concatenate(columns), return_inverse=True)
        shape = (len(documents), len(self._names))
        self._has = csc_array(
            (np.ones(len(columns_), np.float32), (np.concatenate(rows), columns_)), shape=shape
        )

    def match(self, positive: Bool[np.ndarray, " docs"], half: Bool[np.ndarray, " docs"]) -> int:
        """The rule with the best F1 on one half of the documents."""
        hits = (positive & half).astype(np.float32) @ self._has
        told = half.astype(np.float32) @ self._has
        return int(np.argmax(2 * hits / (told + (positive & half).sum())))

    def column(self, rule: int) -> Float[Tensor, " docs"]:
        """1 where the rule holds."""
        return torch.from_numpy(self._has[:, [rule]].toarray()[:, 0])


def halves(documents: Sequence[bytes]) -> Bool[Tensor, " docs"]:
    """Which documents are matched on, by their content hashes; the others are scored on."""
    return torch.tensor([document[-1] % 2 == 0 for document in documents], dtype=torch.bool)


def score_columns(
    matrices: Mapping[str, Float[Tensor, "docs _"]],
    concepts: Mapping[str, Bool[Tensor, " docs"]],
    matched_on: Bool[Tensor, " docs"],
    *,
    seed: int,
) -> dict[str, dict[str, tuple[Match, ConceptScore]]]:
    """For each matrix (SAE, neurons ...) and concept: the best column on one half, and its worth on the other.

    Concepts without a document in both halves are left out.
    """
    usable = {
        name: positive
        for name, positive in concepts.items()
        if bool((positive & matched_on).any()) and bool((positive & ~matched_on).any())
    }
    found: dict[str, dict[str, tuple[Match, ConceptScore]]] = {}
    for kind, matrix in matrices.items():
        ranked = Ranked(matrix[matched_on])
        rest = matrix[~matched_on]
        found[kind] = {}
        for name, positive in usable.items():
            match = ranked.match(positive[matched_on])
            column = rest[:, match.column]
            found[kind][name] = (match, score(column, positive[~matched_on], match.threshold, seed=seed))
    return found
