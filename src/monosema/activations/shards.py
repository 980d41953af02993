"""One shard of a store: a safetensors file of rows and a record of what it must be, each written atomically."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from monosema.activations.harvest import COLUMNS, Rows
from monosema.artifact import atomic_file, digest, digest_file, read_json, write_json
from monosema.errors import DamagedError, ResourceError

_ROW_BYTES = 4 * (len(COLUMNS) - 1)  # document, position, token and norm
_SPARE_BYTES = 1 << 20  # headers and records
_ADVICE = "delete it and harvest again: the other shards are kept"


def store_bytes(positions: int, d_model: int, dtype: torch.dtype) -> int:
    """Bytes on disk of a store of so many positions of one hook point."""
    return positions * (d_model * dtype.itemsize + _ROW_BYTES) + _SPARE_BYTES


def check_room(folder: Path, needed: int) -> None:
    """Raise `ResourceError` where the disk of `folder` has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ResourceError(_full(folder, needed, f"{free:,} bytes are free"))


@contextmanager
def disk_errors(folder: Path, needed: int) -> Iterator[None]:
    """Turn a full disk or quota into a `ResourceError` that says how many bytes the store needs."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(_full(folder, needed, "the disk is full")) from None
        raise


def _full(folder: Path, needed: int, what: str) -> str:
    return (
        f"{folder}: {what}, and the activations still need {needed:,} bytes; free space, or lower the number of "
        "tokens, harvest in bfloat16 or at fewer hook points, or train without a store"
    )


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Record of a finished shard."""

    file: str
    """Name of the safetensors file beside this record."""
    batches: int
    """Batches that it was made from; fewer than the plan's where the split ends in it."""
    rows: int
    """Kept positions in it."""
    bytes: int
    """Size of the file."""
    blake2: str
    """BLAKE2b hash of the file."""

    def check(self, folder: Path, *, contents: bool) -> None:
        """Raise `DamagedError` unless the file has its size and, where `contents` is set, its hash."""
        path = folder / self.file
        if not path.is_file():
            raise DamagedError(f"{path} is missing; harvest again: the other shards are kept")
        size = path.stat().st_size
        if size != self.bytes:
            raise DamagedError(f"{path} has {size} bytes, its record says {self.bytes}; {_ADVICE}")
        if contents and digest_file(path) != self.blake2:
            raise DamagedError(f"{path} was changed after it was written: its hash does not fit; {_ADVICE}")


def shard_name(number: int) -> str:
    """File name of shard `number`."""
    return f"{number:05d}.safetensors"


def _record_path(folder: Path, number: int) -> Path:
    return (folder / shard_name(number)).with_suffix(".json")


def write_shard(folder: Path, number: int, rows: Rows, batches: int) -> Shard:
    """Write the file of a shard and then its record; the same rows give the same bytes."""
    data = save({name: column.contiguous() for name, column in rows.tensors().items()})
    with atomic_file(folder / shard_name(number)) as temporary, temporary.open("wb") as file:
        file.write(data)
    shard = Shard(
        file=shard_name(number), batches=batches, rows=len(rows.norm), bytes=len(data), blake2=digest(data)
    )
    write_json(_record_path(folder, number), asdict(shard))
    return shard


def read_record(folder: Path, number: int) -> Shard | None:
    """Record of shard `number`; None where it is not finished. Raises `DamagedError` for an edited record."""
    path = _record_path(folder, number)
    if not path.is_file():
        return None
    raw = read_json(path)
    try:
        shard = Shard(**raw)
    except TypeError as error:
        raise DamagedError(f"{path} is no record of a shard ({error}); {_ADVICE}") from None
    if shard.file != shard_name(number):
        raise DamagedError(f"{path} names {json.dumps(shard.file)}; expected {shard_name(number)}; {_ADVICE}")
    return shard


def open_columns(folder: Path, shard: Shard, d_model: int) -> dict[str, Tensor]:
    """The columns of a shard, memory-mapped; raise `DamagedError` where the file is not what its record says."""
    shard.check(folder, contents=False)
    path = folder / shard.file
    try:
        with safe_open(path, framework="pt") as file:
            columns = {name: file.get_tensor(name) for name in COLUMNS}
    except (OSError, SafetensorError) as error:
        raise DamagedError(f"{path} is not readable ({error}); {_ADVICE}") from None
    shapes = {name: (shard.rows, d_model) if name == "x" else (shard.rows,) for name in COLUMNS}
    if any(tuple(columns[name].shape) != shape for name, shape in shapes.items()):
        raise DamagedError(f"{path} has columns of other shapes than its record; {_ADVICE}")
    return columns
