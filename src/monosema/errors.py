"""Every error that a user can meet, and the exit code that the command line gives it.

    MonosemaError              1  the work failed
    ├── ActivationError        1  NaN or infinite activations
    ├── UsageError             2  asked wrongly: arguments, study.toml, an unknown name
    ├── RefusedError           3  locked, stale without --remake, would overwrite
    ├── DamagedError           4  an artifact or an input file is not what it should be
    ├── ResourceError          5  out of memory or disk
    └── Interrupted      130/143  Ctrl-C or SIGTERM, after a checkpoint

A message is one line: what happened with the value seen, where, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


class MonosemaError(Exception):
    """Base of all errors that the command line shows as one line."""

    exit_code = 1


class ActivationError(MonosemaError):
    """The model produced activations that are NaN or infinite."""


class UsageError(MonosemaError):
    """What was asked cannot be done as it was asked."""

    exit_code = 2


class RefusedError(MonosemaError):
    """Possible, but it would harm something; the message says what would allow it."""

    exit_code = 3


class DamagedError(MonosemaError):
    """A file is truncated, edited or not of the format that it claims."""

    exit_code = 4


class ResourceError(MonosemaError):
    """Memory or disk ran out."""

    exit_code = 5


class Interrupted(MonosemaError):  # noqa: N818 (it is no failure)
    """The user stopped the work; it can be resumed."""

    def __init__(self, message: str, *, exit_code: int = 130) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)` for the known name closest to `name`, or the empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f' (did you mean "{close[0]}"?)' if close else ""


def lookup(table: Mapping[str, T], name: str, what: str) -> T:
    """Return `table[name]`; raise `UsageError` that lists the known names and the nearest one."""
    try:
        return table[name]
    except KeyError:
        listed = ", ".join(sorted(table)) or "none"
        raise UsageError(f'unknown {what} "{name}"{nearest(name, table)}; known: {listed}') from None
