"""Who asks, and whether they are still there: work for somebody who has gone is not begun, or ends early."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Presence:
    """Whether a client is still there: told by the server's loop, asked by the threads that work."""

    def __init__(self) -> None:
        self._gone, self._lock = False, threading.Lock()
        self._acts: list[Callable[[], None]] = []

    def when_gone(self, act: Callable[[], None]) -> None:
        """Call `act` once when the client goes; at once where it has gone."""
        with self._lock:
            if not self._gone:
                self._acts.append(act)
                return
        act()

    def leave(self) -> None:
        """The client goes."""
        with self._lock:
            self._gone, acts, self._acts = True, self._acts, []
        for act in acts:
            act()


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks."""

    client: str
    """By whom turns are taken: an address, and the name that a program gives itself there."""
    presence: Presence = field(default_factory=Presence)


class Watched:
    """Lets `scope["state"]["presence"]` of each request say when its client goes.

    Once a body was read the only message that can come is that the connection was closed: it is waited for beside the
    work, and also given to whoever else asks for it (a response that streams).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        presence = scope.setdefault("state", {})["presence"] = Presence()
        line = _Line(receive, presence)
        try:
            await self._app(scope, line.receive, send)
        finally:
            line.close()


class _Line:
    """The messages of one request."""

    def __init__(self, receive: Receive, presence: Presence) -> None:
        self._receive, self._presence = receive, presence
        self._closed = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        """The next message."""
        if self._watch is not None:
            await self._closed.wait()
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._presence.leave()
        elif not message.get("more_body", False):
            self._watch = asyncio.create_task(self._until_closed())
        return message

    async def _until_closed(self) -> None:
        await self._receive()
        self._closed.set()
        self._presence.leave()

    def close(self) -> None:
        """The request is answered."""
        if self._watch is not None:
            self._watch.cancel()
