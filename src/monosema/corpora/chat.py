"""Chats as text: the template's own text around contents that stay exactly as they were written.

A template is rendered once for each sequence of roles, with marks in place of the contents; the contents are put
in afterwards. So no content can act on the template, and it is known which characters are whose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from jinja2 import TemplateError

from monosema.corpora.document import Document
from monosema.errors import UsageError

PADDING = "\n "
DATE = "26 Jul 2024"
"""What templates that write a date are told, so that the same text gives the same tokens every day."""
FIXED_DATE = "{% macro strftime_now(format) %}" + DATE + "{% endmacro %}"
PLAIN_JOINT = "\n\n"


@dataclass(frozen=True)
class Piece:
    """A stretch of rendered text: the template's own, or (with `origin`) content."""

    text: str
    origin: int | None = None
    """Offset in `Document.content` of its first character; None for the template's own text."""


@dataclass(frozen=True)
class Rendered:
    """The text that a document becomes, as pieces in their order."""

    pieces: tuple[Piece, ...]
    templated: bool
    """Whether a chat template wrote the text around contents."""

    @property
    def text(self) -> str:
        """All pieces end to end."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def preamble(self) -> int:
        """How many characters a template wrote before the first content; 0 without template."""
        if not self.templated:
            return 0
        before = 0
        for piece in self.pieces:
            if piece.origin is not None:
                break
            before += len(piece.text)
        return before

    def bounds(self) -> Int[np.ndarray, " pieces_and_1"]:
        """Where each piece begins, and where the last one ends."""
        return np.cumsum([0, *(len(piece.text) for piece in self.pieces)])


@dataclass(frozen=True)
class _Skeleton:
    between: tuple[str, ...]
    """The template's text before, between and after the contents."""
    strips: tuple[bool, ...]
    """Whether the template strips white space around each content."""


def plain(document: Document) -> Rendered:
    """Return the text of a document, or the contents of its messages with an empty line between."""
    if document.messages is None:
        return Rendered((Piece(document.content, 0),), templated=False)
    pieces: list[Piece] = []
    origin = 0
    for message in document.messages:
        if pieces:
            pieces.append(Piece(PLAIN_JOINT))
        pieces.append(Piece(message.content, origin))
        origin += len(message.content)
    return Rendered(tuple(pieces), templated=False)


class ChatTemplate:
    """The chat template of a tokenizer.

    `render` raises `UsageError` where the template refuses the roles of a chat, or repeats, drops or rewrites
    contents (other than white space around them).
    """

    def __init__(self, tokenizer: Any, *, prompt: bool = False) -> None:
        """With `prompt`, the text ends where the assistant is to answer."""
        self._tokenizer, self._prompt = tokenizer, prompt
        try:
            template: str = tokenizer.get_chat_template()
        except ValueError as error:
            raise UsageError(f'the tokenizer\'s chat template: {error}; set chat = "plain"') from None
        self._template = FIXED_DATE + template if "strftime_now" in template else template
        self._skeletons: dict[tuple[str, ...], _Skeleton] = {}

    def render(self, document: Document) -> Rendered:
        """Return the chat as template text and contents in turn."""
        messages = document.messages
        assert messages, "only chats with messages are rendered"
        roles = tuple(message.role for message in messages)
        if roles not in self._skeletons:
            self._skeletons[roles] = self._skeleton(roles, document.id)
        skeleton = self._skeletons[roles]
        pieces = [Piece(skeleton.between[0])]
        origin = 0
        for message, strips, after in zip(messages, skeleton.strips, skeleton.between[1:], strict=True):
            text, start = message.content, origin
            if strips:
                start += len(text) - len(text.lstrip())
                text = text.strip()
            pieces += [Piece(text, start), Piece(after)]
            origin += len(message.content)
        return Rendered(tuple(piece for piece in pieces if piece.text), templated=True)

    def _skeleton(self, roles: tuple[str, ...], name: str) -> _Skeleton:
        marks = [f"[[content {number} of {len(roles)}]]" for number in range(len(roles))]
        between: list[str] = []
        rest = self._render(roles, marks, name)
        for mark in marks:
            before, found, rest = rest.partition(mark)
            if not found or mark in rest:
                raise self._rewritten(roles, name)
            between.append(before)
        between.append(rest)
        strips = []
        for number, mark in enumerate(marks):
            padded = [*marks[:number], f"{PADDING}{mark}{PADDING}", *marks[number + 1 :]]
            rendered = self._render(roles, padded, name)
            kept = "".join(text + content for text, content in zip(between, [*padded, ""], strict=True))
            stripped = "".join(text + content for text, content in zip(between, [*marks, ""], strict=True))
            if rendered not in (kept, stripped):
                raise self._rewritten(roles, name)
            strips.append(rendered == stripped)
        return _Skeleton(tuple(between), tuple(strips))

    def _render(self, roles: Sequence[str], contents: Sequence[str], name: str) -> str:
        turns = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
        try:
            rendered: str = self._tokenizer.apply_chat_template(
                turns, chat_template=self._template, tokenize=False, add_generation_prompt=self._prompt
            )
        except (TemplateError, TypeError, ValueError, KeyError) as error:
            raise UsageError(
                f"document {name}: the model's chat template refuses a chat of roles {', '.join(roles)} "
                f'({error}); change the roles, or set chat = "plain"'
            ) from None
        return rendered

    @staticmethod
    def _rewritten(roles: Sequence[str], name: str) -> UsageError:
        return UsageError(
            f"document {name}: the model's chat template repeats, drops or rewrites messages of a chat of roles "
            f'{", ".join(roles)}; change the roles, or set chat = "plain"'
        )
