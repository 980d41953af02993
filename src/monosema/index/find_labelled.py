"""Finding features by texts with labels: a sparse linear classifier on their largest activations (C24).

The paper found a feature of unsafe code so. The classifier is shown beside what could do as well: the best single
feature, chosen with its threshold on the same texts, and the larger class. scikit-learn is imported where it is used:
that takes longer than most other ways to find.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from monosema.errors import UsageError
from monosema.index.find import Among, Candidate, strengths
from monosema.index.index import FeatureIndex
from monosema.models import LanguageModel
from monosema.sae import SAE

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

HELD_OUT = 0.3
"""Share of the texts that nothing is chosen on."""
FOLDS = 3
FEWEST = 10
"""Texts of each label below which nothing can be held out."""
PATH = tuple(np.logspace(0.2, 2.6, 9).tolist())
"""Strengths that are tried, in multiples of the smallest one at which any feature has a weight."""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Share of the held-out texts that were told right."""

    value: float
    low: float
    """Lower end of the 95% interval (Wilson)."""
    high: float
    """Its upper end."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What a classifier on features makes of labelled texts."""

    features: tuple[Candidate, ...]
    """Those with a weight, for label 1 first, by weight."""
    accuracy: Accuracy
    """Of the classifier."""
    single: Accuracy
    """Of the best single feature with its best threshold."""
    best: int
    """That feature."""
    larger: Accuracy
    """Of always saying the label that more texts have."""
    held_out: int
    """Texts that the accuracies are measured on."""
    used: int
    """Features that have a weight."""


def find_by_labels(
    model: LanguageModel,
    sae: SAE,
    index: FeatureIndex,
    texts: Sequence[str],
    labels: Sequence[int],
    *,
    n: int = 10,
    seed: int = 0,
    among: Among = None,
) -> Labelled:
    """Features by the weight that an L1 logistic regression on their strengths gives them.

    `labels`: 0 or 1 for each text. Raises `UsageError` for other labels and for fewer than 10 texts of one of them.
    Memory: 4 x texts x d_sae bytes.
    """
    _check(texts, labels)
    x = np.stack([strengths(model, sae, index, text).numpy() for text in texts])
    if among is not None:
        x[:, ~among] = 0.0
    return classify(x, np.asarray(labels), n=n, seed=seed)


def classify(
    x: Float[np.ndarray, "texts d_sae"], labels: Int[np.ndarray, " texts"], *, n: int = 10, seed: int = 0
) -> Labelled:
    """The arithmetic: choose the strength of L1 by cross-validation, fit on 0.7 of the texts, measure on the others."""
    from sklearn.model_selection import train_test_split

    live = np.flatnonzero(x.any(axis=0))
    if not len(live):
        raise UsageError("no feature fires on any of the texts; give other texts")
    y = labels.astype(bool)
    fit_on, held = train_test_split(np.arange(len(y)), test_size=HELD_OUT, stratify=y, random_state=seed)
    fitted = _fitted(x[fit_on][:, live], y[fit_on], seed)
    weights = fitted.coef_[0]
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] != 0]
    column, threshold, above = best_single(x[fit_on][:, live], y[fit_on])
    more = y[fit_on].mean() >= 0.5
    return Labelled(
        features=tuple(
            Candidate(feature=int(live[one]), score=float(weights[one]), why=_why(x[:, live[one]], y))
            for one in order[:n]
        ),
        accuracy=_accuracy(fitted.predict(x[held][:, live]) == y[held]),
        single=_accuracy(((x[held][:, live[column]] > threshold) == above) == y[held]),
        best=int(live[column]),
        larger=_accuracy(y[held] == more),
        held_out=len(held),
        used=len(order),
    )


def _check(texts: Sequence[str], labels: Sequence[int]) -> None:
    if len(texts) != len(labels) or set(labels) - {0, 1}:
        raise UsageError(
            f"{len(texts)} texts have {len(labels)} labels {sorted(set(labels))[:4]}; give each text 0 or 1"
        )
    fewest = min(sum(one == label for one in labels) for label in (0, 1))
    if fewest < FEWEST:
        raise UsageError(f"one of the labels stands at {fewest} texts; give {FEWEST} or more of each")


def _fitted(
    x: Float[np.ndarray, "texts live"], y: Bool[np.ndarray, " texts"], seed: int
) -> LogisticRegression:
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import l1_min_c

    least = l1_min_c(x, y, loss="log")
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y))
    losses = [
        np.mean(
            [
                log_loss(y[rest], _fit(x[some], y[some], least * times, seed).predict_proba(x[rest]))
                for some, rest in folds
            ]
        )
        for times in PATH
    ]
    return _fit(x, y, least * PATH[int(np.argmin(losses))], seed)  # of equals the sparser


def _fit(
    x: Float[np.ndarray, "texts live"], y: Bool[np.ndarray, " texts"], C: float, seed: int
) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, solver="liblinear", max_iter=1000, random_state=seed, **_l1()).fit(x, y)


@cache
def _l1() -> Mapping[str, object]:
    """How an L1 penalty is asked for: otherwise from scikit-learn 1.8 on."""
    from sklearn.linear_model import LogisticRegression

    deprecated = inspect.signature(LogisticRegression).parameters["penalty"].default == "deprecated"
    return {"l1_ratio": 1.0} if deprecated else {"penalty": "l1"}


def best_single(x: Float[np.ndarray, "texts live"], y: Bool[np.ndarray, " texts"]) -> tuple[int, float, bool]:
    """The column, the threshold, and whether 1 lies above it, that tell most texts right; of equals the first."""
    order = np.argsort(-x, axis=0, kind="stable")
    values = np.take_along_axis(x, order, axis=0)  # [texts, live], falling
    below = np.vstack([values[1:], values[-1:] - 1.0])
    signed = np.where(y[order], 1, -1).cumsum(axis=0)  # texts above a cut with 1, less those with 0
    cut = values > below
    found = {}
    for above, right in ((True, (~y).sum() + signed), (False, y.sum() - signed)):
        place = int(np.where(cut, right, -1).argmax())
        found[above] = (int(right.flat[place]), place)
    above = found[True][0] >= found[False][0]
    row, column = np.unravel_index(found[above][1], x.shape)
    return int(column), float((values[row, column] + below[row, column]) / 2), above


def _accuracy(right: Bool[np.ndarray, " held"]) -> Accuracy:
    from scipy.stats import binomtest

    found = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return Accuracy(value=float(right.mean()), low=float(found.low), high=float(found.high))


def _why(column: Float[np.ndarray, " texts"], y: Bool[np.ndarray, " texts"]) -> str:
    with_it, without = ((column[some] > 0).mean() for some in (y, ~y))
    return f"fires on {with_it:.0%} of the texts with label 1 and {without:.0%} of the others"
