"""The models that are held, each with its worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from monosema.server.errors import BusyError
from monosema.server.worker import LONGEST_RETRY, Job, Worker

M = TypeVar("M")
T = TypeVar("T")

LEAVE_SECONDS = 5.0
MOST_MODELS = 2
"""Models that are held at once."""


class Pool(Generic[M]):
    """Workers by what they work for; that of the model that was not asked for the longest goes for a new one."""

    def __init__(self) -> None:
        self._workers: dict[Hashable, tuple[Hashable, Worker[M]]] = {}  # the last asked for last
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait for any model."""
        return sum(worker.waiting for _, worker in list(self._workers.values()))

    @property
    def idle(self) -> bool:
        """Whether no model is at work."""
        return all(worker.idle for _, worker in list(self._workers.values()))

    @property
    def held(self) -> int:
        """How many models have a worker."""
        return len(self._workers)

    def put(
        self,
        name: Hashable,
        key: Hashable,
        load: Callable[[], M],
        client: str,
        work: Callable[[M, Job[T]], T],
    ) -> Job[T]:
        """Let work wait for a model; another `key` is another model of the same name.

        Raises `BusyError` where too many wait, or all models that may be held are at work and this one is not held.
        """
        with self._lock:
            before = self._workers.pop(name, None)
            if before is not None and before[0] == key:
                self._workers[name] = before
                return before[1].put(client, work)
            leaving = before[1] if before is not None else self._leaving()
            worker = Worker(_after(leaving, load))
            self._workers[name] = (key, worker)
            return worker.put(client, work)

    def _leaving(self) -> Worker[M] | None:
        """The worker in whose place a new one comes, where there are as many as may be."""
        if len(self._workers) < MOST_MODELS:
            return None
        for name, (_, worker) in self._workers.items():
            if worker.idle:
                del self._workers[name]
                return worker
        raise BusyError(f"{MOST_MODELS} other models are at work", retry_after=LONGEST_RETRY)

    def leave(self) -> None:
        """End all work, and wait a little for it: the interpreter should not end while torch is at work."""
        with self._lock:
            workers = [worker for _, worker in self._workers.values()]
            self._workers.clear()
        for worker in workers:
            worker.leave()
        for worker in workers:
            worker.join(LEAVE_SECONDS)


def _after(leaving: Worker[M] | None, load: Callable[[], M]) -> Callable[[], M]:
    """The old model goes before the new one comes."""
    if leaving is None:
        return load
    leaving.close()

    def loaded() -> M:
        leaving.join()
        return load()

    return loaded
