"""How well does the best single column of a matrix tell a concept? The arithmetic of ground truth (metrics.md).

A matrix holds one row a document and one column a feature, a neuron, a coordinate: the largest value in the document.
For each concept the column and the threshold with the best F1 are chosen on one half of the documents and measured on
the other, so that a search over thousands of columns earns nothing by luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csc_array
from torch import Tensor

from monosema.evaluation.bootstrap import Figure
from monosema.evaluation.ranks import Match, Ranked

RESAMPLES = 500
Columns = str | int
"""A kind of column: neuron, residual, token, probe; or the number of an SAE, for its features."""


@dataclass(frozen=True, kw_only=True)
class ConceptScore:
    """What a match is worth on the other half."""

    f1: Figure
    precision: float
    recall: float
    auroc: float
    positives: int
    """Documents of the concept in that half; inside spans: positions."""


def score(
    values: Float[Tensor, " n"],
    positive: Bool[Tensor, " n"],
    threshold: float,
    *,
    seed: int,
    document: Int[Tensor, " n"] | None = None,
    weight: Float[Tensor, " n"] | None = None,
) -> ConceptScore:
    """Measure one column at a threshold; the interval is a bootstrap over documents.

    `document`: that of each row, from 0 on (None: each row is one); `weight`: what a row counts for (None: 1).
    """
    weight = torch.ones(len(values), dtype=torch.float64) if weight is None else weight.double()
    told = values >= threshold
    counts = torch.stack([told & positive, told, positive]) * weight  # [3, n]
    if document is not None:
        units = int(document.max()) + 1
        counts = counts.new_zeros(3, units).index_add_(1, document, counts)  # [3, documents]
    n_hits, n_told, n_positive = counts.sum(1).tolist()
    again = _draws(seed, counts.shape[1]) @ counts.T  # [resamples, 3]
    spread = 2 * again[:, 0] / (again[:, 1] + again[:, 2]).clamp_min(1)
    low, high = torch.quantile(spread, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return ConceptScore(
        f1=Figure(2 * n_hits / max(n_told + n_positive, 1.0), low, high),
        precision=n_hits / max(n_told, 1.0),
        recall=n_hits / max(n_positive, 1.0),
        auroc=auroc(values, positive, weight),
        positives=round(n_positive),
    )


@lru_cache(maxsize=4)
def _draws(seed: int, n: int) -> Float[Tensor, "resamples n"]:
    """How often each document is drawn in each resample: the same for all concepts."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return torch.from_numpy(drawn).double()


def auroc(
    values: Float[Tensor, " n"], positive: Bool[Tensor, " n"], weight: Float[Tensor, " n"] | None = None
) -> float:
    """Chance that a row with the concept has the larger value; equals count half. NaN without both kinds."""
    weight = torch.ones(len(values), dtype=torch.float64) if weight is None else weight.double()
    levels, level = values.unique(return_inverse=True)
    with_it, without = (
        weight.new_zeros(len(levels)).index_add_(0, level, weight * kind) for kind in (positive, ~positive)
    )
    below = without.cumsum(0) - without / 2  # those without it that lie lower, and half of the equals
    pairs = float(with_it.sum() * without.sum())
    return float((with_it * below).sum()) / pairs if pairs else float("nan")


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
    matrices: Mapping[Columns, Float[Tensor, "docs _"]],
    concepts: Mapping[str, Bool[Tensor, " docs"]],
    matched_on: Bool[Tensor, " docs"],
    *,
    seed: int,
) -> dict[Columns, dict[str, tuple[Match, ConceptScore]]]:
    """For each matrix (an SAE, neurons ...) and concept: the best column on one half, and its worth on the other.

    Concepts that are in none or in all documents of a half are left out.
    """
    usable = {
        name: positive
        for name, positive in concepts.items()
        if all(0 < int(positive[side].sum()) < int(side.sum()) for side in (matched_on, ~matched_on))
    }
    found: dict[Columns, dict[str, tuple[Match, ConceptScore]]] = {}
    for kind, matrix in matrices.items():
        ranked = Ranked(matrix[matched_on])
        rest = matrix[~matched_on]
        found[kind] = {}
        for name, positive in usable.items():
            match = ranked.match(positive[matched_on])
            column = rest[:, match.column]
            found[kind][name] = (match, score(column, positive[~matched_on], match.threshold, seed=seed))
    return found
