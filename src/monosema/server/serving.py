"""Bind a socket on this machine and answer requests until a stop is wished."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from monosema.errors import RefusedError, UsageError
from monosema.server.connection import LIMITS, Limits, limited
from monosema.server.door import is_loopback

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (what --host may say; a token is asked for then)
MOST_CONNECTIONS = 1000
GRACE = 5
"""Seconds that requests in work have after a stop was wished."""
UVICORN = logging.getLogger("uvicorn.error")


def listen(host: str, port: int, *, locked: bool = False) -> socket.socket:
    """A bound socket; port 0 is any free one.

    `locked`: whether a token is asked for. Raises `RefusedError` for an address that other machines reach where it is
    not, and for a port in use.
    """
    if not locked and not is_loopback(host):
        raise RefusedError(
            f"{host} can be reached from other machines, and whoever reaches it may read everything; "
            "give a token with --token, or serve on 127.0.0.1 and forward its port over ssh"
        )
    if not 0 <= port < 1 << 16:
        raise UsageError(f"port is {port}; expected 0 (any free one) to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        raise RefusedError(
            f"port {port} of {host} cannot be used ({error.strerror}); name another one with --port"
        ) from None


def url_of(listener: socket.socket) -> str:
    """Where a bound socket is reached; one that is bound to all addresses, by the name of this machine."""
    host, port = listener.getsockname()[:2]
    if host in EVERYWHERE:
        return f"http://{socket.gethostname()}:{port}"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: Callable[[], bool]) -> None:
        super().__init__(config)
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command line, which knows the exit codes."""
        yield

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop()


def serve(
    app: FastAPI, listener: socket.socket, *, stop: Callable[[], bool], limits: Limits = LIMITS
) -> None:
    """Answer requests on a bound socket until `stop`, which is asked ten times a second.

    `limits`: what the client of a connection may take.
    """
    config = uvicorn.Config(
        app,
        http=limited(limits),
        ws="none",  # nothing here speaks it, and it would leave the limits
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
    )
    UVICORN.addFilter(_is_news)
    gc.collect()
    gc.freeze()  # what was imported stays for good: looking through it again and again delays answers
    _Server(config, stop).run(sockets=[listener])


def _is_news(record: logging.LogRecord) -> bool:
    """Whether uvicorn tells what was not told yet.

    errors.py has logged every exception of a request already, without its message, which may hold a prompt.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (
        isinstance(error, Exception) and record.getMessage().startswith("Exception in ASGI application")
    )
