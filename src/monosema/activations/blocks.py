"""Matrices at a URL, read in aligned blocks by ranges of bytes, the blocks that were used last kept in memory.

A block is a stretch of rows of one matrix. All blocks of a store share one buffer of at most `HELD` buckets: a pass
that goes bucket by bucket (scatter.py) reads each block once, since it announces a bucket by `expect`, and a bucket
is one stretch of every matrix. Blocks are at most an eighth of such a stretch, so that the blocks at both ends of it
make a bucket at most a quarter larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from monosema.activations.places import Wanted
from monosema.activations.scatter import BUCKET_BYTES

BLOCK_BYTES = 1 << 20
"""Most bytes of a block, unless a row has more; smaller ones that follow each other are read in one range."""
HELD = 1.25
"""Bytes that the buffer may have, in buckets."""
_PER_STRETCH = 8
_AT_ONCE = 64 << 20  # bytes asked for in one call, which are in memory twice


@dataclass(frozen=True)
class Span:
    """Where a matrix lies."""

    file: str
    begin: int
    """Its first byte in the file."""
    rows: int


Fetch = Callable[[Sequence[str], Sequence[int], Sequence[int]], list[bytes]]
"""Bytes of ranges, from files, starts and ends."""


class Blocks:
    """Matrices of one width and type, a row of each asked for by its number."""

    def __init__(self, fetch: Fetch, spans: Sequence[Span], width: int, dtype: torch.dtype) -> None:
        """Memory: `HELD` times `BUCKET_BYTES`, or what all the matrices have, if less, and 12 bytes a block."""
        self._fetch, self._spans, self._width, self._dtype = fetch, spans, width, dtype
        self._row_bytes = width * dtype.itemsize
        stored = self._row_bytes * sum(span.rows for span in spans)
        buckets = max(1, -(-stored // BUCKET_BYTES))
        stretch = stored // (buckets * max(1, len(spans)))
        self._rows = max(1, min(BLOCK_BYTES, stretch // _PER_STRETCH) // self._row_bytes)
        counts = torch.tensor([0, *(-(-span.rows // self._rows) for span in spans)])
        self._first = counts.cumsum(0)  # first block of each matrix, and the end
        blocks = int(self._first[-1])
        slots = max(1, min(blocks, int(HELD * BUCKET_BYTES) // (self._rows * self._row_bytes)))
        self._buffer = torch.empty(slots, self._rows * self._row_bytes, dtype=torch.uint8)
        self._slot = torch.full((blocks,), -1, dtype=torch.int32)  # of each block; -1: not held
        self._block = torch.full((slots,), -1, dtype=torch.int32)  # in each slot
        self._used = torch.zeros(slots, dtype=torch.int64)  # turn in which it was last used
        self._turn = 0

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of each."""
        return [(span.rows, self._width) for span in self._spans]

    @property
    def dtype(self) -> torch.dtype:
        """Type of all."""
        return self._dtype

    def take(self, wanted: Wanted) -> Iterable[Tensor]:
        """These rows; what is not held is fetched."""
        block, inside = self._located(wanted)
        out = torch.empty(len(block), self._width, dtype=self._dtype)
        held = self._buffer.view(self._dtype).view(-1, self._width)
        for some in block.unique().split(len(self._block)) if len(block) else ():
            self._hold(some)
            mine = ((block >= some[0]) & (block <= some[-1])).nonzero().flatten()
            at = self._slot[block[mine]].long() * self._rows + inside[mine]
            out.index_copy_(0, mine, held.index_select(0, at))
        return out.split([len(rows) for _, rows in wanted])

    def expect(self, wanted: Wanted) -> None:
        """Fetch the blocks of these rows, as many as there is room for."""
        block, _ = self._located(wanted)
        self._hold(block.unique()[: len(self._block)])

    def _located(self, wanted: Wanted) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
        """Block of each row, and its number in the block."""
        none = torch.zeros(0, dtype=torch.int64)
        block = torch.cat([none, *(self._first[number] + rows // self._rows for number, rows in wanted)])
        return block, torch.cat([none, *(rows % self._rows for _, rows in wanted)])

    def _hold(self, blocks: Int[Tensor, " m"]) -> None:
        """Have these blocks, ascending and no more than there are slots, in the buffer; the longest unused leave."""
        self._turn += 1
        slots = self._slot[blocks].long()
        self._used[slots[slots >= 0]] = self._turn
        missing = blocks[slots < 0]
        if not len(missing):
            return
        free = self._used.argsort(stable=True)[: len(missing)]
        left = self._block[free]
        self._slot[left[left >= 0].long()] = -1
        self._block[free], self._used[free] = -1, 0  # should fetching fail
        self._fill(missing, free)
        self._block[free], self._slot[missing] = missing.int(), free.int()
        self._used[free] = self._turn

    def _fill(self, blocks: Int[Tensor, " m"], slots: Int[Tensor, " m"]) -> None:
        """Fetch blocks into slots."""
        size = self._buffer.shape[1]
        buffer, slot = self._buffer.numpy(), slots.tolist()
        for runs in self._calls(blocks):
            found = self._fetch(*zip(*(run.range for run in runs), strict=True))
            for run, data in zip(runs, found, strict=True):
                for begin in range(0, len(data), size):
                    part = np.frombuffer(data[begin : begin + size], dtype=np.uint8)
                    buffer[slot[run.first + begin // size], : len(part)] = part

    def _calls(self, blocks: Int[Tensor, " m"]) -> list[list[_Run]]:
        """Ranges of following blocks of up to about 1 MB, as they are fetched in one call."""
        size = self._buffer.shape[1]
        matrix = (torch.searchsorted(self._first, blocks, right=True) - 1).tolist()
        runs: list[_Run] = []
        last = (-1, -1)
        for i, (number, block) in enumerate(zip(matrix, blocks.tolist(), strict=True)):
            span = self._spans[number]
            begin = (block - int(self._first[number])) * size
            end = span.begin + min(begin + size, span.rows * self._row_bytes)
            if last == (number, block - 1) and end - runs[-1].range[1] <= BLOCK_BYTES:
                runs[-1] = _Run(runs[-1].first, (span.file, runs[-1].range[1], end))
            else:
                runs.append(_Run(i, (span.file, span.begin + begin, end)))
            last = (number, block)
        per_call = max(1, _AT_ONCE // max(BLOCK_BYTES, size))
        return [runs[i : i + per_call] for i in range(0, len(runs), per_call)]


@dataclass(frozen=True)
class _Run:
    """Blocks that follow each other in a file."""

    first: int
    """Number of the first among those that are fetched."""
    range: tuple[str, int, int]
    """File, first byte, end."""
