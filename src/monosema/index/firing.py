"""One feature's firings counted anew: by tenth of its range, by token, and where it is silent at its own token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from monosema.index.codes import NONE
from monosema.index.index import FeatureIndex
from monosema.index.reduce import INTERVALS, interval_of, priority_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Silent:
    """Positions of a feature's first token at which it does not fire."""

    token: int
    """The token that holds most of its summed activation; -1 for a feature that never fires."""
    positions: int
    """How many there are."""
    rows: Int64[np.ndarray, " n"]
    """A uniform sample of their rows, in the order in which they were drawn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenFirings:
    """Each token at which a feature fires, those with the largest sum of activations first."""

    token: Int64[np.ndarray, " m"]
    count: Int64[np.ndarray, " m"]
    """Positions of the token at which it fires."""
    positions: Int64[np.ndarray, " m"]
    """All positions of the token."""
    sum: Float[np.ndarray, " m"]
    """Sum of its activations at the token."""

    @property
    def mean(self) -> Float[np.ndarray, " m"]:
        """Mean activation over all positions of the token, those where it is silent among them."""
        return self.sum / self.positions

    @property
    def share(self) -> Float[np.ndarray, " m"]:
        """Share of the feature's summed activation that is at the token."""
        return self.sum / max(float(self.sum.sum()), np.finfo(np.float64).tiny)

    def rows(self, n: int) -> list[dict[str, float]]:
        """The first n as token, count, positions, mean and share."""
        names = ("token", "count", "positions", "mean", "share")
        columns = (getattr(self, name)[:n].tolist() for name in names)
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def firings_by_token(index: FeatureIndex, feature: int) -> TokenFirings:
    """How a feature answers to every token. Cost: one read of its postings and of the tokens where it fires."""
    rows, values = index.postings(feature)
    fired, inverse = np.unique(index.places(rows)[:, 2], return_inverse=True)
    total = np.bincount(inverse, weights=values, minlength=len(fired)).astype(np.float64)
    order = np.argsort(-total, kind="stable")
    return TokenFirings(
        token=fired[order],
        count=np.bincount(inverse, minlength=len(fired))[order],
        positions=index.token_counts[fired[order]],
        sum=total[order],
    )


def firings_by_interval(
    index: FeatureIndex, feature: int
) -> tuple[Float[np.ndarray, " edges"], Int64[np.ndarray, " intervals"]]:
    """Edges of the equal intervals of (0, max] that samples are drawn from, and how often a feature fires in each.

    Cost: one read of its postings. A feature that never fires has edges of 0.
    """
    _, values = index.postings(feature)
    largest = float(values.max()) if len(values) else 0.0
    counts = np.zeros(INTERVALS, dtype=np.int64)
    if largest > 0:
        counts = np.bincount(interval_of(values.astype(np.float64), largest), minlength=INTERVALS)
    return np.linspace(0.0, largest, INTERVALS + 1), counts


def silent_at_its_token(index: FeatureIndex, feature: int, n: int = 10) -> Silent:
    """Where a feature is silent although the token that it fires on most stands there: n of them, the same each time.

    Positions that are left out do not count. Cost: one read of the tokens of all rows (4 bytes each) and of the
    feature's postings.
    """
    token = int(index.table.row(index.check(feature))["tokens"][0])
    if token == NONE:
        return Silent(token=NONE, positions=0, rows=np.zeros(0, dtype=np.int64))
    here = [np.flatnonzero(segment.tokens == token) + segment.start for segment in index.segments]
    fired, _ = index.postings(feature)
    rows = np.setdiff1d(np.concatenate(here), fired, assume_unique=True)
    drawn = priority_of(rows, np.full(len(rows), feature), int(index.record["seed"]))
    return Silent(token=token, positions=len(rows), rows=rows[np.argsort(drawn, kind="stable")[:n]])
