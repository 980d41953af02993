"""How long work tells where it is: a Rich line for people, JSON lines for programs, or silence."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO, runtime_checkable

from rich.console import Console
from rich.progress import (
    BarColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as RichBar,
)

from monosema.errors import Interrupted


@runtime_checkable
class Progress(Protocol):
    """What a stage calls while it works."""

    def update(self, n: int, **figures: float) -> None:
        """Say that `n` more units are done and what the figures are now."""


@runtime_checkable
class Reporter(Protocol):
    """Makes one `Progress` for each stage."""

    def stage(self, name: str, total: int, unit: str = "positions", done: int = 0) -> StageProgress:
        """Begin a stage of `total` units, `done` of which an earlier try has finished."""


@runtime_checkable
class StageProgress(Progress, Protocol):
    """A `Progress` that is a context manager."""

    def __enter__(self) -> Progress: ...
    def __exit__(self, *exc: object) -> None: ...


class SilentProgress:
    """Says nothing."""

    def __enter__(self) -> SilentProgress:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def update(self, n: int, **figures: float) -> None:
        """Ignore the figures."""


class Silent:
    """Reporter that says nothing."""

    def stage(self, name: str, total: int, unit: str = "positions", done: int = 0) -> SilentProgress:
        """Return a progress that says nothing."""
        return SilentProgress()


class _JsonProgress:
    def __init__(self, out: TextIO, name: str, total: int, unit: str, done: int, every: float) -> None:
        self._out, self._name, self._total, self._unit, self._every = out, name, total, unit, every
        self._done = self._start_done = done
        self._start = self._last = time.monotonic()
        self._figures: dict[str, float] = {}

    def __enter__(self) -> _JsonProgress:
        self._print()
        return self

    def __exit__(self, *exc: object) -> None:
        self._print()

    def update(self, n: int, **figures: float) -> None:
        self._done += n
        self._figures.update(figures)
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            self._print()

    def _print(self) -> None:
        seconds = time.monotonic() - self._start
        rate = (self._done - self._start_done) / seconds if seconds > 0 else 0.0
        left = (self._total - self._done) / rate if rate > 0 else None
        line = {"stage": self._name, "done": self._done, "total": self._total, "unit": self._unit}
        line |= {"per_second": round(rate, 1), "seconds_left": None if left is None else round(left, 1)}
        line |= {key: float(f"{value:.5g}") for key, value in self._figures.items()}
        print(json.dumps(line), file=self._out, flush=True)


class JsonLines:
    """Reporter that prints a JSON line at the start and end of each stage and at most one each `every` seconds.

    `every` is 5, or what the environment variable MONOSEMA_PROGRESS_SECONDS says.
    """

    def __init__(self, out: TextIO | None = None, every: float | None = None) -> None:
        self._out = out or sys.stderr
        self._every = float(os.environ.get("MONOSEMA_PROGRESS_SECONDS", "5")) if every is None else every

    def stage(self, name: str, total: int, unit: str = "positions", done: int = 0) -> _JsonProgress:
        """Begin a stage."""
        return _JsonProgress(self._out, name, total, unit, done, self._every)


def short(number: int) -> str:
    """A count in at most six characters: 950, 1.2k, 2.58M."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


class _RichProgress:
    def __init__(self, bar: RichBar, task: TaskID, total: int, done: int, width: int) -> None:
        self._bar, self._task, self._done, self._start = bar, task, 0, time.monotonic()
        self._total, self._before, self._width = total, done, width
        self._bar.update(task, completed=done, count=self._count())

    def _count(self) -> str:
        return f"{short(self._before + self._done)}/{short(self._total)}"

    def __enter__(self) -> _RichProgress:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def update(self, n: int, **figures: float) -> None:
        self._done += n
        seconds = time.monotonic() - self._start
        shown = [f"{self._done / seconds:,.0f}/s"] if seconds > 0 else []
        shown += [f"{key.replace('_', ' ')} {value:.4g}" for key, value in figures.items()]
        self._bar.update(self._task, advance=n, count=self._count(), figures=self._fitting(shown))

    def _fitting(self, shown: list[str]) -> str:
        """As many figures as the line has room for, the first in any case."""
        while len(shown) > 1 and len("  ".join(shown)) > self._width:
            shown = shown[:-1]
        return "  ".join(shown)


class RichLines:
    """Reporter for people: one live line a stage on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)

    def stage(self, name: str, total: int, unit: str = "positions", done: int = 0) -> _RichProgress:
        """Begin a stage."""
        bar = RichBar(
            TextColumn("[bold]{task.description:13}"),
            BarColumn(bar_width=min(24, max(6, self._console.width - 112))),
            TextColumn("{task.fields[count]} " + unit),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
        )
        return _RichProgress(
            bar, bar.add_task(name, total=total, figures="", count=""), total, done, self._console.width - 50
        )


@contextmanager
def timed(figures: dict[str, float], key: str) -> Iterator[None]:
    """Put the seconds that the block took into `figures[key]`."""
    start = time.monotonic()
    yield
    figures[key] = round(time.monotonic() - start, 3)


class StoppableReporter:
    """A reporter whose stages raise `Interrupted` at their next update once a stop is wished.

    For stages whose parts are idempotent: what is unfinished is made again.
    """

    def __init__(self, inner: Reporter, stop: Callable[[], bool]) -> None:
        self._inner, self._stop = inner, stop

    def stage(self, name: str, total: int, unit: str = "positions", done: int = 0) -> StageProgress:
        """Begin a stage."""
        return _Stoppable(self._inner.stage(name, total, unit, done), self._stop)


class _Stoppable:
    def __init__(self, inner: StageProgress, stop: Callable[[], bool]) -> None:
        self._inner, self._stop = inner, stop

    def __enter__(self) -> _Stoppable:
        self._inner.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._inner.__exit__(*exc)

    def update(self, n: int, **figures: float) -> None:
        self._inner.update(n, **figures)
        if self._stop():
            raise Interrupted("stopped; finished parts are kept: go on with the same command")
