"""Answers that are kept as bytes for whoever asks next: of what tells artifacts alone, as long as none was remade.

An answer is kept with the version that it was made of, and with what tells the present version; both are set by whoever
puts a strong ETag on it (fresh.py). What stands before this in the app is asked of each request all the same: who may
come in, what is counted and logged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monosema.errors import MonosemaError

MOST_BYTES = 64 << 20
"""Of all answers that are kept; those that were asked for longest ago go first."""
LARGEST = 1 << 18
"""Bytes of an answer that is kept."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What an answer was made of."""

    version: str
    """The version then."""
    present: Callable[[], str]
    """The version now; may raise `MonosemaError` where there is none."""

    @property
    def stands(self) -> bool:
        """Whether an answer may still be given."""
        try:
            return self.present() == self.version
        except MonosemaError:
            return False


@dataclass(frozen=True, kw_only=True)
class _Answer:
    source: Source
    start: Message
    body: bytes
    told: dict[str, Any]
    """What the routes had put into the scope, for those that count."""


class Kept:
    """Gives an answer that was given before, where it still stands."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answers: OrderedDict[tuple[str, bytes, bytes], _Answer] = OrderedDict()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on and keep what it is answered."""
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        if scope["type"] != "http" or scope["method"] != "GET" or b"if-none-match" in headers:
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"], headers.get(b"accept", b""))
        known = self._answers.get(key)
        if known is not None and known.source.stands:
            self._answers.move_to_end(key)
            scope.update(known.told)
            await send(known.start)
            await send({"type": "http.response.body", "body": known.body})
            return
        await self._app(scope, receive, self._kept(key, scope, send))

    def _kept(self, key: tuple[str, bytes, bytes], scope: Scope, send: Send) -> Send:
        """Send on, and keep an answer that came in one piece."""
        start: Message = {}

        async def sent(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            elif start.get("status") == 200 and not message.get("more_body"):
                self._keep(key, scope, start, message.get("body", b""))
                start = {}
            else:
                start = {}  # it comes in pieces
            await send(message)

        return sent

    def _keep(self, key: tuple[str, bytes, bytes], scope: Scope, start: Message, body: bytes) -> None:
        source = scope.get("state", {}).get("source")
        if source is None or len(body) > LARGEST:
            return
        told = {name: scope[name] for name in ("route", "path_params") if name in scope}
        before = self._answers.pop(key, None)
        self._bytes += len(body) - (0 if before is None else len(before.body))
        self._answers[key] = _Answer(source=source, start=start, body=body, told=told)
        while self._bytes > MOST_BYTES:
            self._bytes -= len(self._answers.popitem(last=False)[1].body)
