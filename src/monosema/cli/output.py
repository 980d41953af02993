"""What the verbs share in printing: reporters, tables, JSON, and the signals that stop long work."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from monosema.errors import Interrupted
from monosema.progress import JsonLines, Reporter, RichLines

Json = Annotated[bool, typer.Option("--json", help="Print JSON lines on standard output, the result last.")]


def reporter(as_json: bool) -> Reporter:
    """Rich on a terminal; JSON lines elsewhere, on standard output where JSON was asked for."""
    if as_json:
        return JsonLines(sys.stdout)
    return RichLines() if sys.stderr.isatty() else JsonLines(sys.stderr)


def say(text: str) -> None:
    """Print a sentence for people on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


class Stop:
    """Whether SIGINT or SIGTERM came; asked by long work between its steps."""

    def __init__(self) -> None:
        self.exit_code: int | None = None

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self.exit_code is not None


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Turn the first SIGINT or SIGTERM into a request to stop, the second into an end at once."""
    stop = Stop()

    def handle(number: int, frame: object) -> None:
        code = {signal.SIGINT: 130, signal.SIGTERM: 143}[signal.Signals(number)]
        if stop.exit_code is not None:
            raise Interrupted("stopped at once; the last checkpoint is kept", exit_code=code)
        stop.exit_code = code
        say("stopping at the next safe place; once more stops at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except Interrupted as error:
        if stop.exit_code is not None:
            error.exit_code = stop.exit_code
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
