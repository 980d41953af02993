"""Rows of positions out of documents of tokens, and batches out of rows. Arithmetic on numbers only.

A row is four numbers: `document`, where it begins; `offset`, of its first stored token in that document (joined:
may be negative, counting into the prefix); `length`, its positions, prefix included; `kept`, those kept.
Rows stand grouped by split, and in each split in an order drawn once from the seed, so that a batch mixes
documents. Batches are a function of the rows and of `tokens_per_batch` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int, UInt8

WINDOW = 512
"""Rows for about so many batches are sorted by length together, so that batches hold rows of like length."""
MOST_PADDING = 0.05
"""A batch is closed before its share of padding would be more."""


@dataclass(frozen=True)
class Stream:
    """The documents of a split end to end, each with its prefix."""

    members: Int[np.ndarray, " m"]
    """Numbers of the documents."""
    begins: Int[np.ndarray, " m_and_1"]
    """Where each begins in the stream, and where the last one ends."""
    put: Int[np.ndarray, " m"]
    """How many tokens of prefix each has."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The documents as packing sees them; numbers only."""

    starts: Int[np.ndarray, " documents"]
    """Where the tokens of each document begin in the file."""
    lengths: Int[np.ndarray, " documents"]
    """How many tokens each has, without prefix."""
    opens: Bool[np.ndarray, " documents"]
    """Whether its own tokens begin with the prefix, so that none is put before."""
    splits: Int[np.ndarray, " documents"]
    """Number of the split of each."""
    prefix: int
    """How many tokens are put before (BOS): 0 or 1, seldom more."""
    context: int
    """Most positions in a row."""
    _streams: dict[int, Stream] = field(default_factory=dict, init=False, repr=False)

    def members(self, split: int) -> Int[np.ndarray, " members"]:
        """Numbers of the documents of a split, in their order."""
        return np.flatnonzero(self.splits == split)

    def stream(self, split: int) -> Stream:
        """The documents of a split end to end (worked out once)."""
        if split not in self._streams:
            members = self.members(split)
            put = np.where(self.opens[members], 0, self.prefix)
            begins = np.concatenate([[0], np.cumsum(self.lengths[members] + put)])
            self._streams[split] = Stream(members, begins, put)
        return self._streams[split]


@dataclass(frozen=True)
class Positions:
    """Where each position of some rows comes from."""

    document: Int[np.ndarray, "b s"]
    """Number of the document; -1 at padding."""
    offset: Int[np.ndarray, "b s"]
    """Offset among the tokens of that document; negative in the prefix, -prefix first; 0 at padding."""

    @property
    def real(self) -> Bool[np.ndarray, "b s"]:
        """False at padding."""
        return self.document >= 0


@runtime_checkable
class Packing(Protocol):
    """One way to make rows."""

    def rows(self, layout: Layout, split: int) -> Int[np.ndarray, "rows 3"]:
        """Return document, offset and length of each row of a split, in the order of the documents."""

    def expand(self, layout: Layout, rows: Int[np.ndarray, "b columns"]) -> Positions:
        """Return where each position of some rows comes from, padded on the right to the longest."""


class Separate:
    """Each row is a piece of one document, with the prefix before it: attention never crosses documents."""

    def rows(self, layout: Layout, split: int) -> Int[np.ndarray, "rows 3"]:
        """Cut each document into pieces of `context` positions; the last one is shorter."""
        members = layout.members(split)
        lengths = layout.lengths[members]
        first = layout.context - np.where(layout.opens[members], 0, layout.prefix)
        later = layout.context - layout.prefix
        extra = np.maximum(lengths - first, 0)
        pieces = 1 + -(-extra // later)  # [members]
        owner = np.repeat(np.arange(len(members)), pieces)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        offset = np.where(number == 0, 0, first[owner] + (number - 1) * later)
        stored = np.minimum(lengths[owner] - offset, np.where(number == 0, first[owner], later))
        put = np.where((number == 0) & layout.opens[members][owner], 0, layout.prefix)
        return np.stack([members[owner], offset, stored + put], axis=1)

    def expand(self, layout: Layout, rows: Int[np.ndarray, "b columns"]) -> Positions:
        """See `Packing`."""
        document, offset, length = (rows[:, column, None] for column in range(3))
        column = np.arange(int(length.max(initial=0)))
        put = np.where((offset == 0) & layout.opens[document], 0, layout.prefix)  # [b, 1]
        real = column < length
        place = np.where(column < put, column - put, offset + column - put)
        return Positions(np.where(real, document, -1), np.where(real, place, 0))


class Joined:
    """The documents of a split end to end, each with its prefix, cut each `context` positions.

    What is left at the end of a split, less than one context, is in no row.
    """

    def rows(self, layout: Layout, split: int) -> Int[np.ndarray, "rows 3"]:
        """Cut the split into windows of exactly `context` positions."""
        stream = layout.stream(split)
        place = np.arange(int(stream.begins[-1]) // layout.context) * layout.context
        owner = np.searchsorted(stream.begins, place, side="right") - 1
        offset = place - stream.begins[owner] - stream.put[owner]
        return np.stack([stream.members[owner], offset, np.full_like(place, layout.context)], axis=1)

    def expand(self, layout: Layout, rows: Int[np.ndarray, "b columns"]) -> Positions:
        """See `Packing`; the rows must be of one split."""
        if not len(rows):
            empty = np.zeros((0, layout.context), dtype=np.int64)
            return Positions(empty, empty)
        stream = layout.stream(int(layout.splits[rows[0, 0]]))
        owner = np.searchsorted(stream.members, rows[:, 0])
        place = stream.begins[owner] + stream.put[owner] + rows[:, 1]
        places = place[:, None] + np.arange(layout.context)  # [b, context]
        owners = np.searchsorted(stream.begins, places, side="right") - 1
        return Positions(stream.members[owners], places - stream.begins[owners] - stream.put[owners])


PACKINGS: dict[str, Packing] = {"separate": Separate(), "joined": Joined()}


def kept_at(
    bits: UInt8[np.ndarray, " bytes"], layout: Layout, positions: Positions
) -> Bool[np.ndarray, "b s"]:
    """Whether each position is kept, by the file of bits; padding and prefix never are."""
    stored = positions.real & (positions.offset >= 0)
    index = np.where(stored, layout.starts[positions.document] + positions.offset, 0)
    return stored & ((bits[index >> 3] >> (index & 7).astype(np.uint8)) & 1).astype(bool)


def shuffled_rows(
    packing: Packing, layout: Layout, split: int, order: np.random.Generator
) -> Int[np.ndarray, "rows 3"]:
    """Return the rows of a split in an order drawn from `order`."""
    rows = packing.rows(layout, split)
    return rows[order.permutation(len(rows))]


def plan_batches(
    lengths: Int[np.ndarray, " rows"], tokens_per_batch: int, context: int
) -> list[Int[np.ndarray, " b"]]:
    """Return the numbers of the rows of each batch, long and short batches mixed.

    Rows times the longest of them is at most `tokens_per_batch` (which is at least `context`), and padding at
    most `MOST_PADDING` of it.
    """
    assert tokens_per_batch >= context, "one row must fit"
    batches = []
    window = WINDOW * (tokens_per_batch // context)
    for begin in range(0, len(lengths), window):
        part = lengths[begin : begin + window]
        order = np.argsort(-part, kind="stable")
        sums = np.concatenate([[0], np.cumsum(part[order])])
        at = 0
        while at < len(order):
            width = int(part[order[at]])
            sizes = np.arange(1, min(tokens_per_batch // width, len(order) - at) + 1)
            full = sums[at + sizes] - sums[at] >= (1 - MOST_PADDING) * width * sizes
            size = int(sizes[full][-1])
            batches.append(begin + order[at : at + size])
            at += size
    return [batches[turn] for turn in np.random.default_rng(0).permutation(len(batches))]
