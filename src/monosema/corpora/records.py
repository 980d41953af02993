"""From the fields of a record to a document.

A record holds text (`text_field`), or a chat (`messages`: objects with role and content), or both turns of one
exchange (`prompt`, `text` and a boolean `chat`: true makes a chat of user and assistant, false makes plain text
of prompt and text end to end, nothing between them). `id`, `tags`, `spans` and `held_out` (true: never
train on it) are optional.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monosema.corpora.document import Document, Message, Span
from monosema.corpora.formats import Record
from monosema.corpora.settings import CorpusSettings
from monosema.errors import DamagedError, UsageError, nearest

Content = str | tuple[Message, ...]


def to_document(record: Record, source: str, settings: CorpusSettings) -> Document:
    """Make the document of a record of `source`.

    Raises `UsageError` (a field is missing or of another type) and `DamagedError` (a span outside of the
    text, half a surrogate pair), each with source, place and what to do.
    """
    where = f"{source} {record.place}"
    fields = record.fields
    content = _content(fields, where, settings.text_field)
    tags = dict(_tags(fields, where)) | {key: fields[key] for key in settings.tag_fields if key in fields}
    identity = fields.get("id")
    try:
        return Document(
            id=f"{source}:{record.place.split()[-1]}" if identity is None else str(identity),
            text=content if isinstance(content, str) else None,
            messages=None if isinstance(content, str) else content,
            source=source,
            tags=tags,
            spans=_spans(fields.get("spans") or (), where),
            held_out=fields.get("held_out") is True,
        )
    except DamagedError as error:
        raise DamagedError(f"{where}: {error}") from None


def _content(fields: Mapping[str, Any], where: str, text_field: str) -> Content:
    value, found = _reach(fields, text_field)
    if not found and "messages" in fields:
        value, found = fields["messages"], True
    if not found:
        known = ", ".join(map(str, fields)) or "none"
        raise UsageError(
            f'{where} has no field "{text_field}"{nearest(text_field, map(str, fields))}; its fields: {known}; '
            "name the one that holds the text with text_field"
        )
    if isinstance(value, list):
        return _messages(value, where)
    text = _string(value, where, text_field)
    if isinstance(fields.get("chat"), bool) and "prompt" in fields:
        prompt = _string(fields["prompt"], where, "prompt")
        return (Message("user", prompt), Message("assistant", text)) if fields["chat"] else prompt + text
    return text


def _reach(fields: Mapping[str, Any], dotted: str) -> tuple[Any, bool]:
    if dotted in fields:
        return fields[dotted], True
    value: Any = fields
    for part in dotted.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None, False
        value = value[part]
    return value, True


def _string(value: object, where: str, key: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        inside = f" with {', '.join(map(str, value))}" if isinstance(value, Mapping) else ""
        raise UsageError(f'{where}: field "{key}" is a {type(value).__name__}{inside}; expected a string')
    return value


def _messages(value: list[Any], where: str) -> tuple[Message, ...]:
    messages: list[Message] = []
    for turn in value:
        if not isinstance(turn, Mapping) or not isinstance(turn.get("role"), str):
            raise UsageError(f"{where}: message {len(messages)} is {turn!r:.60}; expected role and content")
        messages.append(Message(turn["role"], _string(turn.get("content"), where, "content")))
    return tuple(messages)


def _tags(fields: Mapping[str, Any], where: str) -> Mapping[str, object]:
    tags = fields.get("tags") or {}
    if not isinstance(tags, Mapping):
        raise UsageError(f'{where}: field "tags" is a {type(tags).__name__}; expected an object')
    return {str(key): value for key, value in tags.items() if value is not None}


def _spans(value: Any, where: str) -> tuple[Span, ...]:
    spans = []
    for item in value:
        parts = [item.get(key) for key in ("start", "end", "tag")] if isinstance(item, Mapping) else item
        match parts:
            case [int(start), int(end), str(tag)]:
                spans.append(Span(start, end, tag))
            case _:
                raise UsageError(f"{where}: span {item!r:.60}; expected start, end and tag")
    return tuple(spans)
