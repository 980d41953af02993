"""Clients that ask a server without end: one process, many connections, nothing but the protocol.

    python -m benchmarks.load < asked.json

Reads `{"address": [host, port], "clients": n, "seconds": s, "rate": r or null, "routes": [[name, method, path, body]]}`
and prints how each route was answered: statuses and milliseconds. With `rate` the clients together keep to so many
requests a second, and a request's time counts from when it was due, so that a server that falls behind is seen to.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter, defaultdict
from typing import Any


class Tally:
    """Statuses and times of each route."""

    def __init__(self) -> None:
        self.statuses: dict[str, Counter[str]] = defaultdict(Counter)
        self.times: dict[str, list[float]] = defaultdict(list)

    def add(self, route: str, status: str, seconds: float) -> None:
        """Count an answer."""
        self.statuses[route][status] += 1
        self.times[route].append(1e3 * seconds)


async def answer(reader: asyncio.StreamReader) -> str:
    """Read one answer to its end; its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {
        line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in head[1:] if ":" in line
    }
    if fields.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        await reader.readexactly(int(fields.get("content-length", 0)))
    return head[0].split()[1]


def request(host: str, method: str, path: str, body: Any) -> bytes:
    """One request on a connection that stays open."""
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(data)}\r\n"
    return (head + "Content-Type: application/json\r\n\r\n").encode() + data


async def client(number: int, asked: dict[str, Any], tally: Tally, start: float) -> None:
    """Ask random routes until the time is up; open the connection again where it broke."""
    (host, port), routes, rng = asked["address"], asked["routes"], random.Random(number)
    every = asked["clients"] / asked["rate"] if asked["rate"] else 0.0
    due, end = start + every * number / asked["clients"], start + asked["seconds"]
    streams = None
    while True:
        if every:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        began = due if every else time.monotonic()
        if began >= end:
            return
        name, method, path, body = rng.choice(routes)
        try:
            streams = streams or await asyncio.open_connection(host, port)
            streams[1].write(
                request(host, method, path.replace("{n}", str(rng.randrange(asked["features"]))), body)
            )
            await streams[1].drain()
            status = await answer(streams[0])
        except (OSError, EOFError, asyncio.IncompleteReadError) as error:
            status, streams = type(error).__name__, None
        tally.add(name, status, time.monotonic() - began)
        due += every


async def load(asked: dict[str, Any]) -> dict[str, Any]:
    """All clients at once."""
    tally, start = Tally(), time.monotonic() + 0.1
    await asyncio.gather(*(client(number, asked, tally, start) for number in range(asked["clients"])))
    return {"statuses": tally.statuses, "times": tally.times, "seconds": time.monotonic() - start}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(json.load(sys.stdin)))))
