"""Everything that is known of every feature of an SAE, read from a folder that `make_index` has made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from monosema.corpora import Documents
from monosema.errors import DamagedError, UsageError
from monosema.files import read_json
from monosema.index.codes import NONE
from monosema.index.contexts import Context, Decode, TokenTexts
from monosema.index.partial import PartialTable
from monosema.index.reduce import INTERVALS, QUANTILES
from monosema.index.runs import Runs
from monosema.index.segment import Segment, read_segments
from monosema.index.table import FeatureTable, Table, read_tags
from monosema.index.tags import TagStatistics

RECORD = "index.json"
SEGMENTS = "segments"
VERSION = 2
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
    first_document: int | None
    """Document in which it first fires, in the order of the index; None where it never does."""
    last_document: int | None
    """Document in which it last fires."""
    histogram: tuple[int, ...]
    """Positions by half binary logarithms of the activation (`bin_edges`)."""
    tokens: tuple[tuple[str, float], ...]
    """Tokens at which it fires with the largest summed activation, and their shares of all of it."""
    promoted: tuple[tuple[str, float], ...]
    """Tokens whose logits its direction raises most; none where no linear map leads to the residual stream."""
    suppressed: tuple[tuple[str, float], ...]
    """Tokens whose logits it lowers most."""
    neighbours: tuple[tuple[int, float], ...]
    """Features with the most similar decoder directions, and the cosines."""


class FeatureIndex:
    """Reader of an index, whole or still being made. Memory: what was asked of the table; postings are memory-mapped.

    Raises `DamagedError` for files that are not those of one index, `UsageError` for a feature that is not there.
    """

    def __init__(
        self, folder: Path, tokens: Documents, decode: Decode, opened: Sequence[Segment] = ()
    ) -> None:
        """`decode` makes text of token ids; `opened`: segments that an earlier reader of the folder has open."""
        self.folder, self.tokens, self.texts = folder, tokens, TokenTexts(decode)
        self.record = read_json(folder / RECORD)
        if self.record.get("version") != VERSION:
            raise DamagedError(
                f"{folder / RECORD} has version {self.record.get('version')!r}; expected {VERSION}: remake the index"
            )
        if self.record["tokens_hash"] != tokens.hash:
            raise DamagedError(f"{folder} was made from other tokens than those given; remake the index")
        self.d_sae = int(self.record["d_sae"])
        self.segments = read_segments(folder / SEGMENTS, opened)
        if not self.segments:
            raise UsageError(f"{folder} has no finished part yet; ask again in a while")
        self._starts = np.array([segment.start for segment in self.segments])
        self.positions = sum(segment.record.positions for segment in self.segments)
        self.finished = "positions" in self.record
        """Whether all of it is there; otherwise it is what the finished parts tell."""
        self.table: Table = FeatureTable(folder) if self.finished else self._partial

    @cached_property
    def _partial(self) -> PartialTable:
        return PartialTable(self.segments, self.d_sae, self.tokens.spans(), int(self.record["seed"]))

    @cached_property
    def tags(self) -> TagStatistics:
        """Firings by tag."""
        return read_tags(self.folder, self.d_sae) if self.finished else self._partial.tags

    @cached_property
    def _runs(self) -> Runs:
        return Runs(self.segments)

    @cached_property
    def token_counts(self) -> Int64[np.ndarray, " vocabulary"]:
        """Positions of each token, up to the largest that stands in the text. One read of 4 bytes a position."""
        most = max(int(segment.tokens.max(initial=0)) for segment in self.segments) + 1
        counts = np.zeros(most, dtype=np.int64)
        for segment in self.segments:
            counts += np.bincount(segment.tokens, minlength=most)
        return counts

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
        row = self.table.row(self.check(number))
        neighbours = zip(row.get("neighbours", ()), row.get("cosines", ()), strict=True)
        return Feature(
            number=number,
            density=float(row["density"]),
            count=int(row["count"]),
            mean=float(row["mean"]),
            maximum=float(row["maximum"]),
            first_document=self._document(int(row["first_row"])),
            last_document=self._document(int(row["last_row"])),
            histogram=tuple(int(n) for n in row["histogram"]),
            tokens=self._texts(row, "tokens", "token_shares"),
            promoted=self._texts(row, "promoted", "promoted_logits"),
            suppressed=self._texts(row, "suppressed", "suppressed_logits"),
            neighbours=tuple((int(other), float(cosine)) for other, cosine in neighbours if other != NONE),
        )

    def _document(self, row: int) -> int | None:
        return None if row == NONE else int(self.places([row])[0, 0])

    def _texts(self, row: Mapping[str, Any], tokens: str, figures: str) -> tuple[tuple[str, float], ...]:
        pairs = zip(row.get(tokens, ()), row.get(figures, ()), strict=True)
        return tuple(
            (self.texts.alone(int(token)), float(figure)) for token, figure in pairs if token != NONE
        )

    def top(self, feature: int, n: int = 20) -> list[Context]:
        """Contexts of the largest activations, largest first."""
        return self._shown(feature, self.table.row(self.check(feature))["top_rows"][:n])

    def interval(self, feature: int, number: int) -> list[Context]:
        """A uniform sample of the contexts whose activation lies in one interval of (0, max], 0 the weakest."""
        return self._sampled(feature, "sample_rows", number, INTERVALS, "interval")

    def quantile(self, feature: int, number: int) -> list[Context]:
        """A uniform sample of the contexts of one fifth of the firings, 0 the weakest."""
        return self._sampled(feature, "quantile_rows", number, QUANTILES, "quantile")

    def _sampled(self, feature: int, column: str, number: int, groups: int, what: str) -> list[Context]:
        if not 0 <= number < groups:
            raise UsageError(f"there is no {what} {number}; expected 0 to {groups - 1}")
        return self._shown(feature, self.table.row(self.check(feature))[column].reshape(groups, -1)[number])

    def _shown(self, feature: int, rows: Int64[np.ndarray, " n"]) -> list[Context]:
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
            out[some] = self.segments[number].places_of(asked[some] - self.segments[number].start)
        return out

    def fires(self, document: int, position: int) -> Int64[np.ndarray, " n"]:
        """Features that fire at a token of a document, strongest first; none at a position that is left out."""
        row = int(self._runs.rows(np.array([document]), np.array([position]))[0])
        if row == NONE:
            return np.zeros(0, dtype=np.int64)
        segment = self.segments[int(np.searchsorted(self._starts, row, side="right")) - 1]
        return segment.at(row - segment.start)

    def contexts(
        self, feature: int, rows: Sequence[int], *, before: int = BEFORE, after: int = AFTER
    ) -> list[Context]:
        """What stands around rows, with the feature's activation at each token."""
        documents, at = self._runs.places(np.asarray(rows, dtype=np.int64))
        begins = np.maximum(at - before, 0)
        spots = list(zip(documents.tolist(), begins.tolist(), at.tolist(), strict=True))
        pieces = [
            self.tokens.ids(document, begin, position + after + 1) for document, begin, position in spots
        ]
        lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
        ends = lengths.cumsum()
        positions = np.arange(lengths.sum()) + np.repeat(begins - ends + lengths, lengths)
        values = self._values(feature, self._runs.rows(np.repeat(documents, lengths), positions))
        texts = self.texts.of_each([piece.tolist() for piece in pieces])
        return [
            Context(
                document=document,
                source=entry.source,
                tags=dict(entry.tags),
                tokens=tokens,
                activations=tuple(activations.tolist()),
                peak=position - begin,
            )
            for (document, begin, position), entry, tokens, activations in zip(
                spots,
                self.tokens.documents(documents),
                texts,
                np.split(values, ends[:-1]) if len(ends) else [],
                strict=True,
            )
        ]

    def _values(self, feature: int, rows: Int64[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Activations at rows, 0 where the feature does not fire or there is no row."""
        out = np.zeros(len(rows))
        owner = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(owner[rows != NONE]).tolist():
            fired, values = self.segments[number].of(feature)
            if len(fired):
                at = np.minimum(np.searchsorted(fired, rows), len(fired) - 1)
                hit = fired[at] == rows
                out[hit] = values[at[hit]]
        return out
