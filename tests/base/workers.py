"""What the tests of the pool send to worker processes, which import it by name."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from monosema.errors import ActivationError, UsageError
from monosema.pool import Seat
from monosema.progress import Progress


@dataclass(frozen=True)
class Write:
    """Write a file; or fail, die, or stay."""

    folder: Path
    number: int
    how: str = "well"

    def __str__(self) -> str:
        return f"file {self.number}"


class UnsendableError(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


def opened(seat: Seat) -> str:
    return f"worker {seat.number} of {seat.of}, pid {os.getpid()}"


def not_opened(seat: Seat) -> str:
    raise UsageError("the model is not here; get it")


def act(opened: str, task: Write, progress: Progress) -> None:
    if task.how == "wrong":
        raise ActivationError(f"activations of {task} are NaN")
    if task.how == "unsendable":
        raise UnsendableError("no", "way")
    if task.how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if task.how == "interrupted":
        os.kill(os.getpid(), signal.SIGINT)
    if task.how == "leaves":
        os._exit(3)
    progress.update(1)
    with (task.folder / str(task.number)).open("a") as file:
        file.write(opened)
    progress.update(2)
    while task.how == "stays":
        progress.update(0)
        time.sleep(0.01)
