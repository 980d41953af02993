"""What the weights alone tell of each feature: tokens that it promotes and suppresses, and its neighbours.

It is made a range of features at a time. Each is a file of arrays with a record that is written after it, so that a
stop costs one range, and memory holds one: the finished ones are memory-mapped. They are needed until the table of
features is whole, which holds all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from monosema.errors import DamagedError
from monosema.files import atomic_file, digest, digest_file, read_json, write_json
from monosema.index.mapped import map_arrays
from monosema.index.neighbours import neighbours
from monosema.index.promoted import promoted
from monosema.models import LanguageModel
from monosema.progress import Progress, Reporter
from monosema.sae import SAE

FEATURES = 1 << 14
"""Features of a range: whole tiles of neighbours and blocks of logits, so that cutting changes no bit."""
COLUMNS = ("promoted", "promoted_logits", "suppressed", "suppressed_logits", "neighbours", "cosines")
"""In the order of the table."""


@dataclass(frozen=True)
class WeightColumns:
    """Columns of all features, out of their ranges."""

    parts: Sequence[dict[str, np.ndarray]]
    """Arrays of each range by name, a row a feature."""
    size: int
    """Features of each range but the last."""

    def of(self, begin: int, end: int) -> dict[str, np.ndarray]:
        """The columns of features `begin` to `end`."""
        pieces = []
        for number in range(begin // self.size, -(-end // self.size)):
            first = number * self.size
            some = slice(max(begin - first, 0), end - first)
            pieces.append({name: self.parts[number][name][some] for name in COLUMNS})
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in COLUMNS}


def weight_columns(
    folder: Path, model: LanguageModel, sae: SAE, reporter: Reporter, size: int = FEATURES
) -> WeightColumns:
    """Make the ranges that are missing or damaged in `folder` and return all of them, memory-mapped.

    Memory: 520 bytes for each feature of a range, and that of `promoted` and `neighbours`.
    """
    folder.mkdir(exist_ok=True)
    ranges = [range(begin, min(begin + size, sae.d_sae)) for begin in range(0, sae.d_sae, size)]
    found = [_read(folder, number) for number in range(len(ranges))]
    done = sum(len(some) for some, part in zip(ranges, found, strict=True) if part is not None)
    parts = []
    with reporter.stage("logits", sae.d_sae, "features", done=done) as progress:
        for number, (some, part) in enumerate(zip(ranges, found, strict=True)):
            parts.append(_made(folder, number, model, sae, some, progress) if part is None else part)
    return WeightColumns(parts, size)


def _read(folder: Path, number: int) -> dict[str, np.ndarray] | None:
    """The arrays of a range that is as it was written; None for one that is missing or damaged."""
    path, record = _files(folder, number)
    if not record.is_file():
        return None
    try:
        known = read_json(record)
        if digest_file(path) != known["blake2"]:
            return None
        return map_arrays(path, known["bytes"])
    except (DamagedError, OSError, KeyError):
        return None


def _made(
    folder: Path, number: int, model: LanguageModel, sae: SAE, features: range, progress: Progress
) -> dict[str, np.ndarray]:
    """Make one range, write it and return it memory-mapped."""
    path, record = _files(folder, number)
    data = save(_columns(model, sae, features, progress))
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
    write_json(record, {"bytes": len(data), "blake2": digest(data)})
    return map_arrays(path, len(data))


def _files(folder: Path, number: int) -> tuple[Path, Path]:
    path = folder / f"{number:05d}.safetensors"
    return path, path.with_suffix(".json")


def _columns(model: LanguageModel, sae: SAE, features: range, progress: Progress) -> dict[str, np.ndarray]:
    up, down = promoted(model, sae, features, progress)
    nearest, cosines = neighbours(sae.W_dec, rows=features)
    return {
        "promoted": up.tokens.numpy().astype(np.int32),
        "promoted_logits": up.logits.numpy(),
        "suppressed": down.tokens.numpy().astype(np.int32),
        "suppressed_logits": down.logits.numpy(),
        "neighbours": nearest.numpy().astype(np.int32),
        "cosines": cosines.numpy().astype(np.float32),
    }
