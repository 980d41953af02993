"""A document: text or a chat, with tags on the whole and on spans of its characters, and the split it is in.

Nothing here knows a file or a tokenizer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from monosema.corpora.settings import SPLITS
from monosema.errors import DamagedError

HASH_BYTES = 16


@dataclass(frozen=True)
class Span:
    """Characters `start` (counted) to `end` (not counted) of `Document.content` carry `tag`."""

    start: int
    end: int
    tag: str


@dataclass(frozen=True)
class Message:
    """One turn of a chat."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document: exactly one of `text` and `messages` is given.

    Raises `DamagedError` where a span lies outside of the content or the content is no valid Unicode text.
    """

    id: str
    """Name of the document in its source; shown, never hashed."""
    text: str | None = None
    """Plain text."""
    messages: tuple[Message, ...] | None = None
    """A chat, to be rendered by the chat template of the model."""
    source: str = ""
    """Name of the file or data set that it is from, without its folders."""
    origin: int = 0
    """Number of its source among those of the corpus."""
    tags: Mapping[str, object] = field(default_factory=dict)
    """Tags of the whole document (JSON values)."""
    spans: tuple[Span, ...] = ()
    """Tags of character spans; they count in `content`."""
    held_out: bool = False
    """Whether it is never trained on, whatever its hash says: it was made from a held-out template."""

    def __post_init__(self) -> None:
        assert (self.text is None) != (self.messages is None), "a document is text or a chat"
        for span in self.spans:
            if not 0 <= span.start < span.end <= len(self.content):
                raise DamagedError(
                    f'span {span.start} to {span.end} ("{span.tag}") of document {self.id} lies outside of '
                    f"its {len(self.content)} characters; spans count Unicode characters, end not included"
                )
        _ = self.hash

    @cached_property
    def content(self) -> str:
        """What people wrote: the text, or the contents of all messages end to end."""
        if self.text is not None:
            return self.text
        return "".join(message.content for message in self.messages or ())

    @cached_property
    def hash(self) -> bytes:
        """BLAKE2b of the text or of the messages, 128 bits; tags, spans, id and source do not count."""
        if self.text is not None:
            kind, body = b"text\0", self.text
        else:
            turns = [[message.role, message.content] for message in self.messages or ()]
            kind, body = b"messages\0", json.dumps(turns, ensure_ascii=False, separators=(",", ":"))
        try:
            return hashlib.blake2b(kind + body.encode(), digest_size=HASH_BYTES).digest()
        except UnicodeEncodeError as error:
            raise DamagedError(
                f"document {self.id} holds half of a surrogate pair at character {error.start}; "
                "write the text as valid UTF-8"
            ) from None


def split_of(content_hash: bytes, shares: tuple[float, ...], *, held_out: bool = False) -> int:
    """Number of the split (of `SPLITS`) of a document: a function of its content and of the shares alone.

    A document that is held out is in one of the splits after the first, by their shares.
    """
    place = int.from_bytes(content_hash[:8], "big") / 2.0**64
    if held_out and shares[0] < 1:
        place = shares[0] + (1 - shares[0]) * place
    bounds = np.cumsum(shares)
    # the last split with a share takes what rounding leaves over
    last = max(i for i, share in enumerate(shares) if share > 0)
    assert len(shares) == len(SPLITS)
    return min(int(np.searchsorted(bounds, place, side="right")), last)


def order_key(content_hash: bytes, seed: int) -> bytes:
    """Key by which documents are put into an order that only their contents and the seed decide."""
    return hashlib.blake2b(content_hash, digest_size=8, key=seed.to_bytes(8, "big")).digest() + content_hash
