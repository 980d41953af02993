"""Clients that ask slowly, without end or do not read, at a real server: they are dropped, and nobody else is."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from monosema.server import LOG, create_app, serving
from monosema.server.connection import LIMITS, PIECE, Limits
from server.served import running, until

SHORT = Limits(head_seconds=1.0, write_seconds=0.6)
LONG = 1.5
"""Seconds that are longer than these."""
SECRET = "what nobody should read"
PART = b"x" * (1 << 16)
PARTS = 256
"""16 MB: more than the kernel holds of an answer."""
ASK = "GET {} HTTP/1.1\r\nHost: localhost\r\n"


def app_of(streamed: list[int]) -> FastAPI:
    """An app with large answers and slow ones; `streamed` is told the parts that were made."""
    app = create_app([])

    async def parts() -> AsyncIterator[bytes]:
        for number in range(PARTS):
            streamed.append(number)
            yield PART

    async def events() -> AsyncIterator[str]:
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(LONG)

    async def size(request: Request) -> int:
        return len(await request.body())

    async def broken() -> None:
        raise RuntimeError(SECRET)

    async def breaks() -> AsyncIterator[bytes]:
        yield PART
        raise RuntimeError(SECRET)

    app.add_api_route("/large/whole", lambda: Response(PART * PARTS))
    app.add_api_route("/large/parts", lambda: StreamingResponse(parts()))
    app.add_api_route("/slow/events", lambda: StreamingResponse(events(), media_type="text/event-stream"))
    app.add_api_route("/size/of", size, methods=["POST"])
    app.add_api_route("/broken/it", broken)
    app.add_api_route("/broken/later", lambda: StreamingResponse(breaks()))
    return app


@pytest.fixture
def streamed() -> list[int]:
    return []


@pytest.fixture
def app(streamed: list[int]) -> FastAPI:
    return app_of(streamed)


@contextmanager
def connected(url: str, sent: str, buffer: int | None = None) -> Iterator[socket.socket]:
    """A connection that has sent this; `buffer`: bytes that the kernel takes for a client that does not read."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as connection:
        if buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(60)
        connection.connect((host, int(port)))
        connection.sendall(sent.encode())
        yield connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the other side ends it."""
    found = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            found += piece
    except ConnectionResetError:
        pass
    return bytes(found)


def answers(url: str, path: str = "/healthz") -> bool:
    try:
        with urllib.request.urlopen(f"{url}{path}") as answer:
            return bool(answer.status == 200)
    except (urllib.error.HTTPError, ConnectionError):
        return False


def test_who_connects_and_does_not_ask_makes_room_for_others(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 10)
    with running(app, SHORT) as url, ExitStack() as stack:
        sent = ["", "\r\n", "G", ASK.format("/healthz"), ASK.format("/healthz") + "X: "] * 2
        silent = [stack.enter_context(connected(url, one)) for one in sent]
        assert not answers(url), "there is no more room"
        assert [rest(one) for one in silent] == [b""] * len(silent)
        assert answers(url)


def test_a_head_that_comes_byte_by_byte_has_no_more_time(app: FastAPI) -> None:
    dropped = pytest.raises((BrokenPipeError, ConnectionResetError))
    with running(app, SHORT) as url, connected(url, ASK.format("/healthz")) as slow, dropped:
        for _ in range(600):
            slow.sendall(b"X: y\r\n")
            time.sleep(0.1)


@pytest.mark.parametrize("begin", [ASK.format("/healthz") + "X: ", "GET /"])
def test_a_head_without_end_is_refused(app: FastAPI, begin: str) -> None:
    with running(app) as url:
        with connected(url, begin + "x" * (LIMITS.head_bytes + PIECE)) as endless:
            assert rest(endless).startswith(b"HTTP/1.1 400 ")
        head = ASK.format("/healthz") + f"X: {'x' * (LIMITS.head_bytes // 2)}\r\nConnection: close\r\n\r\n"
        with connected(url, head) as long:
            assert rest(long).startswith(b"HTTP/1.1 200 ")


def test_headers_after_a_body_are_bounded_as_those_before_it(app: FastAPI) -> None:
    begin = ASK.format("/size/of").replace("GET", "POST") + "Transfer-Encoding: chunked\r\n\r\n"
    with running(app) as url:
        with connected(url, f"{begin}1\r\nx\r\n0\r\nX: {'x' * (LIMITS.head_bytes + PIECE)}") as endless:
            assert b"HTTP/1.1 400 " in rest(endless)
        with urllib.request.urlopen(f"{url}/size/of", data=b"x" * 900_000) as answer:
            assert json.load(answer) == 900_000


def test_who_stops_reading_an_answer_in_parts_is_dropped(app: FastAPI, streamed: list[int]) -> None:
    with running(app, SHORT) as url, connected(url, ASK.format("/large/parts") + "\r\n", 1 << 14) as stuck:
        until(lambda: len(streamed) > 1)
        assert answers(url)
        until(lambda: app.state.figures.open == 0)
        assert answers(url)
        assert len(rest(stuck)) < len(PART) * PARTS


@pytest.mark.parametrize("keeps", ["keep-alive", "close"])
def test_who_stops_reading_an_answer_that_was_given_whole_is_dropped(app: FastAPI, keeps: str) -> None:
    head = ASK.format("/large/whole") + f"Connection: {keeps}\r\n\r\n"
    with running(app, SHORT) as url, connected(url, head, 1 << 14) as stuck:
        assert stuck.recv(1)
        time.sleep(2 * LONG)
        assert answers(url)
        assert len(rest(stuck)) < len(PART) * PARTS


@pytest.mark.parametrize("path", ["/large/parts", "/large/whole"])
def test_who_reads_slowly_gets_all_of_it(app: FastAPI, path: str) -> None:
    begun, found = time.monotonic(), 0
    with running(app, SHORT) as url, connected(url, ASK.format(path) + "\r\n", 1 << 16) as slow:
        while found < len(PART) * PARTS:
            piece = slow.recv(1 << 16)
            assert piece, f"dropped after {found} bytes"
            found += len(piece)
            time.sleep(len(piece) / len(PART) * 2 * LONG / PARTS)
    assert time.monotonic() - begun > LONG


def test_a_stream_with_pauses_comes_to_its_end(app: FastAPI) -> None:
    with running(app, SHORT) as url, urllib.request.urlopen(f"{url}/slow/events") as answer:
        assert answer.read() == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_a_connection_may_idle_between_requests_but_not_within_one(app: FastAPI) -> None:
    with running(app, SHORT) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"))
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        first = connection.sock
        time.sleep(LONG)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        assert connection.sock is first
        first.sendall(b"\r\nGET / HTTP/1.1\r\n")
        assert rest(first) == b""
        connection.close()


@pytest.mark.parametrize("path", ["/broken/it", "/broken/later"])
def test_the_message_of_a_bug_is_told_nowhere(app: FastAPI, path: str) -> None:
    told = StringIO()
    handler, loggers = logging.StreamHandler(told), (LOG, logging.getLogger("uvicorn.error"))
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with running(app) as url, connected(url, ASK.format(path) + "\r\n") as connection:
            rest(connection)
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    assert SECRET not in told.getvalue()
    (fault,) = [line for line in map(json.loads, told.getvalue().splitlines()) if "fault" in line]
    assert fault["fault"] == "RuntimeError"
