"""Features that fire near the mentions of a concept: what a set of features that share a concept is drawn from."""

from __future__ import annotations

import numpy as np

from monosema.corpora import NEAR, NearMentions
from monosema.index.find import FEWEST, Candidate
from monosema.index.index import FeatureIndex

LEAST_LIFT = 10.0
"""How much more often than elsewhere a feature must fire near mentions ..."""
ENOUGH_PRECISION = 0.5
"""... unless it fires near them at least this often; near is much of the text then."""
WEAKER_LIFT = 3.0
"""Those that fire only so much more often follow them: where many are active at once, hardly any is more specific."""


def find_near_tag(index: FeatureIndex, tag: str, *, n: int = 10, reach: int = NEAR) -> list[Candidate]:
    """Features that fire near a tag's spans more often than elsewhere: those that do so far more often first.

    Among these and among the others those that cover most of what is near first; score: F1 of "the position is near
    a mention". Raises `UsageError` where the text has no such tag.
    """
    mentions = NearMentions(index.tokens, tag, reach)
    inside, near, positions = np.zeros(index.d_sae, dtype=np.int64), 0, 0
    for segment in index.segments:
        marked = mentions.at(segment.places[:, 0], segment.places[:, 1])
        near, positions = near + int(marked.sum()), positions + len(marked)
        inside += np.bincount(segment.features[marked[segment.rows]], minlength=index.d_sae)
    fired = index.table["count"]
    precision = inside / np.maximum(fired, 1)
    f1 = np.where(inside >= FEWEST, 2 * inside / (fired + near), 0.0)
    share = near / positions
    far_more = precision >= min(LEAST_LIFT * share, ENOUGH_PRECISION)
    found = np.flatnonzero((f1 > 0) & (far_more | (precision >= min(WEAKER_LIFT * share, ENOUGH_PRECISION))))
    found = found[np.lexsort((found, -f1[found], ~far_more[found]))]
    return [
        Candidate(
            feature=int(feature),
            score=float(f1[feature]),
            why=f"{precision[feature]:.2f} of its {fired[feature]} firings within {reach} tokens of a mention",
        )
        for feature in found[:n]
    ]
