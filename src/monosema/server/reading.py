"""Reads that take milliseconds, each in its turn: threads that work at once in Python take twice as long for the same.

They hand its lock to each other at each call that lets go of it, such as the look at a file. What takes longer has a
thread of its own: what waits for a model, opens an index or an SAE, or reads an index that is still being made. For the
same reason the briefest reads need no thread at all, once the first of their kind has loaded what they read from.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi.routing import APIRoute

from monosema.server.served import ServedSAE

T = TypeVar("T")
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
BRIEF_POSITIONS = 4_000_000
"""Of an index; in a larger one a common feature's firings take longer to read."""
_TURN: RunVar[CapacityLimiter] = RunVar("turn of reads")  # of an event loop
_READ: RunVar[set[Hashable]] = RunVar("brief reads whose first has been")  # of an event loop


def brief(endpoint: Endpoint) -> Endpoint:
    """Say of the function of a `ReadRoute` that it takes few milliseconds once it has been called of an index."""
    endpoint.brief = True  # type: ignore[attr-defined]
    return endpoint


async def in_turn(served: ServedSAE | None, read: Callable[[], T]) -> T:
    """What a read gives, in its turn; at once where the index of `served` is not open yet, or is still being made."""
    return await to_thread.run_sync(read, limiter=_turn() if _quick(served) else None)


async def briefly(served: ServedSAE | None, kind: Hashable, read: Callable[[], T]) -> T:
    """What a brief read gives: here and now, but for the first one of its kind and index."""
    index = None if served is None else served.open_index()
    if not _quick(served) or (index is not None and index.positions > BRIEF_POSITIONS):
        return await in_turn(served, read)
    kind, been = (
        (kind, None if served is None or served.place is None else served.place.key),
        _of_loop(_READ, set),
    )
    if kind in been:
        async with _turn():  # between two of them all else goes on
            return read()
    found = await in_turn(served, read)
    been.add(kind)
    return found


def _quick(served: ServedSAE | None) -> bool:
    return served is None or served.place is None or served.open_index() is not None


def _turn() -> CapacityLimiter:
    return _of_loop(_TURN, lambda: CapacityLimiter(1))


def _of_loop(held: RunVar[T], make: Callable[[], T]) -> T:
    """What this event loop holds, made where it holds none yet."""
    found = held.get(None)
    if found is None:
        found = make()
        held.set(found)
    return found


class ReadRoute(APIRoute):
    """A route whose function is called `in_turn`, or `briefly`; as the `route_class` of a router."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        """As that of FastAPI's route."""
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _in_turn(endpoint), **given)


def _in_turn(endpoint: Callable[..., T]) -> Callable[..., Any]:
    is_brief = getattr(endpoint, "brief", False)

    @wraps(endpoint)
    async def answered(**given: Any) -> T:
        served, read = given.get("served"), partial(endpoint, **given)
        if is_brief:
            return await briefly(served, (endpoint, given.get("study")), read)
        return await in_turn(served, read)

    return answered
