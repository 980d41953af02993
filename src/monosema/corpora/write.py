"""Writes documents as a folder of tokens (`tokens.py` reads it and says what each file holds).

Exact duplicates are dropped. The order of documents is decided by their contents and the seed, so the same
documents give the same bytes however their sources are listed. Memory: the text of all documents, about one byte
a character (four where a document goes beyond Latin letters) and 1 kB a document; then 40 bytes a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Int

from monosema.corpora.document import Document, order_key
from monosema.corpora.encode import Encoder
from monosema.corpora.mixing import Encoded, check_enough, mixed
from monosema.corpora.packing import PACKINGS, Layout, kept_at, shuffled_rows
from monosema.corpora.settings import SPLITS, CorpusSettings
from monosema.corpora.table import DocumentTable
from monosema.corpora.tokens import DOCUMENTS, FORMAT, IDS, KEPT, ROWS, SPANS, TOKENS, VERSION
from monosema.errors import UsageError, lookup
from monosema.files import digest_file, digest_json, write_json
from monosema.progress import Progress, SilentProgress

ENCODE_AT_ONCE = 256
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class TokensSummary:
    """What has been written."""

    documents: int
    """Documents written."""
    duplicates: int
    """Documents dropped because another one has the same content."""
    empty: int
    """Documents dropped because they have no text, or no token."""
    chats: int
    """Chats written with the chat template."""
    tokens: int
    """Tokens stored, prefixes (BOS put before rows) not counted."""
    kept: int
    """Positions of all rows that are not excluded."""
    unescaped: int
    """Special tokens that the tokenizer made of content although told to escape them; excluded."""
    unused: int
    """Positions that are in no row: the ends of splits, when documents are joined."""
    source_shares: tuple[float, ...]
    """Share of the tokens that came from each source, in the order of the settings."""
    splits: Mapping[str, Mapping[str, int]]
    """Documents, tokens, rows and kept positions of each split."""
    hash: str
    """`Tokens.hash`."""


def write_tokens(
    folder: Path,
    documents: Iterable[Document],
    tokenizer: Any,
    settings: CorpusSettings,
    progress: Progress | None = None,
) -> TokensSummary:
    """Encode `documents` and write them into `folder`, which exists; the caller makes this atomic.

    `tokenizer` is a fast Hugging Face tokenizer; `progress` is told of tokens. Raises `UsageError` where there
    is no text, less than one context of it, or a policy that the tokenizer cannot follow.
    """
    encoder = Encoder(tokenizer, bos=settings.bos, chat=settings.chat)
    if settings.context <= len(encoder.prefix):
        raise UsageError(
            f"context is {settings.context}, no more than the {len(encoder.prefix)} tokens of BOS"
        )
    collected, duplicates, empty = _collect(documents)
    if not collected:
        raise UsageError(
            f"no text in {', '.join(settings.sources)} ({empty} empty documents); expected at least one document"
        )
    chosen = sorted(collected, key=lambda document: order_key(document.hash, settings.seed))
    table = DocumentTable(settings.shares)
    _write_documents(folder, chosen, encoder, settings, table, progress or SilentProgress())
    layout = table.layout(len(encoder.prefix), settings.context)
    rows = _write_rows(folder, layout, settings)
    files = {
        name: {"bytes": (folder / name).stat().st_size, "blake2": digest_file(folder / name)}
        for name in (IDS, KEPT, DOCUMENTS, SPANS, ROWS)
    }
    policies = _policies(encoder, settings)
    identity = digest_json({"files": files, "policies": policies})
    summary = _summary(table, layout, rows, duplicates, empty + table.empty, identity, len(settings.sources))
    write_json(
        folder / TOKENS,
        {
            "format": FORMAT,
            "version": VERSION,
            "hash": identity,
            **policies,
            "counts": asdict(summary),
            "files": files,
        },
    )
    return summary


def _collect(documents: Iterable[Document]) -> tuple[list[Document], int, int]:
    unique: dict[bytes, Document] = {}
    duplicates = empty = 0
    for document in documents:
        if not document.content.strip():
            empty += 1
            continue
        twin = unique.setdefault(document.hash, document)
        if twin is not document:
            duplicates += 1
            # whichever comes first: its tags must not depend on the order of sources
            unique[document.hash] = min(twin, document, key=lambda one: (one.source, one.id))
    return list(unique.values()), duplicates, empty


class _Bits:
    """Writes one bit a token, the first in the lowest bit of the first byte."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._rest = file, np.zeros(0, dtype=bool)

    def write(self, kept: Bool[np.ndarray, " n"]) -> None:
        joined = np.concatenate([self._rest, kept])
        whole = len(joined) // 8 * 8
        self._file.write(np.packbits(joined[:whole], bitorder="little").tobytes())
        self._rest = joined[whole:]

    def close(self) -> None:
        self._file.write(np.packbits(self._rest, bitorder="little").tobytes())


def _write_documents(
    folder: Path,
    documents: list[Document],
    encoder: Encoder,
    settings: CorpusSettings,
    table: DocumentTable,
    progress: Progress,
) -> None:
    dtype = id_type(encoder.vocabulary)
    with (folder / IDS).open("wb") as ids, (folder / KEPT).open("wb") as kept:
        bits = _Bits(kept)
        for document, encoded in _mixture(documents, encoder, settings):
            if not len(encoded.ids):
                table.empty += 1
                continue
            ids.write(encoded.ids.astype(dtype).tobytes())
            bits.write(encoded.kept)
            table.add(document, encoded, chat=encoder.template is not None and document.messages is not None)
            progress.update(len(encoded.ids))
            if settings.tokens is not None and table.tokens >= settings.tokens:
                break
        bits.close()
    if settings.weights is not None:
        taken = table.tokens_of_sources(len(settings.sources))
        check_enough(taken, settings.weights, settings.sources, settings.tokens)
    if table.tokens < settings.context:
        raise UsageError(
            f"the corpus has {table.tokens} tokens, fewer than one context of {settings.context}; "
            "add text, or lower context"
        )
    pq.write_table(table.documents_table(), folder / DOCUMENTS)
    pq.write_table(table.spans_table(), folder / SPANS)


def _mixture(documents: list[Document], encoder: Encoder, settings: CorpusSettings) -> Iterator[Encoded]:
    """Documents in the order in which they are taken, mixed by weight where the sources have weights."""
    if settings.weights is None:
        return _encoded(documents, encoder)
    parts: list[list[Document]] = [[] for _ in settings.sources]
    for document in documents:
        parts[document.origin].append(document)
    return mixed([_encoded(part, encoder) for part in parts], settings.weights, settings.seed)


def _encoded(documents: list[Document], encoder: Encoder) -> Iterator[Encoded]:
    for begin in range(0, len(documents), ENCODE_AT_ONCE):
        part = documents[begin : begin + ENCODE_AT_ONCE]
        yield from zip(part, encoder.encode(part), strict=True)


def id_type(vocabulary: int) -> str:
    """Type of a stored token number: two bytes where the vocabulary fits, else four, little-endian."""
    return "<u2" if vocabulary <= 1 << 16 else "<u4"


def _write_rows(folder: Path, layout: Layout, settings: CorpusSettings) -> Int[np.ndarray, "rows 4"]:
    packing = lookup(PACKINGS, settings.packing, "packing")
    bits = np.memmap(folder / KEPT, dtype=np.uint8, mode="r")
    parts = []
    for split in range(len(SPLITS)):
        rows = shuffled_rows(packing, layout, split, np.random.default_rng([settings.seed, split]))
        kept = np.zeros(len(rows), dtype=np.int64)
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(begin, begin + ROWS_AT_ONCE)
            kept[some] = kept_at(bits, layout, packing.expand(layout, rows[some])).sum(axis=1)
        parts.append(np.concatenate([rows, kept[:, None]], axis=1))
    joined: Int[np.ndarray, "rows 4"] = np.concatenate(parts).astype("<i8")
    np.save(folder / ROWS, joined)
    return joined


def _policies(encoder: Encoder, settings: CorpusSettings) -> dict[str, Any]:
    """Everything but the documents that decides what the files hold and how they are read."""
    return {
        "positions": "tokens",
        "dtype": id_type(encoder.vocabulary),
        "vocabulary": encoder.vocabulary,
        "tokenizer_hash": encoder.tokenizer_hash,
        "context": settings.context,
        "packing": settings.packing,
        "bos": settings.bos,
        "prefix": list(encoder.prefix),
        "chat": "plain" if encoder.template is None else "template",
        "splits": list(SPLITS),
        "shares": list(settings.shares),
        "seed": settings.seed,
    }


def _summary(
    table: DocumentTable,
    layout: Layout,
    rows: Int[np.ndarray, "rows 4"],
    duplicates: int,
    empty: int,
    identity: str,
    sources: int,
) -> TokensSummary:
    of_row = layout.splits[rows[:, 0]]
    put = int(np.where(layout.opens, 0, layout.prefix).sum())  # one prefix a document, as when joined
    splits = {
        name: {
            "documents": len(layout.members(number)),
            "tokens": int(layout.lengths[layout.members(number)].sum()),
            "rows": int((of_row == number).sum()),
            "kept": int(rows[of_row == number, 3].sum()),
        }
        for number, name in enumerate(SPLITS)
    }
    return TokensSummary(
        documents=len(table.documents),
        duplicates=duplicates,
        empty=empty,
        chats=table.chats,
        tokens=table.tokens,
        kept=int(rows[:, 3].sum()),
        unescaped=table.unescaped,
        unused=max(table.tokens + put - int(rows[:, 2].sum()), 0),
        source_shares=tuple(taken / table.tokens for taken in table.tokens_of_sources(sources)),
        splits=splits,
        hash=identity,
    )
