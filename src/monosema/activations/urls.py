"""Shards at a URL of any file system that fsspec has a driver for: s3://, gs://, sftp://, memory:// and so on.

Asked of a driver: `ls`, `cat_ranges`, `pipe_file`, `rm_file` and `makedirs`. Its errors become one line that names
the URL. `file://` is a folder like any other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from torch import Tensor

from monosema.activations.blocks import Blocks, Span
from monosema.activations.places import ADVICE, Folder, Opened, Place, X
from monosema.errors import DamagedError, MonosemaError, RefusedError, UsageError, nearest
from monosema.files import digest
from monosema.models.quiet import first_line

_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I32": torch.int32,
    "I8": torch.int8,
}
_LENGTH = 8  # bytes that say how long a safetensors header is
_HEAD = 1 << 13  # more than any header of ours


def place_of(folder: Path, at: str | None) -> Place:
    """Where the shards of the store in `folder` lie; `at`: their URL, None: beside it.

    Raises `UsageError` for an unknown protocol and one whose driver is not installed.
    """
    if at is None:
        return Folder(folder)
    system, path = _opened(at)
    return Folder(Path(path)) if isinstance(system, LocalFileSystem) else Url(system, path, at)


def is_shared(url: str | None) -> bool:
    """Whether other processes see what is written at a URL; None: in a folder."""
    return place_of(Path(), url).shared


def check_url(url: str) -> None:
    """Raise `UsageError` unless the driver of a URL is here; nothing is read."""
    _opened(url)


def _opened(url: str) -> tuple[Any, str]:
    protocol = url.partition("://")[0].rpartition("::")[2]
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise UsageError(
            f"{url} needs a driver that is not installed ({first_line(error)}); install it with pip beside monosema"
        ) from None
    except Exception as error:  # drivers raise kinds of their own
        near = nearest(protocol, known_implementations) if protocol not in known_implementations else ""
        raise UsageError(f"{url} cannot be opened ({first_line(error)}){near}; check the URL") from None
    return system, path.rstrip("/")


class Url:
    """A folder at a URL."""

    folder: Path | None = None

    def __init__(self, system: Any, path: str, url: str) -> None:
        self._system, self._path, self._url = system, path, url.rstrip("/")

    def __str__(self) -> str:
        return self._url

    @property
    def shared(self) -> bool:
        """False for the memory of this process."""
        return not isinstance(self._system, MemoryFileSystem)

    def name(self, file: str) -> str:
        """Its URL."""
        return f"{self._url}/{file}"

    def sizes(self) -> dict[str, int]:
        """Bytes of every file, by one listing."""
        with _as_line(self._url, "listed"):
            self._system.invalidate_cache(self._path)
            try:
                found = self._system.ls(self._path, detail=True)
            except FileNotFoundError:
                return {}
        return {
            one["name"].rpartition("/")[2]: int(one["size"] or 0) for one in found if one["type"] == "file"
        }

    def read(self, files: Sequence[str]) -> list[bytes]:
        """Contents of files."""
        return self._ranges(files, [None] * len(files), [None] * len(files))

    def digest(self, file: str) -> str:
        """BLAKE2b hash of a file, all of which is in memory for that."""
        return digest(self.read([file])[0])

    def write(self, file: str, data: bytes) -> None:
        """Put a file: whole or not at all in object stores; elsewhere the record that is put after a shard vouches."""
        with _as_line(self.name(file), "written"):
            try:
                self._system.pipe_file(f"{self._path}/{file}", data)
            except FileNotFoundError:  # its folder is not there
                self._system.makedirs(self._path, exist_ok=True)
                self._system.pipe_file(f"{self._path}/{file}", data)

    def remove(self, file: str) -> None:
        """Remove a file."""
        with _as_line(self.name(file), "removed"):
            self._system.rm_file(f"{self._path}/{file}")

    def open(self, sizes: Mapping[str, int]) -> Opened:
        """Read headers and short columns of shards; their activations are fetched as they are asked for."""
        files = list(sizes)
        heads = self._ranges(files, [0] * len(files), [_HEAD] * len(files))
        headers = [self._header(file, head, sizes[file]) for file, head in zip(files, heads, strict=True)]
        of_x = [header[X] for header in headers]
        for file, x in zip(files, of_x, strict=True):
            if (x.shape[1:], x.dtype) != (of_x[0].shape[1:], of_x[0].dtype):
                raise DamagedError(
                    f"{self.name(file)} has activations of another kind than {files[0]}; {ADVICE}"
                )
        spans = [Span(file, x.begin, x.shape[0]) for file, x in zip(files, of_x, strict=True)]
        columns = self._columns(files, headers)
        return Opened(columns, Blocks(self._exactly, spans, of_x[0].shape[1], of_x[0].dtype))

    def _header(self, file: str, head: bytes, size: int) -> dict[str, _Entry]:
        try:
            end = _LENGTH + int.from_bytes(head[:_LENGTH], "little")
            raw = json.loads(head[_LENGTH:end])
            found = {name: _Entry.of(entry, end) for name, entry in raw.items() if name != "__metadata__"}
            if X not in found or len(found[X].shape) != 2:
                raise ValueError("it holds no activations")
            if max(entry.end for entry in found.values()) > size:
                raise ValueError("it is shorter than its header says")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(f"{self.name(file)} is not readable ({error}); {ADVICE}") from None
        return found

    def _columns(self, files: Sequence[str], headers: Sequence[dict[str, _Entry]]) -> list[dict[str, Tensor]]:
        """All columns but x of every file: what lies before x and what lies after it."""
        ranges = [(number, *part) for number, header in enumerate(headers) for part in _around(header)]
        numbers, starts, ends = zip(*ranges, strict=True) if ranges else ((), (), ())
        found = self._exactly([files[number] for number in numbers], starts, ends)
        columns: list[dict[str, Tensor]] = [{} for _ in files]
        for (number, begin, end), data in zip(ranges, found, strict=True):
            for name, entry in headers[number].items():
                if name != X and begin <= entry.begin <= entry.end <= end:
                    columns[number][name] = entry.tensor(data[entry.begin - begin : entry.end - begin])
        return columns

    def _exactly(self, files: Sequence[str], starts: Sequence[int], ends: Sequence[int]) -> list[bytes]:
        """Bytes of ranges; raise `DamagedError` where a file ends before."""
        found = self._ranges(files, starts, ends)
        for file, start, end, data in zip(files, starts, ends, found, strict=True):
            if len(data) != end - start:
                raise DamagedError(f"{self.name(file)} ends before byte {end}; {ADVICE}")
        return found

    def _ranges(
        self, files: Sequence[str], starts: Sequence[int | None], ends: Sequence[int | None]
    ) -> list[bytes]:
        what = self._url if len(set(files)) != 1 else self.name(files[0])
        paths = [f"{self._path}/{file}" for file in files]
        with _as_line(what, "read"):
            found = self._system.cat_ranges(paths, list(starts), list(ends)) if paths else []
            for one in found:
                if isinstance(one, BaseException):  # what a range met stands in its place
                    raise one
            return list(found)


@dataclass(frozen=True)
class _Entry:
    """What a safetensors header says of a tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    """Its first byte in the file."""
    end: int

    @classmethod
    def of(cls, raw: dict[str, Any], first: int) -> _Entry:
        """`first`: first byte after the header."""
        begin, end = (first + int(offset) for offset in raw["data_offsets"])
        entry = cls(_TYPES[raw["dtype"]], tuple(int(size) for size in raw["shape"]), begin, end)
        if begin < first or end - begin != math.prod(entry.shape) * entry.dtype.itemsize:
            raise ValueError("its header does not fit")
        return entry

    def tensor(self, data: bytes) -> Tensor:
        """The tensor of these bytes."""
        if not data:
            return torch.empty(self.shape, dtype=self.dtype)
        return torch.frombuffer(bytearray(data), dtype=self.dtype).view(self.shape)


def _around(header: dict[str, _Entry]) -> list[tuple[int, int]]:
    first, last = min(entry.begin for entry in header.values()), max(entry.end for entry in header.values())
    return [(begin, end) for begin, end in ((first, header[X].begin), (header[X].end, last)) if begin < end]


@contextmanager
def _as_line(url: str, done: str) -> Iterator[None]:
    """Turn what a driver raises into one line."""
    try:
        yield
    except MonosemaError:
        raise
    except FileNotFoundError as error:
        raise DamagedError(
            f"{url} cannot be {done}: not found ({first_line(error)}); check store_at, or harvest again"
        ) from None
    except PermissionError as error:
        raise RefusedError(
            f"{url} cannot be {done}: access was denied ({first_line(error)}); check the keys that its driver uses"
        ) from None
    except NotImplementedError:
        raise UsageError(
            f"{url} cannot be {done}: its driver does not do that; give another store_at"
        ) from None
    except Exception as error:  # drivers raise kinds of their own
        raise MonosemaError(
            f"{url} cannot be {done} ({type(error).__name__}: {first_line(error)}); check the connection and run "
            "again: finished shards are kept"
        ) from None
