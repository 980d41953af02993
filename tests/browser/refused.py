"""What a server with a full queue answers, in the words of its own code."""

from __future__ import annotations

from playwright.sync_api import Page, Route

from monosema.server.errors import BusyError, answer, kind_of
from monosema.server.openai_errors import openai_body

SECONDS = 1
BUSY = BusyError("8 requests wait for the model already", retry_after=SECONDS)
CHAT, PROMPT = "**/v1/chat/completions", "**/prompt"


def fill_the_queue(page: Page, path: str) -> None:
    """Let what a page asks at this path be refused, until `page.unroute(path)`."""
    status, kind = kind_of(BUSY)
    headers = {"Retry-After": str(SECONDS), "Content-Type": "application/json"}
    ours = bytes(answer(status, kind, str(BUSY), BUSY.advice).body).decode()
    theirs = openai_body(status, kind, str(BUSY), BUSY.advice).model_dump_json()

    def refuse(route: Route) -> None:
        route.fulfill(status=status, headers=headers, body=theirs if path == CHAT else ours)

    page.route(path, refuse)
