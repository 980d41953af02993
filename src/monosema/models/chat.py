"""A chat as tokens: the template writes special tokens, the people in it do not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateError

from monosema.errors import UsageError

MARKS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
"""Unicode's noncharacters: no text should hold one; one that none holds stands around typed special tokens."""


def chat_tokens(tokenizer: Any, messages: Sequence[Mapping[str, str]], name: str) -> list[int]:
    """Tokens of a chat up to where the assistant answers, special tokens that stand in a message as plain text.

    Such a spelling is encoded by itself, the text around it as ever. Raises `UsageError` without a chat template
    and where the template refuses the roles.
    """
    if tokenizer.chat_template is None:
        raise UsageError(f"{name} has no chat template; give plain text")
    # the longest first, so that no special token hides in the rest of a longer one
    special = sorted((t.content for t in _special(tokenizer)), key=len, reverse=True)
    typed = re.compile("|".join(map(re.escape, special)) or r"(?!)")
    contents = "".join(message["content"] for message in messages)
    if not typed.search(contents):
        ids: list[int] = _applied(tokenizer, messages, name, tokenize=True)["input_ids"]
        return ids
    mark = next(mark for mark in MARKS if mark not in contents)
    marked = [
        {**message, "content": typed.sub(lambda found: f"{mark}{found[0]}{mark}", message["content"])}
        for message in messages
    ]
    pieces = _applied(tokenizer, marked, name, tokenize=False).split(mark)
    return [
        token
        for number, piece in enumerate(pieces)
        if piece
        for token in tokenizer(
            piece, add_special_tokens=False, split_special_tokens=number % 2 == 1
        ).input_ids
    ]


def _special(tokenizer: Any) -> list[Any]:
    return [token for token in tokenizer.added_tokens_decoder.values() if token.special]


def _applied(tokenizer: Any, messages: Sequence[Mapping[str, str]], name: str, *, tokenize: bool) -> Any:
    try:
        return tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=tokenize, return_dict=tokenize
        )
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        roles = ", ".join(message["role"] for message in messages)
        raise UsageError(
            f"the chat template of {name} refuses a chat of roles {roles} ({error}); change the roles"
        ) from None
