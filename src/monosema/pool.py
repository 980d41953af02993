"""Idempotent tasks shared out among worker processes of this machine: spawned, never forked.

1. A worker opens for itself what its tasks need, such as a model, and then takes one task after the other.
2. Through its pipe it says how many units are done, and that a task is.
3. An error in a worker is raised here as it is; a worker that dies is named with its task.
4. Whatever ends the parent's wait, a wish to stop among it, ends the workers; what they finished stays.

A worker hears no Ctrl-C: the parent does, and ends it. A worker whose parent was killed ends by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from typing import Any, Generic, TypeVar

from monosema.errors import ResourceError
from monosema.progress import Progress

S = TypeVar("S")
T = TypeVar("T")

_POLL = 0.2  # seconds after which a wish to stop is asked for
_END = 10.0  # seconds that a worker has to end


@dataclass(frozen=True)
class Seat:
    """One worker among those of a pool."""

    number: int
    """From 0."""
    of: int
    """How many there are."""


@dataclass(frozen=True)
class Crew(Generic[S]):
    """Workers that are still to be started."""

    workers: int
    """How many, at most."""
    open: Callable[[Seat], S]
    """What each opens for itself; sent to it, so that it must be a function of a module or a `partial` of one."""


def run_tasks(
    tasks: Sequence[T], act: Callable[[S, T, Progress], None], crew: Crew[S], progress: Progress
) -> None:
    """Do tasks, each once, in any order; `act` gets what the worker opened, and is sent to it like `Crew.open`.

    `str` of a task names it in errors. Raises what a task raises, and `ResourceError` where a worker dies.
    """
    waiting = deque(tasks)
    seats = min(crew.workers, len(waiting))
    workers: list[_Worker] = []
    try:
        for number in range(seats):
            workers.append(_Worker(Seat(number, seats), crew, act))
            workers[-1].give(waiting)
        while busy := {worker.pipe: worker for worker in workers if worker.task is not None}:
            progress.update(0)  # asks whether to stop
            ready = connection.wait(list(busy), timeout=_POLL)
            for worker in (worker for pipe, worker in busy.items() if pipe in ready):
                done = worker.hear()
                if done is None:
                    worker.give(waiting)
                else:
                    progress.update(done)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A worker process, seen from its parent."""

    def __init__(self, seat: Seat, crew: Crew[Any], act: Callable[..., None]) -> None:
        context = multiprocessing.get_context("spawn")
        self.task: Any = None
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, seat, crew.open, act), daemon=True)
        resource_tracker.ensure_running()  # or the first start does it, which unblocks SIGINT again
        # inherited: Ctrl-C is the parent's
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def give(self, waiting: deque[Any]) -> None:
        """Hand out the next task, or the end where there is none."""
        self.task = waiting.popleft() if waiting else None
        try:
            self.pipe.send(None if self.task is None else (self.task,))
        except OSError:
            if self.task is not None:
                raise self._died() from None

    def hear(self) -> int | None:
        """Units done, or None where the task is; raise what the worker met."""
        try:
            heard = self.pipe.recv()
        except (EOFError, OSError):
            raise self._died() from None
        if isinstance(heard, BaseException):
            raise heard
        return None if heard is None else int(heard)

    def end(self) -> None:
        """End the process, at once where it still has a task."""
        if self.task is not None:
            self._process.terminate()
        self._process.join(_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self.pipe.close()

    def _died(self) -> ResourceError:
        self._process.join(_END)
        code = self._process.exitcode
        by_signal = code is not None and code < 0
        how = (
            f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"with exit code {code}"
        )
        hint = (
            "often memory ran out: use fewer workers or lower tokens_per_batch"
            if by_signal
            else 'a script that uses workers must call them under if __name__ == "__main__":'
        )
        return ResourceError(
            f"a worker process ended {how} while it made {self.task}; {hint}; what was finished is kept"
        )


class _Told:
    """Progress of a worker, told to its parent."""

    def __init__(self, pipe: connection.Connection) -> None:
        self._pipe = pipe

    def update(self, n: int, **figures: float) -> None:
        """Send `n`."""
        self._pipe.send(n)


def _serve(
    pipe: connection.Connection, seat: Seat, open: Callable[[Seat], Any], act: Callable[..., None]
) -> None:
    """What a worker process does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        opened = open(seat)
        while (given := pipe.recv()) is not None:
            act(opened, given[0], _Told(pipe))
            pipe.send(None)
    except Exception as error:  # whatever it is, the parent raises it
        pipe.send(_sendable(error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)  # nobody waits for its task, and another run may begin the same


def _sendable(error: Exception) -> Exception:
    """The error, or one that says the same where it cannot be sent; its traceback is kept as a note."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    except Exception:  # errors of other libraries may lack what pickling needs
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
