"""One shard of a store: a safetensors file of rows and a record of what it must be, written one after the other.

Columns `document`, `position`, `token` and `norm` stand in the order of the harvest; the activation of row i is
row `place[i]` of `x` (`scatter.py` says why). As int8, x is `x[place[i]] * row_scale[place[i]]`, off by at most
half a step, 1/254 of the row's largest value; norms are those before rounding.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from safetensors.torch import save
from torch import Tensor

from monosema.activations.harvest import COLUMNS, Rows
from monosema.activations.places import ADVICE, Place, X, room
from monosema.activations.scatter import drawn_places
from monosema.activations.seeds import torch_generator
from monosema.errors import DamagedError, ResourceError
from monosema.files import digest

PLACE, ROW_SCALE = "place", "row_scale"
LOSSY = {"int8": "lossy: int8, each value within 1/254 of the largest of its row"}
"""Types in which activations may be kept with a loss, and what to say of each."""
Lossy = Literal["int8"] | None
_INT8_MAX = 127
_ROW_BYTES = 4 * len(COLUMNS)  # document, position, token, norm and place
_SPARE_BYTES = 1 << 20  # headers and records


def store_bytes(positions: int, d_model: int, dtype: torch.dtype, lossy: Lossy = None) -> int:
    """Bytes on disk of a store of so many positions of one hook point; `dtype` is the model's."""
    row = d_model * dtype.itemsize if lossy is None else d_model + 4  # with the scale of the row
    return positions * (row + _ROW_BYTES) + _SPARE_BYTES


def check_room(stores: Sequence[tuple[Place, int]]) -> None:
    """Raise `ResourceError` where a disk has fewer bytes free than all stores on it need; URLs are taken as endless."""
    left: dict[int, int] = {}
    for place, needed in stores:
        if place.folder is None:
            continue
        disk, free = room(place.folder)
        left[disk] = left.get(disk, free) - needed
        if left[disk] < 0:
            raise ResourceError(_full(place, free - left[disk], f"{free:,} bytes are free"))


@contextmanager
def disk_errors(place: Place, needed: int) -> Iterator[None]:
    """Turn a full disk or quota into a `ResourceError` that says how many bytes the store needs."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(_full(place, needed, "the disk is full")) from None
        raise


def _full(place: Place, needed: int, what: str) -> str:
    return (
        f"{place}: {what}, and the activations still need {needed:,} bytes; free space, or lower the number of "
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

    def check_size(self, place: Place, size: int | None) -> None:
        """Raise `DamagedError` unless `size`, that of the file (None: there is none), is what it should be."""
        path = place.name(self.file)
        if size is None:
            raise DamagedError(f"{path} is missing; harvest again: the other shards are kept")
        if size != self.bytes:
            raise DamagedError(f"{path} has {size} bytes, its record says {self.bytes}; {ADVICE}")

    def check_contents(self, place: Place) -> None:
        """Raise `DamagedError` unless the file has its hash."""
        if place.digest(self.file) != self.blake2:
            raise DamagedError(
                f"{place.name(self.file)} was changed after it was written: its hash does not fit; {ADVICE}"
            )


def shard_name(number: int) -> str:
    """File name of shard `number`."""
    return f"{number:05d}.safetensors"


def record_name(number: int) -> str:
    """File name of the record of shard `number`."""
    return f"{number:05d}.json"


class ShardRows:
    """Rows of a shard in the making: each activation goes to its place at once, so that a shard is in memory once.

    The same rows and seed give the same file.
    """

    def __init__(self, number: int, rows: int, *, seed: int, lossy: Lossy = None) -> None:
        """`rows`: how many there will be."""
        self._number, self._lossy, self._done = number, lossy, 0
        self._columns = {PLACE: drawn_places(rows, torch_generator(seed, "scatter", number))}

    def add(self, rows: Rows) -> None:
        """Take the next rows, in the order of the harvest."""
        here = slice(self._done, self._done + len(rows.norm))
        place = self._columns[PLACE][here].long()
        short = {name: column for name, column in rows.tensors().items() if name != X}
        wide = {X: rows.x} if self._lossy is None else _as_int8(rows.x)
        for at, columns in ((here, short), (place, wide)):
            for name, column in columns.items():
                self._column(name, column)[at] = column
        self._done = here.stop

    def _column(self, name: str, like: Tensor) -> Tensor:
        if name not in self._columns:
            self._columns[name] = like.new_empty(len(self._columns[PLACE]), *like.shape[1:])
        return self._columns[name]

    def write(self, place: Place, batches: int) -> Shard:
        """Write the file of the shard, whose rows are all there, and then its record."""
        data = save(self._columns)
        place.write(shard_name(self._number), data)
        shard = Shard(
            file=shard_name(self._number),
            batches=batches,
            rows=self._done,
            bytes=len(data),
            blake2=digest(data),
        )
        place.write(record_name(self._number), (json.dumps(asdict(shard), indent=2) + "\n").encode())
        return shard


def _as_int8(x: Float[Tensor, "n d_model"]) -> dict[str, Tensor]:
    """Each row in 255 even steps from minus to plus its largest value."""
    scale = x.float().abs().amax(1) / _INT8_MAX  # [n]
    steps = x.float() / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]
    return {X: steps.round().clamp(-_INT8_MAX, _INT8_MAX).to(torch.int8), ROW_SCALE: scale}


def leading(sizes: Mapping[str, int]) -> range:
    """Numbers of shards from the first up to the first that has no record; `sizes`: of the files that are there."""
    end = 0
    while record_name(end) in sizes:
        end += 1
    return range(end)


def recorded(sizes: Mapping[str, int]) -> list[int]:
    """Numbers of all shards that have a record."""
    found = (re.fullmatch(r"(\d{5,})\.json", name) for name in sizes)
    return sorted(int(match[1]) for match in found if match)


def read_records(place: Place, numbers: Sequence[int]) -> list[Shard]:
    """Records of shards; raise `DamagedError` for one that is missing or edited."""
    found = place.read([record_name(number) for number in numbers])
    return [_record(place, number, data) for number, data in zip(numbers, found, strict=True)]


def _record(place: Place, number: int, data: bytes) -> Shard:
    path = place.name(record_name(number))
    try:
        shard = Shard(**json.loads(data))
    except (ValueError, TypeError) as error:
        raise DamagedError(f"{path} is no record of a shard ({error}); {ADVICE}") from None
    if shard.file != shard_name(number):
        raise DamagedError(f"{path} names {json.dumps(shard.file)}; expected {shard_name(number)}; {ADVICE}")
    return shard


class OpenShards:
    """Finished shards, opened: short columns at hand, activations read as they are asked for."""

    def __init__(self, place: Place, shards: Sequence[Shard], d_model: int) -> None:
        """Raises `DamagedError` for one that is not what its record says.

        Shards of version 1 have no places: their activations stand in the order of the harvest.
        """
        opened = place.open({shard.file: shard.bytes for shard in shards})
        self.columns, self._x = opened.columns, opened.x
        for shard, columns, shape in zip(shards, self.columns, self._x.shapes, strict=True):
            lack = set(COLUMNS) - set(columns) - {X}
            short = all(tuple(column.shape) == (shard.rows,) for column in columns.values())
            if lack or not short or shape != (shard.rows, d_model):
                raise DamagedError(
                    f"{place.name(shard.file)} has columns of other shapes than its record; {ADVICE}"
                )

    @property
    def dtype(self) -> torch.dtype:
        """Type in which the activations are kept."""
        return self._x.dtype

    @property
    def x_bytes(self) -> int:
        """Bytes of all activations."""
        return sum(rows * width for rows, width in self._x.shapes) * self.dtype.itemsize

    def activations(
        self, wanted: Sequence[tuple[int, Int[Tensor, " _"] | slice]]
    ) -> Iterator[Float[Tensor, "_ d_model"]]:
        """Activations of rows, numbered in the order of the harvest, of shards by number; fp32 where kept as int8."""
        at = self._places(wanted)
        for x, (number, rows) in zip(self._x.take(at), at, strict=True):
            scale = self.columns[number].get(ROW_SCALE)
            yield x if scale is None else x.float() * scale[rows, None]

    def expect(self, wanted: Sequence[tuple[int, Int[Tensor, " _"] | slice]]) -> None:
        """Make ready for many calls of `activations` that stay within these rows."""
        self._x.expect(self._places(wanted))

    def _places(
        self, wanted: Sequence[tuple[int, Int[Tensor, " _"] | slice]]
    ) -> list[tuple[int, Int[Tensor, " _"]]]:
        return [(number, self._place(self.columns[number])[rows].long()) for number, rows in wanted]

    def _place(self, columns: Mapping[str, Tensor]) -> Int[Tensor, " rows"]:
        """Where in x each row stands."""
        return columns[PLACE] if PLACE in columns else torch.arange(len(columns["norm"]))
