"""A folder of tokens, read through the page cache: the model's input for harvest, evaluation and index.

- `tokens.json`: format, version, policies (context, packing, BOS, chat, splits, shares), counts, and the size and
  BLAKE2 of each other file;
- `ids.bin`: token numbers of all documents end to end, little-endian uint16, or uint32 where the vocabulary needs
  it; a prefix (BOS put before rows) is not stored;
- `kept.bin`: one bit a token, the first in the lowest bit of the first byte; 0 where policy excludes the token;
- `documents.parquet`: a row a document: hash (16 bytes), split, start and length in `ids.bin`, opens (its own
  tokens begin with the prefix), source, id, tags (JSON);
- `spans.parquet`: document, start and end (tokens of that document, end not included), tag;
- `rows.npy`: int64 [rows, 4]: document, offset, length, kept (see `packing.py`), grouped by split.

`positions` in `tokens.json` says what a position is. It is `tokens` now. Image patches, when they come, are
`tokens+patches`: numbers from `vocabulary` on in `ids.bin` then count rows of one more file of patches; documents,
rows, spans and bits count positions and stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Bool, Int, Int64
from torch import Tensor

from monosema.corpora.packing import PACKINGS, Layout, kept_at, plan_batches
from monosema.errors import DamagedError, UsageError, lookup
from monosema.files import digest_file, digest_json, read_json

FORMAT = "monosema-tokens"
VERSION = 1
TOKENS, IDS, KEPT = "tokens.json", "ids.bin", "kept.bin"
DOCUMENTS, SPANS, ROWS = "documents.parquet", "spans.parquet", "rows.npy"
FILES = (IDS, KEPT, DOCUMENTS, SPANS, ROWS)


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right to the longest of them."""

    ids: Int64[Tensor, "b s"]
    """Token numbers; 0 at padding, where `real` says that there is nothing."""
    real: Bool[Tensor, "b s"]
    """False at padding."""
    keep: Bool[Tensor, "b s"]
    """False at padding, BOS and what else policy excludes."""
    document: Int64[Tensor, "b s"]
    """Number of the document; -1 at padding."""
    position: Int64[Tensor, "b s"]
    """Offset among the tokens of the document; -1 at padding and at a prefix (BOS) that packing put."""


@dataclass(frozen=True)
class DocumentEntry:
    """What is known of a document besides its tokens."""

    id: str
    source: str
    split: str
    hash: bytes
    tags: Mapping[str, object]


@dataclass(frozen=True)
class SpanTable:
    """All tagged spans, by document."""

    document: Int[np.ndarray, " spans"]
    start: Int[np.ndarray, " spans"]
    """First token, counted in its document."""
    end: Int[np.ndarray, " spans"]
    """Token after the last."""
    tag: tuple[str, ...]

    @classmethod
    def empty(cls) -> SpanTable:
        """No span."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, none, ())


class Tokens:
    """Reader of a folder that `write_tokens` has made.

    Raises `DamagedError` that names the file which is missing, truncated or edited; `verify=False` checks sizes
    alone (checking everything reads about a gigabyte a second).
    """

    def __init__(self, folder: Path, *, verify: bool = True) -> None:
        self.folder = folder
        self.info = _read_info(folder, verify)
        self.hash: str = self.info["hash"]
        self.tokenizer_hash: str = self.info["tokenizer_hash"]
        self.context: int = self.info["context"]
        self.packing: str = self.info["packing"]
        self.vocabulary: int = self.info["vocabulary"]
        self.prefix: tuple[int, ...] = tuple(self.info["prefix"])
        self.splits: tuple[str, ...] = tuple(self.info["splits"])
        self._packing = lookup(PACKINGS, self.packing, f"packing in {folder / TOKENS}")
        ids = np.memmap(folder / IDS, dtype=self.info["dtype"], mode="r")
        self._ids = ids.view(np.ndarray)  # whose slices cost less
        self._bits = np.memmap(folder / KEPT, dtype=np.uint8, mode="r")
        try:
            self._documents = pq.read_table(folder / DOCUMENTS)
            self._rows = np.load(folder / ROWS, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DamagedError(f"tokens in {folder} cannot be read ({error}); remake them") from None
        self._layout = _layout(self._documents, self.info)
        ends = np.searchsorted(self._layout.splits[self._rows[:, 0]], np.arange(len(self.splits) + 1))
        self._row_range = [slice(*pair) for pair in pairwise(ends.tolist())]  # of each split
        self._plans: dict[tuple[str, int], list[Int[np.ndarray, " b"]]] = {}

    @property
    def n_tokens(self) -> int:
        """Tokens stored, prefixes not counted."""
        return len(self._ids)

    @property
    def n_documents(self) -> int:
        """Documents stored."""
        return len(self._layout.starts)

    def count(self, split: str) -> int:
        """Kept positions of one pass over a split."""
        return int(self._rows[self._row_range[self._number(split)], 3].sum())

    def batches(
        self,
        split: str,
        tokens_per_batch: int,
        *,
        order: np.random.Generator | None = None,
        start: int = 0,
    ) -> Iterator[Batch]:
        """Return an iterator over each row of a split once, from batch number `start` on.

        Which rows make a batch depends on the folder and on `tokens_per_batch` (rows times longest row, at most)
        alone; `order` shuffles which batch comes when. Raises `UsageError` where `tokens_per_batch` is less than
        `context`, the split is unknown or it has less than one context of tokens.
        """
        rows = self._rows_of(split)
        plan = self._plan(split, tokens_per_batch)
        turns = np.arange(len(plan)) if order is None else order.permutation(len(plan))
        return (self._batch(rows[plan[turn]]) for turn in turns[start:])

    def n_batches(self, split: str, tokens_per_batch: int) -> int:
        """How many batches one pass has, in any order."""
        return len(self._plan(split, tokens_per_batch))

    def pad_share(self, split: str, tokens_per_batch: int) -> float:
        """Share of padding among all positions that the model is given in one pass."""
        lengths = self._rows_of(split)[:, 2]
        padded = sum(len(batch) * int(lengths[batch].max()) for batch in self._plan(split, tokens_per_batch))
        return 1.0 - int(lengths.sum()) / padded

    def ids(self, document: int, begin: int = 0, end: int | None = None) -> Int[np.ndarray, " n"]:
        """Tokens of a document, no prefix: all, or those from `begin` to `end`."""
        start, length = int(self._layout.starts[document]), int(self._layout.lengths[document])
        last = length if end is None else min(end, length)
        return self._ids[start + min(begin, length) : start + last].astype(np.int64)

    def documents(self, numbers: Sequence[int] | Int[np.ndarray, " n"]) -> list[DocumentEntry]:
        """Id, source, split, content hash and tags of documents."""
        found = self._documents.take(pa.array(numbers, pa.int64())).to_pydict()
        columns = (found[name] for name in ("id", "source", "split", "hash", "tags"))
        return [
            DocumentEntry(id_, source, self.splits[split], hash_, _tags(tags))
            for id_, source, split, hash_, tags in zip(*columns, strict=True)
        ]

    def spans(self) -> SpanTable:
        """All tagged spans."""
        table = pq.read_table(self.folder / SPANS)
        numbers = {name: table[name].to_numpy() for name in ("document", "start", "end")}
        return SpanTable(**numbers, tag=tuple(table["tag"].to_pylist()))

    def _number(self, split: str) -> int:
        return lookup({name: number for number, name in enumerate(self.splits)}, split, "split")

    def _rows_of(self, split: str) -> Int[np.ndarray, "rows 4"]:
        """Rows of a split that has at least one context of tokens, in the page cache."""
        number = self._number(split)
        rows = self._rows[self._row_range[number]]
        tokens = int(self._layout.lengths.sum(where=self._layout.splits == number))
        if not len(rows) or tokens < self.context:
            raise UsageError(
                f"split {split} has {tokens} tokens, fewer than one context of {self.context} "
                f"({self.n_documents} documents and {self.n_tokens} tokens in all splits); "
                f"add text, raise the share of {split} in shares, or lower context"
            )
        return rows

    def _plan(self, split: str, tokens_per_batch: int) -> list[Int[np.ndarray, " b"]]:
        if tokens_per_batch < self.context:
            raise UsageError(
                f"tokens_per_batch is {tokens_per_batch}, less than one row of {self.context}; raise it, "
                "or lower context"
            )
        key = (split, tokens_per_batch)
        if key not in self._plans:
            self._plans[key] = plan_batches(self._rows_of(split)[:, 2], tokens_per_batch, self.context)
        return self._plans[key]

    def _batch(self, rows: Int[np.ndarray, "b 4"]) -> Batch:
        positions = self._packing.expand(self._layout, rows)
        real, stored = positions.real, positions.real & (positions.offset >= 0)
        index = np.where(stored, self._layout.starts[positions.document] + positions.offset, 0)
        ids = np.where(stored, self._ids[index].astype(np.int64), 0)
        prefixed = real & ~stored
        if prefixed.any():
            ids[prefixed] = np.array(self.prefix)[positions.offset[prefixed]]  # -1 is the last of the prefix
        return Batch(
            ids=torch.from_numpy(ids),
            real=torch.from_numpy(real),
            keep=torch.from_numpy(kept_at(self._bits, self._layout, positions)),
            document=torch.from_numpy(positions.document),
            position=torch.from_numpy(np.where(stored, positions.offset, -1)),
        )


@lru_cache(maxsize=4096)
def _tags(text: str) -> Mapping[str, object]:
    """Many documents have the same tags."""
    found: dict[str, object] = json.loads(text)
    return MappingProxyType(found)


def _read_info(folder: Path, verify: bool) -> dict[str, Any]:
    path = folder / TOKENS
    info = read_json(path)
    if info.get("format") != FORMAT or info.get("version") != VERSION:
        raise DamagedError(
            f"{path} is of format {info.get('format')!r} version {info.get('version')!r}; "
            f"expected {FORMAT} version {VERSION}: upgrade monosema, or remake the tokens"
        )
    files = info.get("files", {})
    for name in FILES:
        file = folder / name
        if name not in files or not file.is_file():
            raise DamagedError(f"{file} is missing; restore it or remake the tokens")
        if file.stat().st_size != files[name]["bytes"]:
            raise DamagedError(
                f"{file} has {file.stat().st_size} bytes; expected {files[name]['bytes']}: "
                "restore it or remake the tokens"
            )
        if verify and digest_file(file) != files[name]["blake2"]:
            raise DamagedError(f"{file} was changed after it was made; restore it or remake the tokens")
    policies = {key: value for key, value in info.items() if key not in NOT_POLICY}
    if digest_json({"files": files, "policies": policies}) != info.get("hash"):
        raise DamagedError(f"{path} was edited: its hash does not fit; restore it or remake the tokens")
    return info


NOT_POLICY = frozenset({"format", "version", "hash", "counts", "files"})


def _layout(documents: Any, info: Mapping[str, Any]) -> Layout:
    columns = {name: documents[name].to_numpy() for name in ("start", "length", "split", "opens")}
    return Layout(
        starts=columns["start"],
        lengths=columns["length"],
        opens=columns["opens"].astype(bool),
        splits=columns["split"].astype(np.int64),
        prefix=len(info["prefix"]),
        context=info["context"],
    )
