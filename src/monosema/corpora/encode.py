"""From documents to token numbers, the mask of kept positions, and spans of tokens.

Special tokens inside a document's own text are plain text: they are cut into ordinary tokens. Only the chat
template writes special tokens, and the mask is made here, where it is known who wrote what:

- not kept: special tokens; and what a template writes before the first content (a default system line), because
  it is the same in every chat, so that its activations in train and in report would be equal to the bit;
- kept: contents, and the template's other text (such as the name of the next role).

Chats are encoded as the rendered whole, exactly as the tokenizer does for its model. Only where a content would
come out as a special token, contents and template text are encoded piece by piece.

What the tokenizer puts before a text (BOS) is no part of a document: packing puts it before rows. What it would
put behind a text is never added. The tokenizer that is passed in is left as it was (its truncation, padding and
escaping are state that others see), so a private copy works here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from tokenizers import Encoding, Tokenizer

from monosema.corpora.chat import ChatTemplate, Rendered, plain
from monosema.corpora.document import Document, Span
from monosema.errors import UsageError, lookup
from monosema.files import digest_json


@dataclass(frozen=True)
class EncodedDocument:
    """The tokens of one document."""

    ids: Int[np.ndarray, " n"]
    kept: Bool[np.ndarray, " n"]
    """False at special tokens and at the template's text before the first content."""
    spans: tuple[Span, ...]
    """The document's spans, counted in tokens; a token that covers any byte of a span belongs to it."""
    opens: bool
    """Whether the tokens begin with the prefix already, because the chat template wrote it."""
    unescaped: int
    """Special tokens that the tokenizer made of content although told to escape them; they are not kept."""


def _backend(tokenizer: Any) -> dict[str, Any]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UsageError(
            f"{type(tokenizer).__name__} is no fast tokenizer; convert it: it must have a tokenizer.json"
        )
    description: dict[str, Any] = json.loads(backend.to_str())
    return description | {"truncation": None, "padding": None}


def tokenizer_hash(tokenizer: Any) -> str:
    """BLAKE2 of all that decides which tokens a text becomes: vocabulary, rules, BOS and chat template."""
    return _hash(tokenizer, _backend(tokenizer))


def _hash(tokenizer: Any, description: dict[str, Any]) -> str:
    return digest_json([description, tokenizer.chat_template, tokenizer.bos_token_id])


def _automatic_prefix(tokenizer: Any, whole: Tokenizer) -> tuple[int, ...]:
    encoding = whole.encode("a", add_special_tokens=True)
    before = [*encoding.special_tokens_mask, 0].index(0)
    return tuple(encoding.ids[:before])


def _bos_prefix(tokenizer: Any, whole: Tokenizer) -> tuple[int, ...]:
    if tokenizer.bos_token_id is None:  # 0 is a token like any other
        raise UsageError('bos is "always", but the tokenizer has no BOS token; set bos = "auto" or "never"')
    return (int(tokenizer.bos_token_id),)


def _no_prefix(tokenizer: Any, whole: Tokenizer) -> tuple[int, ...]:
    return ()


PREFIXES = {"auto": _automatic_prefix, "always": _bos_prefix, "never": _no_prefix}


def _chat_if_any(tokenizer: Any) -> ChatTemplate | None:
    return ChatTemplate(tokenizer) if tokenizer.chat_template else None


def _chat_required(tokenizer: Any) -> ChatTemplate | None:
    if not tokenizer.chat_template:
        raise UsageError('chat is "template", but the tokenizer has none; set chat = "auto" or "plain"')
    return ChatTemplate(tokenizer)


def _chat_plain(tokenizer: Any) -> ChatTemplate | None:
    return None


def _chat_prompt(tokenizer: Any) -> ChatTemplate | None:
    return ChatTemplate(tokenizer, prompt=True)


CHATS = {"auto": _chat_if_any, "template": _chat_required, "plain": _chat_plain, "prompt": _chat_prompt}
"""Who writes the text around messages; `prompt` is a chat up to where the assistant is to answer."""


class Encoder:
    """Encodes documents with a fast Hugging Face tokenizer.

    Raises `UsageError` where there is no fast tokenizer, or no BOS or chat template although asked for.
    """

    def __init__(self, tokenizer: Any, *, bos: str = "auto", chat: str = "auto") -> None:
        description = _backend(tokenizer)
        self.tokenizer_hash = _hash(tokenizer, description)
        self._backend = Tokenizer.from_str(json.dumps(description))
        self.prefix = lookup(PREFIXES, bos, "bos")(tokenizer, self._backend)
        self._backend.post_processor = None  # it would trim offsets; what it adds is the prefix
        self.template = lookup(CHATS, chat, "chat")(tokenizer)
        added = self._backend.get_added_tokens_decoder()
        self.vocabulary = 1 + max([*self._backend.get_vocab(with_added_tokens=True).values(), *added])
        self._special = np.zeros(self.vocabulary, dtype=bool)  # [vocabulary]
        self._special[[number for number, token in added.items() if token.special]] = True
        self._special[[*self.prefix, *tokenizer.all_special_ids]] = True
        # what a content may hold: an unknown token stands for real text
        self._forbidden = self._special.copy()
        self._unknown = "" if tokenizer.unk_token_id is None else str(tokenizer.unk_token)
        if self._unknown:
            self._forbidden[tokenizer.unk_token_id] = False

    def encode(self, documents: Sequence[Document]) -> list[EncodedDocument]:
        """Encode documents, in their order."""
        rendered = [self._render(document) for document in documents]
        encodings = {
            templated: iter(
                self._batch([one.text for one in rendered if one.templated == templated], templated)
            )
            for templated in (False, True)
        }
        return [
            self._finish(document, text, next(encodings[text.templated]))
            for document, text in zip(documents, rendered, strict=True)
        ]

    def _render(self, document: Document) -> Rendered:
        if self.template is None or not document.messages:
            return plain(document)
        return self.template.render(document)

    def _batch(self, texts: list[str], templated: bool) -> list[Encoding]:
        self._backend.encode_special_tokens = not templated  # True cuts them into ordinary tokens
        return self._backend.encode_batch(texts, add_special_tokens=False)

    def _finish(self, document: Document, text: Rendered, encoding: Encoding) -> EncodedDocument:
        ids = np.array(encoding.ids, dtype=np.int64)
        if not text.templated and not document.spans and not self._special[ids].any():
            return EncodedDocument(ids, np.ones(len(ids), dtype=bool), (), opens=False, unescaped=0)
        tokens = _Tokens.of([encoding])
        inside = tokens.inside(text)
        if text.templated and self._must_escape(tokens, inside, text.text):
            tokens = self._by_pieces(text)
            inside = tokens.inside(text)
        injected = self._forbidden[tokens.ids] & inside
        excluded = injected | (self._special[tokens.ids] & ~inside) | (tokens.ends <= text.preamble)
        first = tuple(tokens.ids[: len(self.prefix)].tolist())
        return EncodedDocument(
            ids=tokens.ids,
            kept=~excluded,
            spans=tuple(_token_spans(document.spans, text, tokens)),
            opens=text.templated and self.prefix != () and first == self.prefix,
            unescaped=int(injected.sum()),
        )

    def _must_escape(self, tokens: _Tokens, inside: Bool[np.ndarray, " n"], text: str) -> bool:
        """Whether a content has made a special token: one that it may not hold, or a spelled-out unknown."""
        special = np.flatnonzero(self._special[tokens.ids] & inside)
        return any(
            bool(self._forbidden[tokens.ids[n]]) or self._unknown in text[tokens.starts[n] : tokens.ends[n]]
            for n in special.tolist()
        )

    def _by_pieces(self, text: Rendered) -> _Tokens:
        parts = [self._batch([piece.text], templated=piece.origin is None)[0] for piece in text.pieces]
        return _Tokens.of(parts, [len(piece.text) for piece in text.pieces])


@dataclass(frozen=True)
class _Tokens:
    """Token numbers and the characters of the rendered text that each covers."""

    ids: Int[np.ndarray, " n"]
    starts: Int[np.ndarray, " n"]
    ends: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, encodings: Sequence[Encoding], lengths: Sequence[int] = (0,)) -> _Tokens:
        shifts = np.cumsum([0, *lengths])[: len(encodings)]
        offsets = [
            np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2) + shift
            for encoding, shift in zip(encodings, shifts, strict=True)
        ]
        joined = np.concatenate(offsets)  # [n, 2]
        ids = np.concatenate([np.array(encoding.ids, dtype=np.int64) for encoding in encodings])
        return cls(ids, joined[:, 0], joined[:, 1])

    def inside(self, text: Rendered) -> Bool[np.ndarray, " n"]:
        """Whether each token begins and ends inside contents (some special tokens swallow blanks beside them)."""
        content = np.array([piece.origin is not None for piece in text.pieces], dtype=bool)
        bounds = text.bounds()[1:-1]
        last = np.maximum(self.ends - 1, self.starts)
        return (
            content[np.searchsorted(bounds, self.starts, side="right")]
            & content[np.searchsorted(bounds, last, side="right")]
        )


def _token_spans(spans: Sequence[Span], text: Rendered, tokens: _Tokens) -> Iterator[Span]:
    """Spans counted in tokens, one for each content that a span touches."""
    for span in spans:
        for piece, place in zip(text.pieces, text.bounds()[:-1].tolist(), strict=True):
            if piece.origin is None:
                continue
            shift = place - piece.origin
            start = max(span.start + shift, place)
            end = min(span.end + shift, place + len(piece.text))
            hit = np.flatnonzero((tokens.starts < end) & (tokens.ends > start))
            if start < end and len(hit):
                yield Span(int(hit[0]), int(hit[-1]) + 1, span.tag)
