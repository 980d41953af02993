"""Features that fire near the mentions of a concept: what a set of features that share a concept is drawn from."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

from monosema.errors import UsageError
from monosema.index.find import FEWEST, Candidate
from monosema.index.index import FeatureIndex
from monosema.index.segment import key_of

REACH = 30
"""Tokens after the beginning of a mention that count as near it."""
LEAST_PRECISION = 0.3


def find_near_tag(index: FeatureIndex, tag: str, *, n: int = 10, reach: int = REACH) -> list[Candidate]:
    """Features with most of their firings near a tag's spans, those that cover most of what is near first.

    Score: F1 of "the position is near a mention". Raises `UsageError` where the text has no such tag.
    """
    starts = _starts(index, tag)
    inside, near = np.zeros(index.d_sae, dtype=np.int64), 0
    for segment in index.segments:
        marked = _within(segment.keys, starts, reach)
        near += int(marked.sum())
        inside += np.bincount(segment.features[marked[segment.rows]], minlength=index.d_sae)
    fired = index.table["count"]
    precision = inside / np.maximum(fired, 1)
    f1 = np.where((precision >= LEAST_PRECISION) & (inside >= FEWEST), 2 * inside / (fired + near), 0.0)
    return [
        Candidate(
            feature=int(feature),
            score=float(f1[feature]),
            why=f"{precision[feature]:.2f} of its {fired[feature]} firings within {reach} tokens of a mention",
        )
        for feature in np.argsort(-f1, kind="stable")[:n]
        if f1[feature] > 0
    ]


def _starts(index: FeatureIndex, tag: str) -> Int64[np.ndarray, " n"]:
    spans = index.tokens.spans()
    mine = np.array([one == tag for one in spans.tag], dtype=bool)
    if not mine.any():
        raise UsageError(
            f'the text of this index never names "{tag}"; give a concept that it names, or texts'
        )
    document, start = spans.document[mine].astype(np.int64), spans.start[mine].astype(np.int64)
    return np.unique(key_of(document, start))


def _within(
    keys: Int64[np.ndarray, " n"], starts: Int64[np.ndarray, " m"], reach: int
) -> Bool[np.ndarray, " n"]:
    """Whether a start lies at most `reach` - 1 tokens before each position, in the same document."""
    last = np.searchsorted(starts, keys, side="right") - 1
    return (last >= 0) & (keys - starts[np.maximum(last, 0)] < reach)
