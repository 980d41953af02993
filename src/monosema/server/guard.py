"""What is refused before anything of a request is looked at: foreign hosts and large bodies."""

from __future__ import annotations

import ipaddress

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monosema.server.errors import answer

MOST_BYTES = 1_000_000
"""Of a body."""
TOO_LARGE = f"the body has more than {MOST_BYTES:,} bytes; shorten it"


def is_loopback(host: str) -> bool:
    """Whether a host (a name or an address, no port) is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(header: str) -> str:
    """The host of a Host header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


class Guard:
    """Refuses requests that were meant for another host, and bodies over `MOST_BYTES`.

    A page of the web can let its own name point to 127.0.0.1 and then read what is served here (DNS rebinding); its
    name stands in the Host header. What is left of a body that is refused is thrown away as it comes, not kept.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = host_of(headers.get(b"host", b"").decode("latin-1")).lower()
        if not is_loopback(host):
            refused = answer(403, "forbidden", f"{host!a} is no name of this machine", "use http://127.0.0.1")
            await refused(scope, receive, send)
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            refused = answer(413, "too_large", TOO_LARGE)
            await refused(scope, receive, send)
            return
        await self._app(scope, _limited(receive), send)


def _limited(receive: Receive) -> Receive:
    """The same messages, until there are too many bytes: a body that comes in chunks says no length before."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted
