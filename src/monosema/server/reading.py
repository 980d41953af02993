"""Reads that take milliseconds, each in its turn: threads that work at once in Python take twice as long for the same.

They hand its lock to each other at each call that lets go of it, such as the look at a file. What takes longer has a
thread of its own: what waits for a model, opens an index or an SAE, or reads an index that is still being made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi.routing import APIRoute

from monosema.server.served import ServedSAE

T = TypeVar("T")
_TURN: RunVar[CapacityLimiter] = RunVar("turn of reads")  # of an event loop


async def in_turn(served: ServedSAE | None, read: Callable[[], T]) -> T:
    """What a read gives, in its turn; at once where the index of `served` is not open yet, or is still being made."""
    quick = served is None or served.place is None or served.open_index() is not None
    return await to_thread.run_sync(read, limiter=_turn() if quick else None)


def _turn() -> CapacityLimiter:
    found = _TURN.get(None)
    if found is None:
        found = CapacityLimiter(1)
        _TURN.set(found)
    return found


class ReadRoute(APIRoute):
    """A route whose function is called `in_turn`; as the `route_class` of a router."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        """As that of FastAPI's route."""
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _in_turn(endpoint), **given)


def _in_turn(endpoint: Callable[..., T]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def answered(**given: Any) -> T:
        return await in_turn(given.get("served"), partial(endpoint, **given))

    return answered
