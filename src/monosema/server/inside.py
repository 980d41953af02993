"""Questions to the application from within the same process: the same routes, records and refusals, no socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI
from starlette.types import Message

from monosema.errors import MonosemaError


class Inside:
    """Asks an application as a client on this machine would."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a path, decoded. Raises `MonosemaError` with the answer's message where it is no success."""
        return asyncio.run(self._ask("GET", path, urlencode(query), b""))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The same for a body."""
        return asyncio.run(self._ask("POST", path, "", json.dumps(body).encode()))

    async def _ask(self, method: str, path: str, query: str, body: bytes) -> Any:
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
            "client": ("127.0.0.1", 0),
            "server": ("localhost", 80),
        }
        status, parts, asked = 0, list[bytes](), asyncio.Event()

        async def receive() -> Message:
            if asked.is_set():
                await asyncio.Event().wait()  # the client stays; it is cancelled with the request
            asked.set()
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        answer = json.loads(b"".join(parts))
        if status != 200:
            raise MonosemaError(f"{path}: {answer['error']['message']}")
        return answer
