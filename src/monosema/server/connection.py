"""What a connection may take: who is slow to ask, asks without end or does not read is dropped.

Uvicorn starts no clock before the head of a request is whole, bounds no head, and waits as long as somebody does not
read; and each connection is one of those that there may be, before any token is asked for. A body has its limits in
guard.py; whoever waits for an answer, or for more of one, is left alone here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOKS = 4
"""How often a connection is looked at in the shorter of its times: so much later than said it may be dropped."""
PIECE = 4096
"""Bytes that are parsed at once: a head is measured in these."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may take until it is dropped."""

    head_seconds: float = 10.0
    """For the head of a request, once it has connected; after an answer, beside the time that a connection may idle."""
    head_bytes: int = 1 << 16
    """Of a head, or of anything else between two pieces of bodies."""
    write_seconds: float = 30.0
    """In which it must have read something of what is there for it."""


LIMITS = Limits()


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol with `Limits`."""

    limits: ClassVar[Limits] = LIMITS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_until: float | None = None  # None: a request is being answered
        self._bytes = 0  # since a head was whole or a piece of a body came
        self._left, self._moved = 0, 0.0  # bytes that are to be read, and when there were last fewer
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # uvloop's are of no class of asyncio
        """Start the clock."""
        super().connection_made(transport)
        self._moved = self.loop.time()
        self._head_until = self._moved + self.limits.head_seconds
        self._timer = self.loop.call_later(self._pause, self._look)

    @property
    def _pause(self) -> float:
        return min(self.limits.head_seconds, self.limits.write_seconds) / LOOKS

    def _look(self) -> None:
        """Drop the client where its time is over. What was not sent goes with it: a mere close would wait for that."""
        now, left = self.loop.time(), self.transport.get_write_buffer_size()
        answered = self._head_until is None and not self.transport.is_closing()
        # while an answer is made what is left may grow; only where the client must read first does it tell of it
        if left == 0 or left < self._left or (answered and not self.flow.write_paused):
            self._moved = now
        self._left = left
        late = self._head_until is not None and left == 0 and now >= self._head_until
        if late or now - self._moved >= self.limits.write_seconds:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(self._pause, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse a head that does not end; headers that stand after a body, too."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            self._bytes += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._bytes > self.limits.head_bytes:
                self.send_400_response(f"The head of a request has more than {self.limits.head_bytes} bytes.")
                return

    def on_headers_complete(self) -> None:
        """A request is there."""
        self._bytes, self._head_until = 0, None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body is there."""
        self._bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """An answer was given; where it was the last one, the next head has its time."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._head_until = self.loop.time() + self.timeout_keep_alive + self.limits.head_seconds

    def pause_writing(self) -> None:
        """From now on the client must read."""
        self._moved = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has read most of what there was."""
        self._moved = self.loop.time()
        super().resume_writing()


def limited(given: Limits) -> type[Connection]:
    """The protocol with other limits."""

    class Limited(Connection):
        limits: ClassVar[Limits] = given

    return Limited
