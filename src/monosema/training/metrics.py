"""Metrics of training as JSON lines in numbered parts: 00000.jsonl, 00001.jsonl, ...

A part is written whole at a regular checkpoint, just before it; lines since then travel inside the checkpoint.
So parts begin and end at the same steps however often training was stopped or killed, and a resume neither
loses nor doubles a line. Lines hold no times: equal runs write equal files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monosema.errors import DamagedError
from monosema.files import atomic_file


class MetricParts:
    """Writer of the parts in a folder; None keeps nothing."""

    def __init__(
        self, folder: Path | None, *, part: int = 0, pending: list[dict[str, Any]] | None = None
    ) -> None:
        self._folder, self.part, self.pending = folder, part, list(pending or [])
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("[0-9]*.jsonl"):
            if (
                int(path.stem) >= part
            ):  # written just before a kill: the steps that it tells of are done again
                path.unlink()

    def add(self, line: Mapping[str, float]) -> None:
        """Take in one line."""
        self.pending.append(dict(line))

    def close_part(self) -> None:
        """Write the pending lines as the next part."""
        if self._folder is not None:
            text = "".join(json.dumps(line) + "\n" for line in self.pending)
            with atomic_file(self._folder / f"{self.part:05d}.jsonl") as temporary:
                temporary.write_text(text, encoding="utf-8")
        self.part += 1
        self.pending = []


def read_metrics(folder: Path) -> Iterator[dict[str, float]]:
    """Yield the lines of all parts in order; raise `DamagedError` that names a part which is no JSON lines."""
    for path in sorted(folder.glob("[0-9]*.jsonl"), key=lambda path: int(path.stem)):
        try:
            for text in path.read_text(encoding="utf-8").splitlines():
                yield json.loads(text)
        except ValueError as error:
            raise DamagedError(
                f"{path} is no file of JSON lines ({error}); train again with --remake"
            ) from None
