"""Finding features by what the index has counted: density, maximum, mean, top token, tag, dead ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from monosema.errors import UsageError, lookup
from monosema.index.codes import NONE
from monosema.index.find import Candidate
from monosema.index.index import FeatureIndex
from monosema.index.reduce import INTERVALS

Range = tuple[float, float]
"""Smallest and largest value, both allowed."""
RANGED = ("density", "maximum", "mean")
"""Figures of a `Filter` that are bounded."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a feature must be; None asks nothing."""

    dead: bool | None = None
    """Whether it never fires in the index."""
    density: Range | None = None
    """Share of positions at which it fires."""
    maximum: Range | None = None
    """Its largest activation."""
    mean: Range | None = None
    """Mean of its activations where it fires."""
    top_token: int | None = None
    """Token that holds most of its summed activation."""
    tag: str | None = None
    """Tag whose spans hold at least half of its firings."""
    interval: int | None = None
    """A tenth of (0, maximum], 0 the weakest, in which it fires at least once."""

    def __post_init__(self) -> None:
        for name in RANGED:
            asked = getattr(self, name)
            if asked is not None and not 0 <= asked[0] <= asked[1]:
                raise UsageError(
                    f"{name} from {asked[0]:g} to {asked[1]:g} holds nothing; give a smaller and a larger one"
                )
        if self.interval is not None and not 0 <= self.interval < INTERVALS:
            raise UsageError(f"there is no interval {self.interval}; expected 0 to {INTERVALS - 1}")


def densest(index: FeatureIndex) -> Float[np.ndarray, " d_sae"]:
    """Share of positions at which each feature fires."""
    return np.asarray(index.table["density"])


def find_by_statistics(
    index: FeatureIndex,
    where: Filter,
    *,
    n: int = 10,
    rank: Callable[[FeatureIndex], Float[np.ndarray, " d_sae"]] = densest,
) -> list[Candidate]:
    """Features that pass a filter, the most frequent first, or by `rank`; of equals the first.

    Raises `UsageError` for a tag that the text does not have.
    """
    passed = np.flatnonzero(passing(index, where))
    score = np.asarray(rank(index))[passed]
    order = np.argsort(-score, kind="stable")[:n]
    table = {name: index.table[name] for name in ("count", "density", "maximum")}
    return [
        Candidate(
            feature=int(feature),
            score=float(value),
            why=f"fires at {table['count'][feature]} positions (density {table['density'][feature]:.2g}), "
            f"largest {table['maximum'][feature]:.3g}",
        )
        for feature, value in zip(passed[order], score[order], strict=True)
    ]


def passing(index: FeatureIndex, where: Filter) -> Bool[np.ndarray, " d_sae"]:
    """Which features pass a filter."""
    passed = np.ones(index.d_sae, dtype=bool)
    count = index.table["count"]
    if where.dead is not None:
        passed &= (count == 0) == where.dead
    for name in RANGED:
        asked = getattr(where, name)
        if asked is not None:
            passed &= (index.table[name] >= asked[0]) & (index.table[name] <= asked[1])
    if where.top_token is not None:
        passed &= index.table["tokens"][:, 0] == where.top_token
    if where.tag is not None:
        number = lookup({tag: place for place, tag in enumerate(index.tags.tags)}, where.tag, "tag")
        passed &= (count > 0) & (2 * index.tags.counts(number) >= count)
    if where.interval is not None:
        samples = index.table["sample_rows"].reshape(index.d_sae, INTERVALS, -1)
        passed &= samples[:, where.interval, 0] != NONE
    return passed
