"""What the server tells of itself: counts and times for Prometheus, and one line of JSON for each request.

Routes stand in both by their templates (`/api/v1/studies/{study}`), so that there are only so many of them. Lines tell
no query and no body, since these may hold what somebody wrote, unless prompts are asked for.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("monosema.server")
"""Takes the lines; without a handler they go nowhere."""
LOG.addHandler(logging.NullHandler())
LOG.propagate = False
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of seconds."""
METHODS = ("GET", "HEAD", "POST", "PUT")
NAMES = ("study", "sae", "map", "number")
"""Parts of a path that a line tells where they are of a route that is there."""
MOST_LOGGED = 20_000
"""Bytes of a body in a line."""
Gauges = Mapping[str, tuple[str, Callable[[], float]]]
"""What is measured when it is asked for: by name, what it is, and how."""


class Figures:
    """Counts since the server began."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges, self._lock = gauges, threading.Lock()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._bins: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self.open = 0

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        place = next((number for number, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        with self._lock:
            self._answers[method, route, status] += 1
            self._bins.setdefault(route, [0] * (len(BOUNDS) + 1))[place] += 1
            self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def text(self) -> str:
        """All of it in Prometheus's text format."""
        with self._lock:
            answers, seconds = dict(self._answers), dict(self._seconds)
            bins = {route: list(counts) for route, counts in self._bins.items()}
        lines = _head("monosema_requests_total", "counter", "Answers by route and status.")
        for (method, route, status), count in sorted(answers.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"monosema_requests_total{{{labels}}} {count}")
        lines += _head("monosema_request_seconds", "histogram", "Time until the end of an answer.")
        for route, counts in sorted(bins.items()):
            below = 0
            for bound, count in zip([*map(str, BOUNDS), "+Inf"], counts, strict=True):
                below += count
                lines.append(f'monosema_request_seconds_bucket{{route="{route}",le="{bound}"}} {below}')
            lines.append(f'monosema_request_seconds_sum{{route="{route}"}} {seconds[route]:.6f}')
            lines.append(f'monosema_request_seconds_count{{route="{route}"}} {below}')
        open_now = {"monosema_requests_open": ("Requests that are not answered yet.", lambda: self.open)}
        for name, (what, measure) in {**open_now, **self._gauges}.items():
            lines += [*_head(name, "gauge", what), f"{name} {measure()}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, what: str) -> list[str]:
    return [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]


class Observed:
    """Counts each request and writes its line."""

    def __init__(self, app: ASGIApp, figures: Figures, log_prompts: bool) -> None:
        """`log_prompts`: whether lines tell the bodies of requests, too."""
        self._app, self._figures, self._log_prompts = app, figures, log_prompts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, body = time.monotonic(), 500, bytearray()

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async def heard() -> Message:
            message = await receive()
            body.extend(message.get("body", b"")[: MOST_LOGGED - len(body)])
            return message

        self._figures.open += 1
        try:
            await self._app(scope, heard if self._log_prompts else receive, told)
        finally:
            self._figures.open -= 1
            seconds, route = time.monotonic() - begun, _template(scope)
            self._figures.add(_known(scope["method"]), route, status, seconds)
            self._write(scope, route, status, seconds, body)

    def _write(self, scope: Scope, route: str, status: int, seconds: float, body: bytearray) -> None:
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": _known(scope["method"]),
            "route": route,
            "names": {name: value for name, value in scope.get("path_params", {}).items() if name in NAMES},
            "status": status,
            "seconds": round(seconds, 4),
            "client": scope["client"][0] if scope.get("client") else None,
        }
        if self._log_prompts and body:
            line["body"] = body.decode(errors="replace")
        LOG.log(logging.ERROR if status >= 500 else logging.INFO, json.dumps(line, ensure_ascii=False))


def _template(scope: Scope) -> str:
    """The route that answered; `none` where nothing did: whoever asks cannot make up others.

    A route knows its path below the router that it is of; what stands before it in the request is that router's place.
    """
    below = getattr(scope.get("route"), "path_format", None)
    if below is None:
        return "none"
    end: str = below.format(**scope["path_params"])
    path: str = scope["path"]
    return path.removesuffix(end) + below if path.endswith(end) else str(below)


def _known(method: str) -> str:
    return method if method in METHODS else "other"
