"""What is refused before anything of a request is looked at: foreign hosts and pages, no token, large, slow bodies."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monosema.server.door import Door
from monosema.server.errors import answer
from monosema.server.pages import plain_page

MOST_BYTES = 1_000_000
"""Of a body."""
BODY_SECONDS = 30.0
"""In which a body must have come."""
LOCKED = (
    "Open the link that monosema serve has printed; each works once. Whoever is in already gets another one with "
    "POST /api/v1/link."
)
TOO_LARGE = f"the body has more than {MOST_BYTES:,} bytes; shorten it"
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
}
"""Headers of every answer: pages load nothing from elsewhere, and stand in no page of others."""
_SAFE = [(name.lower().encode(), value.encode()) for name, value in SAFE.items()]
TOO_SLOW = "the body did not come in time; send it again"


class Guard:
    """Refuses what the door does not let in, and bodies that are too large or too slow.

    What is left of a body that is refused is thrown away as it comes, not kept.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, _safe(send))
            return
        await self._app(scope, _limited(receive), _safe(send))

    def _refused(self, scope: Scope) -> Response | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"], scope["path"]
        wrong = self._door.wrong_place(method, headers)
        if wrong is not None:
            return answer(403, "forbidden", wrong, "use the address that monosema serve prints")
        cookie = self._door.follow(method, path, scope["query_string"].decode("latin-1"))
        if cookie is not None:
            return Response(status_code=303, headers={"Location": "/", "Set-Cookie": cookie})
        if not self._door.lets_in(path, headers):
            if path == "/" and method == "GET":
                return plain_page(401, "This server is locked", LOCKED)
            refused = answer(
                401,
                "unauthorized",
                "this server asks for its token",
                "send it as Authorization: Bearer, or follow a link that was not followed yet",
            )
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return answer(413, "too_large", TOO_LARGE)
        return None


def _safe(send: Send) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_SAFE]}
        await send(message)

    return told


def _limited(receive: Receive) -> Receive:
    """The same messages, until there are too many bytes: a body that comes in chunks says no length before."""
    seen, whole = 0, False
    until: float | None = None

    async def counted() -> Message:
        nonlocal seen, whole, until
        loop = asyncio.get_running_loop()
        until = loop.time() + BODY_SECONDS if until is None else until
        if whole:
            return await receive()  # nothing but the end of the connection
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, TOO_SLOW) from None
        seen += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if seen > MOST_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted
