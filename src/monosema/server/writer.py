"""Who writes a study now, by the file beside its lock; the lock itself is never touched, so no writer is hindered."""

from __future__ import annotations

import json
import os
import socket

from monosema.server.record import Record
from monosema.study import Study


class Writer(Record):
    """A process that makes something of a study."""

    verb: str
    """Verb of the command line."""
    since: str
    """When it began, UTC."""


def writer_of(study: Study) -> Writer | None:
    """Who writes the study; None for nobody, and for a process of this machine that is gone."""
    try:
        entry = json.loads((study.path / "lock").read_text(encoding="utf-8"))
        writer, host, pid = (
            Writer(verb=entry["verb"], since=entry["since"]),
            str(entry["host"]),
            int(entry["pid"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the file is empty where nobody writes
    return writer if host != socket.gethostname() or _alive(pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # of another user
    return True
