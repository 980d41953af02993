"""One thread for each model, and those who wait for it: bounded, in fair turns, and only as long as somebody waits.

Why a thread of its own: torch keeps threads for each thread that calls it, and a slow reader must not hold the model.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from monosema.server.errors import BusyError, GoneError, LateError

T = TypeVar("T")
M = TypeVar("M")

WAITING = 8
"""Requests that may wait for one model; more are refused, so that other routes always find a thread. One of a client
that has none among them takes the place of the last one of who has most."""
WAIT_SECONDS = 60.0
"""Longest wait for the model."""
WORK_SECONDS = 120.0
"""Longest work for one request, once the model is loaded; looked at whenever a pass comes to a block."""
LONGEST_RETRY = 60
GUESS_SECONDS = 1.0
"""What a request takes, before one was measured."""


class Turns(Generic[T]):
    """Who waits. First come, first served; but a client's next one comes after the first ones of all others."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def has(self, client: str) -> bool:
        """Whether anything of a client waits."""
        return client in self._of

    def __iter__(self) -> Iterator[T]:
        return itertools.chain.from_iterable(self._of.values())

    def put(self, client: str, one: T) -> None:
        """Let one wait."""
        self._of.setdefault(client, deque()).append(one)

    def take(self) -> T:
        """Whose turn it is; raise `KeyError` where nobody waits."""
        client, line = self._of.popitem(last=False)
        one = line.popleft()
        if line:
            self._of[client] = line  # behind the others
        return one

    def drop_of_most(self) -> T | None:
        """Take out the last one of who has most, of equals of who is the last in turn; None where nobody has two."""
        line = max(reversed(self._of.values()), key=len)
        return line.pop() if len(line) > 1 else None

    def drop(self, client: str, one: T) -> bool:
        """Take one out that waits; whether it did."""
        line = self._of.get(client, deque())
        if one not in line:
            return False
        line.remove(one)
        if not line:
            del self._of[client]
        return True


class Job(Generic[T]):
    """What one request wants of a model."""

    def __init__(self, client: str, work: Callable[[Any, Job[T]], T], drop: Callable[[Job[T]], bool]) -> None:
        self.client, self._work, self._drop = client, work, drop
        self._future: Future[T] = Future()
        self._begun, self._left = threading.Event(), threading.Event()
        self._until = math.inf

    def check(self) -> None:
        """Called in the midst of work: raises `GoneError` when nobody waits any more, `LateError` after too long."""
        if self._left.is_set():
            raise GoneError("the client has gone")
        if time.monotonic() > self._until:
            raise LateError(f"the model worked for more than {WORK_SECONDS:g} s")

    def cancel(self) -> None:
        """The client has gone: what waits is taken out, what is in work ends at its next `check`."""
        self._left.set()
        if self._drop(self):
            self._end(GoneError("the client has gone"))

    def refuse(self, error: BusyError) -> None:
        """It was taken out from among those who wait, and is never begun."""
        self._end(error)

    def await_turn(self) -> None:
        """Wait until it is begun, or has ended before: with `BusyError` after `WAIT_SECONDS` without a turn."""
        if not self._begun.wait(WAIT_SECONDS) and self._drop(self):
            waited = f"the model has been at work for others for {WAIT_SECONDS:g} s"
            self._end(BusyError(waited, retry_after=LONGEST_RETRY))

    def result(self) -> T:
        """Wait for it. Raises what the work raised."""
        self.await_turn()
        return self._future.result()

    def when_done(self, act: Callable[[BaseException | None], None]) -> None:
        """Call `act` with the error, or None, when it has ended."""
        self._future.add_done_callback(lambda future: act(future.exception()))

    def run(self, model: Callable[[], Any]) -> None:
        """Do it, in the thread of the worker."""
        self._begun.set()
        try:
            self.check()
            loaded = model()
            self._until = time.monotonic() + WORK_SECONDS
            result = self._work(loaded, self)
        except BaseException as error:
            self._end(error)
        else:
            self._future.set_result(result)

    def _end(self, error: BaseException) -> None:
        self._future.set_exception(error)
        self._begun.set()


class Worker(Generic[M]):
    """Works for one model, which it loads for the first who asks."""

    def __init__(self, load: Callable[[], M]) -> None:
        self._load = load
        self._model: M | None = None
        self._turns: Turns[Job[Any]] = Turns()
        self._wake = threading.Condition()
        self._working: Job[Any] | None = None
        self._closed = False
        self._seconds = GUESS_SECONDS
        self._thread = threading.Thread(target=self._go, daemon=True, name="model")
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._turns)

    @property
    def idle(self) -> bool:
        """Whether nobody waits and nothing is in work."""
        with self._wake:
            return self._working is None and not len(self._turns)

    def put(self, client: str, work: Callable[[M, Job[T]], T]) -> Job[T]:
        """Let a request wait. Raises `BusyError` where too many do and none of them gives way to it."""
        job = Job(client, work, self._dropped)
        with self._wake:
            busy = self._busy()
            displaced = None if busy is None or self._turns.has(client) else self._turns.drop_of_most()
            if busy is not None and displaced is None:
                raise busy
            self._turns.put(client, job)
            self._wake.notify()
        if busy is not None and displaced is not None:
            displaced.refuse(busy)
        return job

    def _busy(self) -> BusyError | None:
        """What one request more is told; None where it may wait."""
        waiting = len(self._turns)
        if waiting < WAITING:
            return None
        seconds = min(LONGEST_RETRY, math.ceil(waiting * self._seconds))
        return BusyError(f"{waiting} requests wait for the model already", retry_after=seconds)

    def close(self) -> None:
        """Take no more in; the thread ends, and lets go of the model, after those who wait."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def join(self, seconds: float | None = None) -> None:
        """Wait until the thread has ended, or for so long."""
        self._thread.join(seconds)

    def leave(self) -> None:
        """Close, and end what is not done: nobody waits for it any more."""
        self.close()
        with self._wake:
            jobs = [*self._turns, *([] if self._working is None else [self._working])]
        for job in jobs:
            job.cancel()

    def _dropped(self, job: Job[Any]) -> bool:
        with self._wake:
            return self._turns.drop(job.client, job)

    def _next(self) -> Job[Any] | None:
        with self._wake:
            self._working = None
            self._wake.wait_for(lambda: len(self._turns) or self._closed)
            self._working = self._turns.take() if len(self._turns) else None
            return self._working

    def _go(self) -> None:
        while (job := self._next()) is not None:
            begun = time.monotonic()
            job.run(self._loaded)
            self._seconds = (self._seconds + time.monotonic() - begun) / 2
            del job  # its client's request, and what it holds, can go
        self._model = None

    def _loaded(self) -> M:
        if self._model is None:
            self._model = self._load()
        return self._model
