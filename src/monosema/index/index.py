"""Everything that is known of every feature of an SAE, read from a folder that `make_index` has made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64

from monosema.artifact import read_json
from monosema.corpora import Tokens, key_of, position_of
from monosema.errors import DamagedError, UsageError
from monosema.index.contexts import Context, Decode, token_texts
from monosema.index.segment import read_segments
from monosema.index.statistics import INTERVALS, NONE
from monosema.index.table import FeatureTable, read_tags
from monosema.index.tags import TagStatistics

RECORD = "index.json"
SEGMENTS = "segments"
VERSION = 1
BEFORE, AFTER = 16, 8
"""Tokens of a context around its peak."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """What is known of one feature."""

    number: int
    """Its row of the decoder."""
    density: float
    """Share of positions at which it fires."""
    count: int
    """Positions at which it fires."""
    mean: float
    """Mean of its activations where it fires."""
    maximum: float
    """Largest activation."""
    histogram: tuple[int, ...]
    """Positions by half binary logarithms of the activation (`statistics.bin_edges`)."""
    promoted: tuple[tuple[str, float], ...]
    """Tokens whose logits its direction raises most."""
    suppressed: tuple[tuple[str, float], ...]
    """Tokens whose logits it lowers most."""
    neighbours: tuple[tuple[int, float], ...]
    """Features with the most similar decoder directions, and the cosines."""


class FeatureIndex:
    """Reader of an index. Memory: the table of features; postings and tokens are memory-mapped.

    Raises `DamagedError` for files that are not those of one index, `UsageError` for a feature that is not there.
    """

    def __init__(self, folder: Path, tokens: Tokens, decode: Decode) -> None:
        """`decode` makes text of token ids."""
        self.folder, self.tokens, self._decode = folder, tokens, decode
        self.record = read_json(folder / RECORD)
        if self.record.get("version") != VERSION:
            raise DamagedError(
                f"{folder / RECORD} has version {self.record.get('version')!r}; expected {VERSION}"
            )
        if self.record["tokens_hash"] != tokens.hash:
            raise DamagedError(f"{folder} was made from other tokens than those given; remake the index")
        self.d_sae = int(self.record["d_sae"])
        self.table = FeatureTable(folder)
        self.segments = read_segments(folder / SEGMENTS)
        self._starts = np.array([segment.start for segment in self.segments])
        self.positions = sum(segment.record.positions for segment in self.segments)

    @cached_property
    def tags(self) -> TagStatistics:
        """Firings by tag."""
        return read_tags(self.folder)

    def check(self, feature: int) -> int:
        """The number of a feature; raise `UsageError` where there is none."""
        if not 0 <= feature < self.d_sae:
            raise UsageError(f"there is no feature {feature}; this SAE has 0 to {self.d_sae - 1}")
        return feature

    def maximum(self, feature: int) -> float:
        """Largest activation of a feature."""
        return float(self.table["maximum"][self.check(feature)])

    def feature(self, number: int) -> Feature:
        """What is known of a feature."""
        self.check(number)
        row = {
            name: self.table[name][number] for name in ("density", "count", "mean", "maximum", "histogram")
        }
        neighbours = zip(self.table["neighbours"][number], self.table["cosines"][number], strict=True)
        return Feature(
            number=number,
            density=float(row["density"]),
            count=int(row["count"]),
            mean=float(row["mean"]),
            maximum=float(row["maximum"]),
            histogram=tuple(int(n) for n in row["histogram"]),
            promoted=self._tokens_of(number, "promoted"),
            suppressed=self._tokens_of(number, "suppressed"),
            neighbours=tuple((int(other), float(cosine)) for other, cosine in neighbours),
        )

    def _tokens_of(self, number: int, end: str) -> tuple[tuple[str, float], ...]:
        pairs = zip(self.table[end][number], self.table[f"{end}_logits"][number], strict=True)
        return tuple((self._decode([int(token)]), float(logit)) for token, logit in pairs)

    def top(self, feature: int, n: int = 20) -> list[Context]:
        """Contexts of the largest activations, largest first."""
        rows = self.table["top_rows"][self.check(feature)]
        return self.contexts(feature, [int(row) for row in rows if row != NONE][:n])

    def interval(self, feature: int, number: int) -> list[Context]:
        """A uniform sample of the contexts whose activation lies in one interval of (0, max], 0 the weakest."""
        if not 0 <= number < INTERVALS:
            raise UsageError(f"there is no interval {number}; expected 0 to {INTERVALS - 1}")
        rows = self.table["sample_rows"][self.check(feature)].reshape(INTERVALS, -1)[number]
        return self.contexts(feature, [int(row) for row in rows if row != NONE])

    def postings(self, feature: int) -> tuple[Int64[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """All rows at which a feature fires, ascending, and its activations there."""
        parts = [segment.of(self.check(feature)) for segment in self.segments]
        return np.concatenate([rows for rows, _ in parts]), np.concatenate([values for _, values in parts])

    def places(self, rows: Sequence[int] | Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "n 3"]:
        """Document, position in it and token of rows."""
        asked = np.asarray(rows, dtype=np.int64)
        out = np.empty((len(asked), 3), dtype=np.int64)
        owner = np.searchsorted(self._starts, asked, side="right") - 1
        for number in np.unique(owner):
            some = owner == number
            out[some] = self.segments[number].places[asked[some] - self.segments[number].start]
        return out

    def contexts(
        self, feature: int, rows: Sequence[int], *, before: int = BEFORE, after: int = AFTER
    ) -> list[Context]:
        """What stands around rows, with the feature's activation at each token."""
        fired, values = self.postings(feature)
        places = self.places(fired)
        keys = key_of(places[:, 0], places[:, 1])
        order = np.argsort(keys)
        keys, values = keys[order], values[order]
        found = []
        for document, position, _ in self.places(rows):
            ids = self.tokens.ids(int(document))
            begin, end = max(int(position) - before, 0), min(int(position) + after + 1, len(ids))
            low, high = np.searchsorted(keys, key_of(np.full(2, document), np.array([begin, end])))
            activations = np.zeros(end - begin)
            activations[position_of(keys[low:high]) - begin] = values[low:high]
            entry = self.tokens.document(int(document))
            found.append(
                Context(
                    document=int(document),
                    source=entry.source,
                    tags=dict(entry.tags),
                    tokens=token_texts(self._decode, ids[begin:end].tolist()),
                    activations=tuple(activations.tolist()),
                    peak=int(position) - begin,
                )
            )
        return found
