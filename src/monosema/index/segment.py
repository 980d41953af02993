"""One part of the postings: which features fire at some rows, feature by feature.

Four arrays beside each other, memory-mapped: `offsets` [d_sae + 1], `rows` [nnz] (ascending within a feature, counted
from the first row of the segment), `values` [nnz] (a, float32), `places` [rows, 3] (document, position in it, token).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, Int64

from monosema.artifact import atomic_file, read_json, write_json
from monosema.corpora import key_of
from monosema.errors import DamagedError
from monosema.kernels import SparseActs

ARRAYS = ("offsets", "rows", "values", "places")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the arrays of a segment must be."""

    positions: int
    """Rows, those at which nothing fires among them."""
    postings: int
    """Pairs of row and feature."""
    d_sae: int
    """Number of features."""


class Segment:
    """A finished segment. Raises `DamagedError` where an array is missing or of another size."""

    def __init__(self, folder: Path, number: int, start: int) -> None:
        self.start = start
        """Number of its first row among all rows."""
        path = folder / f"{number:05d}.json"
        try:
            self.record = Record(**read_json(path))
        except TypeError as error:
            raise DamagedError(f"{path} is no record of a segment ({error}); remake the index") from None
        expected = {
            "offsets": (self.record.d_sae + 1,),
            "rows": (self.record.postings,),
            "values": (self.record.postings,),
            "places": (self.record.positions, 3),
        }
        self._arrays = {name: _open(folder / _file(number, name), expected[name]) for name in ARRAYS}

    @property
    def offsets(self) -> Int64[np.ndarray, " ends"]:
        """Where the postings of each feature begin."""
        return self._arrays["offsets"]

    @property
    def rows(self) -> Int32[np.ndarray, " nnz"]:
        """Row of each posting, counted in the segment."""
        return self._arrays["rows"]

    @property
    def values(self) -> Float32[np.ndarray, " nnz"]:
        """Activation of each posting."""
        return self._arrays["values"]

    @property
    def places(self) -> Int32[np.ndarray, "rows 3"]:
        """Document, position and token of each row."""
        return self._arrays["places"]

    @property
    def keys(self) -> Int64[np.ndarray, " rows"]:
        """`key_of` each row."""
        places = self.places[:, :2].astype(np.int64)
        return key_of(places[:, 0], places[:, 1])

    @cached_property
    def features(self) -> Int32[np.ndarray, " nnz"]:
        """Feature of each posting."""
        return np.repeat(np.arange(self.record.d_sae, dtype=np.int32), np.diff(self.offsets))

    def of(self, feature: int) -> tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """Rows among all rows, ascending, at which a feature fires, and its activations there."""
        some = slice(int(self.offsets[feature]), int(self.offsets[feature + 1]))
        return self.rows[some].astype(np.int64) + self.start, np.asarray(self.values[some])


def _file(number: int, name: str) -> str:
    return f"{number:05d}.{name}.npy"


def _open(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path} cannot be read ({error}); remake the index") from None
    if array.shape != shape:
        raise DamagedError(f"{path} has shape {array.shape}; expected {shape}: remake the index")
    return array


def write_segment(folder: Path, number: int, acts: SparseActs, places: Int32[np.ndarray, "rows 3"]) -> Record:
    """Sort the pairs by feature and write them; the record last, so that a segment is whole or absent."""
    features, order = acts.indices.sort(stable=True)
    counts = np.bincount(features.numpy(), minlength=acts.d_sae)
    arrays: dict[str, np.ndarray] = {
        "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "rows": acts.rows()[order].numpy().astype(np.int32),
        "values": acts.values[order].numpy(),
        "places": places,
    }
    for name, array in arrays.items():
        with atomic_file(folder / _file(number, name)) as temporary, temporary.open("wb") as file:
            np.save(file, array)
    record = Record(positions=len(places), postings=acts.nnz, d_sae=acts.d_sae)
    write_json(folder / f"{number:05d}.json", asdict(record))
    return record


def read_segments(folder: Path) -> list[Segment]:
    """The finished segments, from the first up to the first that is missing."""
    found: list[Segment] = []
    start = 0
    while (folder / f"{len(found):05d}.json").is_file():
        found.append(Segment(folder, len(found), start))
        start += found[-1].record.positions
    return found
