"""Probes as baselines: a linear reading of activations, and where to cut what it says.

A probe that has seen few documents of a concept is sure of all of them, so that the best threshold on those lies too
high for others. So the threshold is chosen on what two probes say, each fitted on the documents of one fold, of the
documents of the other fold; the probe itself is then fitted on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monosema.evaluation.concepts import ConceptScore, score
from monosema.evaluation.ranks import Ranked

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

STRENGTH = 0.01
"""Inverse weight of the penalty (scikit-learn's C) where a probe is fitted on all rows of the half."""


def cross_fitted(
    fit: Callable[[Bool[Tensor, " n"]], Float[Tensor, " n"]],
    positive: Bool[Tensor, " n"],
    document: Int[Tensor, " n"],
) -> Float[Tensor, " n"]:
    """What is said of each row by the probe that has not seen its document.

    `fit`: fits on some rows and says something of all. Where too few documents differ for two folds, it is fitted on
    all rows.
    """
    fold = _fold(positive, document)
    if any(positive[side].all() or not positive[side].any() for side in (fold, ~fold)):
        return fit(torch.ones_like(positive))
    return torch.where(fold, fit(~fold), fit(fold))


def _fold(positive: Bool[Tensor, " n"], document: Int[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Which rows are in the first fold: whole documents, those with the concept and the others taking turns."""
    known, row = document.unique(return_inverse=True)
    has = torch.zeros(len(known), dtype=torch.bool)
    has[row[positive]] = True
    turn = torch.where(has, has.cumsum(0), (~has).cumsum(0))
    return (turn % 2 == 1)[row]


def probe_documents(
    means: Float[Tensor, "D d_model"], positive: Bool[Tensor, " D"], half: Bool[Tensor, " D"], seed: int
) -> ConceptScore:
    """Logistic regression on the documents' mean activations, fitted on one half and measured on the other."""
    from sklearn.linear_model import LogisticRegression  # heavy, and most verbs need no probe

    scale = means[half].std(0).clamp_min(1e-6)
    x = ((means - means[half].mean(0)) / scale).numpy()
    first, truth = x[half.numpy()], positive[half]

    def fit(rows: Bool[Tensor, " n"]) -> LogisticRegression:
        share = float(rows.float().mean())  # so that the penalty weighs the same against fewer rows
        probe = LogisticRegression(C=STRENGTH / share, class_weight="balanced", max_iter=200)
        probe.fit(first[rows.numpy()], truth[rows].numpy())
        return probe

    told = cross_fitted(lambda rows: _says(fit(rows), first), truth, torch.arange(len(truth)))
    match = Ranked(told[:, None], above=-torch.inf).match(truth)
    rest = _says(fit(torch.ones_like(truth)), x[~half.numpy()])
    return score(rest, positive[~half], match.threshold, seed=seed)


def _says(probe: LogisticRegression, x: Float[np.ndarray, "n d_model"]) -> Float[Tensor, " n"]:
    """The log odds of a concept."""
    return torch.from_numpy(probe.decision_function(x)).float()
