"""Where the shards of a store lie: a folder here, or a URL (urls.py). The rest of the room knows no difference.

A shard is a safetensors file of short columns and of one wide one, `x`, the activations. The short ones are at hand
once a shard is opened, `x` is read as it is asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int
from safetensors import SafetensorError, safe_open
from torch import Tensor

from monosema.errors import DamagedError
from monosema.files import atomic_file, digest_file

ADVICE = "harvest it again: delete it first, or use monosema run --remake; the other shards are kept"
X = "x"

Wanted = Sequence[tuple[int, Int[Tensor, " _"]]]
"""Rows of matrices: number of a matrix, and rows of it."""


@runtime_checkable
class Matrices(Protocol):
    """The activations of several shards, a matrix [rows, width] each."""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of each."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of all."""

    def take(self, wanted: Wanted) -> Iterable[Tensor]:
        """These rows, [rows, width] for each entry of `wanted`."""

    def expect(self, wanted: Wanted) -> None:
        """Make ready for many calls of `take` that stay within these rows."""


@dataclass(frozen=True)
class Opened:
    """Shards that were opened."""

    columns: list[dict[str, Tensor]]
    """The short columns of each."""
    x: Matrices
    """Their activations."""


@runtime_checkable
class Place(Protocol):
    """Where shards and their records lie."""

    @property
    def shared(self) -> bool:
        """Whether other processes see what is written here."""

    @property
    def folder(self) -> Path | None:
        """The folder that it is, on a disk whose room is known."""

    def name(self, file: str) -> str:
        """How people are told of a file."""

    def sizes(self) -> dict[str, int]:
        """Bytes of every file; of none where nothing was written yet."""

    def read(self, files: Sequence[str]) -> list[bytes]:
        """Contents of files; raise `DamagedError` where one is missing."""

    def digest(self, file: str) -> str:
        """BLAKE2b hash of a file."""

    def write(self, file: str, data: bytes) -> None:
        """Write a file whole, in place of one that is there."""

    def remove(self, file: str) -> None:
        """Remove a file."""

    def open(self, sizes: Mapping[str, int]) -> Opened:
        """Open shards, files of these sizes; raise `DamagedError` for one that is not readable."""


class Folder:
    """A folder: its files are written beside their place and renamed, and mapped to memory."""

    shared = True

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def name(self, file: str) -> str:
        """Its path."""
        return str(self._folder / file)

    def sizes(self) -> dict[str, int]:
        """Bytes of every file."""
        if not self._folder.is_dir():
            return {}
        return {path.name: path.stat().st_size for path in self._folder.iterdir() if path.is_file()}

    def read(self, files: Sequence[str]) -> list[bytes]:
        """Contents of files."""
        try:
            return [(self._folder / file).read_bytes() for file in files]
        except FileNotFoundError as error:
            raise DamagedError(f"{error.filename} is missing; harvest again") from None

    def digest(self, file: str) -> str:
        """BLAKE2b hash of a file."""
        return digest_file(self._folder / file)

    def write(self, file: str, data: bytes) -> None:
        """Write a file, atomically."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._folder / file) as temporary:
            temporary.write_bytes(data)

    def remove(self, file: str) -> None:
        """Remove a file."""
        (self._folder / file).unlink()

    def open(self, sizes: Mapping[str, int]) -> Opened:
        """Map shards to memory."""
        columns = [self._mapped(file) for file in sizes]
        return Opened(columns, Mapped([found.pop(X) for found in columns]))

    def _mapped(self, file: str) -> dict[str, Tensor]:
        path = self._folder / file
        try:
            with safe_open(path, framework="pt") as opened:
                found = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no dict)
        except (OSError, SafetensorError) as error:
            raise DamagedError(f"{path} is not readable ({error}); {ADVICE}") from None
        if X not in found:
            raise DamagedError(f"{path} holds no activations; {ADVICE}")
        return found


class Mapped:
    """Matrices in memory, or mapped to it."""

    def __init__(self, matrices: list[Tensor]) -> None:
        self._matrices = matrices

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of each."""
        return [tuple(matrix.shape) for matrix in self._matrices]

    @property
    def dtype(self) -> torch.dtype:
        """Type of all."""
        return self._matrices[0].dtype

    def take(self, wanted: Wanted) -> Iterator[Tensor]:
        """These rows, gathered when their turn comes."""
        return (self._matrices[number].index_select(0, rows) for number, rows in wanted)

    def expect(self, wanted: Wanted) -> None:
        """Nothing: the system reads ahead."""


def room(folder: Path) -> tuple[int, int]:
    """Which disk a folder is on, and the bytes that are free there."""
    return folder.stat().st_dev, shutil.disk_usage(folder).free
