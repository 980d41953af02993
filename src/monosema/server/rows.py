"""Features of an index as records: rows with their tokens and names, and the tags in whose spans they fire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int64

from monosema.index import FeatureIndex, Name, Names
from monosema.index.tags import TagStatistics
from monosema.server.feature_records import FeatureName, FeatureRow, TagFigure, TokenFigure
from monosema.server.served import ServedSAE

TOKENS = ("tokens", "token_counts", "token_shares")
MOST_TAGS = 50


def feature_rows(served: ServedSAE, numbers: Iterable[int]) -> list[FeatureRow]:
    """What lists say of features."""
    index, names, text_of = served.index(), served.names(), served.text_of()
    table = index.table
    return [
        FeatureRow(
            number=number,
            name=feature_name(names, number),
            density=float(table["density"][number]),
            count=int(table["count"][number]),
            mean=float(table["mean"][number]),
            maximum=float(table["maximum"][number]),
            tokens=[
                TokenFigure(token=token, text=text_of(token), count=count, share=share)
                for token, count, share in zip(*_tokens(index, number).values(), strict=True)
                if token >= 0
            ],
        )
        for number in numbers
    ]


def _tokens(index: FeatureIndex, number: int) -> Mapping[str, list[Any]]:
    """Columns of a feature's tokens. Before the index is whole, those of all features cost a pass over all postings."""
    if index.finished:
        return {name: index.table[name][number].tolist() for name in TOKENS}
    row = index.table.row(number)
    return {name: row[name].tolist() for name in TOKENS}


def feature_name(names: Names | None, number: int) -> FeatureName | None:
    """A name as a record; None where there are none yet."""
    return None if names is None else name_record(names[number])


def name_record(name: Name) -> FeatureName:
    """A name as a record."""
    return FeatureName(text=name.text, confidence=name.confidence, by=name.by, rule=name.rule)


def tag_figures(served: ServedSAE, number: int) -> list[TagFigure]:
    """The tags in whose spans a feature fires, by F1, best first."""
    known = _tags(served, number)
    fired = int(served.index().table["count"][number])
    tags, counts, means = known.of(number)  # [n] each
    rows = known.rows[tags]
    f1 = 2 * counts / np.maximum(fired + rows, 1)
    return [
        TagFigure(
            tag=known.tags[tags[one]],
            positions=int(rows[one]),
            count=int(counts[one]),
            mean=float(means[one]),
            precision=float(counts[one] / fired),
            recall=float(counts[one] / rows[one]),
            f1=float(f1[one]),
        )
        for one in np.argsort(-f1, kind="stable")[:MOST_TAGS]
    ]


def tag_rows(served: ServedSAE) -> tuple[Sequence[str], Int64[np.ndarray, " T"]]:
    """The tags of an index, and how many of its rows are inside spans of each."""
    index = served.index()
    if index.finished:
        return index.tags.tags, index.tags.rows
    return served.tagged().names, served.tagged().rows


def _tags(served: ServedSAE, number: int) -> TagStatistics:
    """Tags of one feature at least; those of all, as above."""
    index = served.index()
    if index.finished:
        return index.tags
    tagged = served.tagged()
    rows, values = index.postings(number)
    pairs = tagged.pairs(np.full(len(rows), number), rows, values)
    return TagStatistics(tagged.names, tagged.rows, pairs, index.d_sae)
