"""One shard of a store: a safetensors file of rows and a record of what it must be, each written atomically.

Columns `document`, `position`, `token` and `norm` stand in the order of the harvest; the activation of row i is
row `place[i]` of `x` (`scatter.py` says why). As int8, x is `x[place[i]] * row_scale[place[i]]`, off by at most
half a step, 1/254 of the row's largest value; norms are those before rounding.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from monosema.activations.harvest import COLUMNS, Rows
from monosema.activations.scatter import drawn_places
from monosema.activations.seeds import torch_generator
from monosema.artifact import atomic_file, digest, digest_file, read_json, write_json
from monosema.errors import DamagedError, ResourceError

PLACE, ROW_SCALE = "place", "row_scale"
LOSSY = {"int8": "lossy: int8, each value within 1/254 of the largest of its row"}
"""Types in which activations may be kept with a loss, and what to say of each."""
Lossy = Literal["int8"] | None
_INT8_MAX = 127
_ROW_BYTES = 4 * len(COLUMNS)  # document, position, token, norm and place
_SPARE_BYTES = 1 << 20  # headers and records
_ADVICE = "delete it and harvest again: the other shards are kept"


def store_bytes(positions: int, d_model: int, dtype: torch.dtype, lossy: Lossy = None) -> int:
    """Bytes on disk of a store of so many positions of one hook point; `dtype` is the model's."""
    row = d_model * dtype.itemsize if lossy is None else d_model + 4  # with the scale of the row
    return positions * (row + _ROW_BYTES) + _SPARE_BYTES


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


def write_shard(
    folder: Path, number: int, rows: Rows, batches: int, *, seed: int, lossy: Lossy = None
) -> Shard:
    """Write the file of a shard and then its record; the same rows and seed give the same bytes."""
    place = drawn_places(len(rows.norm), torch_generator(seed, "scatter", number))
    x = torch.empty_like(rows.x)
    x[place.long()] = rows.x
    tensors = rows.tensors() | {PLACE: place} | ({"x": x} if lossy is None else _as_int8(x))
    data = save({name: column.contiguous() for name, column in tensors.items()})
    with atomic_file(folder / shard_name(number)) as temporary, temporary.open("wb") as file:
        file.write(data)
    shard = Shard(
        file=shard_name(number), batches=batches, rows=len(rows.norm), bytes=len(data), blake2=digest(data)
    )
    write_json(_record_path(folder, number), asdict(shard))
    return shard


def _as_int8(x: Float[Tensor, "n d_model"]) -> dict[str, Tensor]:
    """Each row in 255 even steps from minus to plus its largest value."""
    scale = x.float().abs().amax(1) / _INT8_MAX  # [n]
    steps = x.float() / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]
    return {"x": steps.round().clamp(-_INT8_MAX, _INT8_MAX).to(torch.int8), ROW_SCALE: scale}


def activations(
    columns: Mapping[str, Tensor], rows: Int[Tensor, " m"] | slice = slice(None)
) -> Float[Tensor, "m d_model"]:
    """Activations of rows of a shard, numbered in the order of the harvest; fp32 where they are kept as int8."""
    x = columns["x"]
    at = columns[PLACE][rows].long() if PLACE in columns else torch.arange(len(x))[rows]
    found = x.index_select(0, at)
    return found.float() * columns[ROW_SCALE][at, None] if ROW_SCALE in columns else found


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
    """The columns of a shard, memory-mapped; raise `DamagedError` where the file is not what its record says.

    Shards of version 1 have no places: their activations stand in the order of the harvest.
    """
    shard.check(folder, contents=False)
    path = folder / shard.file
    try:
        with safe_open(path, framework="pt") as file:
            columns = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (OSError, SafetensorError) as error:
        raise DamagedError(f"{path} is not readable ({error}); {_ADVICE}") from None
    lack = set(COLUMNS) - set(columns)
    shapes = {name: (shard.rows, d_model) if name == "x" else (shard.rows,) for name in columns}
    if lack or any(tuple(columns[name].shape) != shape for name, shape in shapes.items()):
        raise DamagedError(f"{path} has columns of other shapes than its record; {_ADVICE}")
    return columns
