"""What is known of the documents of a folder while it is written: their places, splits, tags and spans."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from monosema.corpora.document import HASH_BYTES, Document, split_of
from monosema.corpora.encode import EncodedDocument
from monosema.corpora.packing import Layout


@dataclass
class DocumentTable:
    """The documents written so far, in their order."""

    shares: tuple[float, ...]
    documents: list[Document] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    opens: list[bool] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    spans: list[tuple[int, int, int, str]] = field(default_factory=list)
    tokens: int = 0
    chats: int = 0
    empty: int = 0
    unescaped: int = 0

    def add(self, document: Document, encoded: EncodedDocument, chat: bool) -> None:
        """Add the next document; `chat`: the chat template has rendered it."""
        self.spans += [(len(self.documents), span.start, span.end, span.tag) for span in encoded.spans]
        self.documents.append(document)
        self.lengths.append(len(encoded.ids))
        self.opens.append(encoded.opens)
        self.splits.append(split_of(document.hash, self.shares, held_out=document.held_out))
        self.tokens += len(encoded.ids)
        self.chats += chat
        self.unescaped += encoded.unescaped

    def tokens_of_sources(self, sources: int) -> list[int]:
        """Tokens of each of so many sources."""
        found = [0] * sources
        for document, length in zip(self.documents, self.lengths, strict=True):
            found[document.origin] += length
        return found

    def layout(self, prefix: int, context: int) -> Layout:
        """The documents as packing sees them."""
        lengths = np.array(self.lengths, dtype=np.int64)
        return Layout(
            starts=np.cumsum(lengths) - lengths,
            lengths=lengths,
            opens=np.array(self.opens, dtype=bool),
            splits=np.array(self.splits, dtype=np.int64),
            prefix=prefix,
            context=context,
        )

    def documents_table(self) -> Any:
        """A row a document."""
        lengths = np.array(self.lengths, dtype=np.int64)
        tags = [
            json.dumps(dict(one.tags), sort_keys=True, ensure_ascii=False, default=str)
            for one in self.documents
        ]
        return pa.table(
            {
                "hash": pa.array([one.hash for one in self.documents], pa.binary(HASH_BYTES)),
                "split": pa.array(self.splits, pa.int8()),
                "start": pa.array(np.cumsum(lengths) - lengths, pa.int64()),
                "length": pa.array(lengths, pa.int64()),
                "opens": pa.array(self.opens, pa.bool_()),
                "source": pa.array([one.source for one in self.documents], pa.string()),
                "id": pa.array([one.id for one in self.documents], pa.string()),
                "tags": pa.array(tags, pa.string()),
            }
        )

    def spans_table(self) -> Any:
        """A row a span."""
        document, start, end, tag = zip(*self.spans, strict=True) if self.spans else ((), (), (), ())
        return pa.table(
            {
                "document": pa.array(document, pa.int64()),
                "start": pa.array(start, pa.int64()),
                "end": pa.array(end, pa.int64()),
                "tag": pa.array(tag, pa.string()),
            }
        )
