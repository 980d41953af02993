"""Lists of features: which ones, in which order, and a page of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int64
from pydantic import Field

from monosema.errors import UsageError, lookup
from monosema.files import digest_json
from monosema.index import FeatureIndex
from monosema.server.errors import ChangedError
from monosema.server.fresh import Versioned

Sort = Literal["number", "density", "count", "mean", "maximum", "f1"]
MOST_A_PAGE = 200


class FeaturesQuery(Versioned):
    """Which features, in which order. Every condition that is given must hold."""

    sort: Sort = "number"
    """What to sort by; `f1` needs `tag`. Of equals the smaller number comes first."""
    order: Literal["up", "down"] = "up"
    min_density: float | None = None
    """Least share of positions at which it fires."""
    max_density: float | None = None
    min_count: float | None = None
    """Least number of positions at which it fires."""
    max_count: float | None = None
    min_mean: float | None = None
    """Least mean activation where it fires."""
    max_mean: float | None = None
    min_maximum: float | None = None
    """Least largest activation."""
    max_maximum: float | None = None
    dead: bool | None = None
    """Only those that never fire in the index, or only the others."""
    tag: str | None = Field(None, max_length=200)
    """Only those that fire inside the spans of this tag."""
    q: str | None = Field(None, max_length=200)
    """Only those with a token in their `tokens` whose text this regular expression (RE2) matches somewhere."""
    limit: int = Field(50, ge=1, le=MOST_A_PAGE)
    """Features of a page."""
    cursor: str | None = Field(None, max_length=100)
    """`next` of the page before."""


STATISTICS = ("density", "count", "mean", "maximum")


def select(
    index: FeatureIndex, asked: FeaturesQuery, text_of: Callable[[int], str]
) -> Int64[np.ndarray, " n"]:
    """Numbers of all features that are asked for, in their order. Raises `UsageError` for what cannot be asked."""
    chosen = np.ones(index.d_sae, dtype=bool)
    for name in STATISTICS:
        column, low, high = (
            index.table[name],
            getattr(asked, f"min_{name}"),
            getattr(asked, f"max_{name}"),
        )
        if low is not None:
            chosen &= column >= low
        if high is not None:
            chosen &= column <= high
    if asked.dead is not None:
        chosen &= (index.table["count"] == 0) == asked.dead
    if asked.tag is not None:
        chosen &= index.tags.counts(tag_number(index, asked.tag)) > 0
    if asked.q is not None:
        chosen &= fires_on(index, asked.q, text_of)
    numbers = np.flatnonzero(chosen)
    keys = _keys(index, asked)[numbers]
    return numbers[np.argsort(keys if asked.order == "up" else -keys, kind="stable")]


def _keys(index: FeatureIndex, asked: FeaturesQuery) -> Float[np.ndarray, " d_sae"]:
    if asked.sort == "number":
        return np.arange(index.d_sae, dtype=np.float64)
    if asked.sort != "f1":
        return np.asarray(index.table[asked.sort], dtype=np.float64)
    if asked.tag is None:
        raise UsageError("sort is f1, but no tag is given; name one with tag")
    return f1_of(index, tag_number(index, asked.tag))


def tag_number(index: FeatureIndex, tag: str) -> int:
    """Number of a tag among those of an index; raise `UsageError` with the nearest one."""
    return lookup({name: number for number, name in enumerate(index.tags.tags)}, tag, "tag")


def f1_of(index: FeatureIndex, tag: int) -> Float[np.ndarray, " d_sae"]:
    """F1 of "the position is inside a span of the tag", told by each feature."""
    both = index.table["count"] + index.tags.rows[tag]
    return 2 * index.tags.counts(tag) / np.maximum(both, 1)


def fires_on(
    index: FeatureIndex, expression: str, text_of: Callable[[int], str]
) -> Bool[np.ndarray, " d_sae"]:
    """Features with a top token whose text an expression matches.

    Arrow's engine (RE2) takes time and memory linear in both, whatever the expression. Raises `UsageError` for one that
    is none.
    """
    tokens = np.asarray(index.table["tokens"])  # [d_sae, 10]
    used = np.unique(tokens[tokens >= 0])
    texts = pa.array([text_of(int(token)) for token in used], pa.string())
    try:
        hit = pc.match_substring_regex(texts, pattern=expression)
    except pa.ArrowInvalid as error:
        raise UsageError(f"q: {error}") from None
    return np.asarray(np.isin(tokens, used[hit.to_numpy(zero_copy_only=False)]).any(axis=1))


def page(
    numbers: Int64[np.ndarray, " n"], asked: FeaturesQuery, version: str
) -> tuple[Int64[np.ndarray, " m"], str | None]:
    """The page that is asked for, and the cursor of the next one; None on the last.

    A cursor is good for one version and one question. Raises `ChangedError` for another version and `UsageError`
    for another question.
    """
    question = digest_json(asked.model_dump(exclude={"cursor", "limit", "v"}))[:8]
    start = 0 if asked.cursor is None else _start(asked.cursor, version, question)
    end = start + asked.limit
    return numbers[start:end], f"{version}.{question}.{end}" if end < len(numbers) else None


def _start(cursor: str, version: str, question: str) -> int:
    parts = cursor.split(".")
    if len(parts) != 3 or not (parts[2].isascii() and parts[2].isdigit()):
        raise UsageError(f"cursor is {cursor!a}; expected the `next` of a page")
    if parts[0] != version:
        raise ChangedError("the list was remade since this cursor was given")
    if parts[1] != question:
        raise UsageError("this cursor is of a list with another order or other conditions; ask without it")
    return int(parts[2])
