"""The command line, and a server, in a process of its own, for benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def monosema(*arguments: str, **how: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "monosema", *arguments], text=True, **how)


@contextmanager
def serving(*studies: Path) -> Iterator[tuple[str, int]]:
    """A server; its address and process."""
    quiet = subprocess.DEVNULL
    process = monosema(
        "serve", *map(str, studies), "--port", "0", "--json", stdout=subprocess.PIPE, stderr=quiet
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], process.pid
    finally:
        process.terminate()
        process.wait()


def resident_mb(pid: int) -> float:
    """Memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
