"""One part of the postings, both ways: which rows fire a feature, and which features fire at a row.

A segment is one safetensors file, memory-mapped, its table for others (part.py), and a record that is written after
both, so that a segment is whole or absent. Of its m features that fire, ascending: `features`, `counts`, `starts` (of
their bytes) [m], their `rows` (packed, see codes.py) and `codes` [nnz]; `sums`, `maxima` [m] and the exact largest
activations, `top_counts` [m], `top_rows`, `top_values`. Of its rows: `row_starts` [rows + 1] into `low` and `high`
[nnz], the features at each row, strongest first; `tokens` [rows]; `runs` [r, 3], stretches of following tokens of one
document: document, position, first row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int, Int32, Int64, UInt8, UInt16
from safetensors.numpy import save

from monosema.errors import DamagedError, UsageError
from monosema.files import atomic_file, digest, digest_file, read_json, seal, write_json
from monosema.index.codes import ROWS, codes_of, pack_rows, steps, unpack_list, unpack_rows, values_of
from monosema.index.mapped import map_arrays
from monosema.index.part import PART, write_part
from monosema.kernels import SparseActs

TOP = 20
"""Largest activations that are kept exactly."""
_LOW = 16
_BYTE = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the file of a segment must be."""

    positions: int
    """Rows, those at which nothing fires among them."""
    postings: int
    """Pairs of row and feature."""
    d_sae: int
    """Number of features."""
    bytes: int
    """Size of the file."""
    blake2: str
    """BLAKE2b hash of the file."""


class Segment:
    """A finished segment. Raises `DamagedError` where its file is missing or not what its record says."""

    def __init__(self, folder: Path, number: int, start: int) -> None:
        self.start = start
        """Number of its first row among all rows."""
        self.path = folder / _name(number)
        path = self.path.with_suffix(".json")
        self._seal = seal(path)
        try:
            self.record = Record(**read_json(path))
        except TypeError as error:
            raise DamagedError(f"{path} is no record of a segment ({error}); remake the index") from None
        self._arrays = map_arrays(self.path, self.record.bytes)

    def verify(self) -> None:
        """Raise `DamagedError` where the file was changed after it was written."""
        if digest_file(self.path) != self.record.blake2:
            raise DamagedError(f"{self.path} was changed after it was written; remake the index")

    def is_still(self, folder: Path, number: int, start: int) -> bool:
        """Whether this is what lies in a folder under a number and begins at a row, not written anew since."""
        path = folder / _name(number)
        now = seal(path.with_suffix(".json"))
        return now is not None and (self.path, self.start, self._seal) == (path, start, now)

    def write_part(self) -> None:
        """Write its table where it is missing or was changed."""
        write_part(self.path.with_suffix(PART), self._arrays)

    @property
    def firing(self) -> Int32[np.ndarray, " m"]:
        """Features that fire in it, ascending."""
        return self._arrays["features"]

    @property
    def counts(self) -> Int32[np.ndarray, " m"]:
        """Postings of each of them."""
        return self._arrays["counts"]

    @property
    def sums(self) -> Float64[np.ndarray, " m"]:
        """Sum of the activations of each of them."""
        return self._arrays["sums"]

    @property
    def maxima(self) -> Float32[np.ndarray, " m"]:
        """Largest activation of each of them."""
        return self._arrays["maxima"]

    @property
    def tokens(self) -> Int32[np.ndarray, " rows"]:
        """Token of each row."""
        return self._arrays["tokens"]

    @property
    def runs(self) -> Int32[np.ndarray, "r 3"]:
        """Document, position and first row of each stretch of following tokens, rows ascending."""
        return self._arrays["runs"]

    @cached_property
    def _first(self) -> Int64[np.ndarray, " ends"]:
        """Where the codes of each firing feature begin."""
        return np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])

    @cached_property
    def _first_top(self) -> Int64[np.ndarray, " ends"]:
        """Where the largest activations of each firing feature begin."""
        return np.concatenate([[0], np.cumsum(self._arrays["top_counts"], dtype=np.int64)])

    @property
    def places(self) -> Int32[np.ndarray, "rows 3"]:
        """Document, position and token of each row."""
        return self.places_of(np.arange(self.record.positions))

    def places_of(self, rows: Int64[np.ndarray, " n"]) -> Int32[np.ndarray, "n 3"]:
        """Document, position and token of rows, counted in the segment."""
        begin = self.runs[:, 2]
        run = self.runs[np.searchsorted(begin, rows, side="right") - 1]
        return np.stack([run[:, 0], run[:, 1] + rows - run[:, 2], self.tokens[rows]], axis=1).astype(np.int32)

    @property
    def rows(self) -> Int64[np.ndarray, " nnz"]:
        """Row of each posting, row by row, counted in the segment."""
        return np.repeat(np.arange(self.record.positions), np.diff(self._arrays["row_starts"]))

    @property
    def features(self) -> Int64[np.ndarray, " nnz"]:
        """Feature of each posting, row by row, strongest first."""
        return self._features(0, self.record.postings)

    def at(self, row: int) -> Int64[np.ndarray, " n"]:
        """Features that fire at a row, strongest first: one read."""
        begin, end = self._arrays["row_starts"][row : row + 2]
        return self._features(int(begin), int(end))

    def _features(self, begin: int, end: int) -> Int64[np.ndarray, " n"]:
        low = self._arrays["low"][begin:end].astype(np.int64)
        high = self._arrays.get("high")
        return low if high is None else low + (high[begin:end].astype(np.int64) << _LOW)

    def block(
        self, begin: int, end: int
    ) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"], UInt16[np.ndarray, " n"]]:
        """Feature, row among all rows, and code of all postings of features `begin` to `end`, by feature and row."""
        low, high = np.searchsorted(self.firing, (begin, end))
        counts = self.counts[low:high]
        starts = self._arrays["starts"][low : high + 1].astype(np.int64)
        packed = self._arrays["rows"][starts[0] : starts[-1]]
        rows = unpack_rows(packed, counts, np.diff(starts))
        features = np.repeat(self.firing[low:high].astype(np.int64), counts)
        return features, rows + self.start, self._arrays["codes"][self._first[low] : self._first[high]]

    def of(self, feature: int) -> tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """Rows among all rows, ascending, at which a feature fires, and its activations there."""
        at = int(np.searchsorted(self.firing, feature))
        if at == len(self.firing) or self.firing[at] != feature:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        begin, end = self._arrays["starts"][at : at + 2].tolist()
        rows = unpack_list(self._arrays["rows"][begin:end], int(self.counts[at]))
        return rows + self.start, values_of(self._arrays["codes"][self._first[at] : self._first[at + 1]])

    def tops(
        self, begin: int, end: int
    ) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """Feature, row among all rows, and exact activation of the largest activations, by feature, largest first."""
        low, high = np.searchsorted(self.firing, (begin, end))
        counts = self._arrays["top_counts"]
        some = slice(self._first_top[low], self._first_top[high])
        features = np.repeat(self.firing[low:high].astype(np.int64), counts[low:high])
        rows = self._arrays["top_rows"][some].astype(np.int64) + self.start
        return features, rows, np.asarray(self._arrays["top_values"][some])

    @property
    def bytes_by_direction(self) -> tuple[int, int]:
        """Bytes from features to rows and activations, and from rows to features."""
        size = {name: array.nbytes for name, array in self._arrays.items()}
        by_feature = sum(size[name] for name in ("features", "counts", "starts", "rows", "codes"))
        return by_feature, size["row_starts"] + size["low"] + size.get("high", 0)


def _name(number: int) -> str:
    return f"{number:05d}.safetensors"


def write_segment(folder: Path, number: int, acts: SparseActs, places: Int32[np.ndarray, "rows 3"]) -> Record:
    """Write a segment of at most 65,536 rows: the same pairs give the same bytes."""
    if len(places) > ROWS:
        raise UsageError(f"a segment of {len(places)} rows; expected at most {ROWS}")
    arrays = _by_feature(acts) | _by_row(acts) | _of_places(places)
    data, path = save(arrays), folder / _name(number)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
    write_part(path.with_suffix(PART), arrays)
    record = Record(
        positions=len(places), postings=acts.nnz, d_sae=acts.d_sae, bytes=len(data), blake2=digest(data)
    )
    write_json(path.with_suffix(".json"), asdict(record))
    return record


def _by_feature(acts: SparseActs) -> dict[str, np.ndarray]:
    indices = acts.indices.numpy()
    order = np.argsort(indices.astype(np.uint16) if acts.d_sae <= ROWS else indices, kind="stable")
    features, counts = np.unique(indices, return_counts=True)
    rows, values = acts.rows().numpy()[order], acts.values.numpy()[order]
    packed, starts = pack_rows(rows, counts)
    first = np.cumsum(counts) - counts
    sums = np.add.reduceat(values, first, dtype=np.float64) if len(first) else np.zeros(0)
    maxima = np.maximum.reduceat(values, first) if len(first) else np.zeros(0, dtype=np.float32)
    codes = codes_of(values)
    top, top_counts = _top(counts, codes, values, rows)
    return {
        "features": features.astype(np.int32),
        "counts": counts.astype(np.int32),
        "starts": starts.astype(np.int32),
        "rows": packed,
        "codes": codes,
        "sums": sums,
        "maxima": maxima,
        "top_counts": top_counts.astype(np.uint8),
        "top_rows": rows[top].astype(np.uint16),
        "top_values": values[top],
    }


def _top(
    counts: Int[np.ndarray, " m"],
    codes: UInt16[np.ndarray, " nnz"],
    values: Float32[np.ndarray, " nnz"],
    rows: Int64[np.ndarray, " nnz"],
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " m"]]:
    """Which postings are the largest of their feature, largest first, of equals the earlier; and how many of each."""
    owner = np.repeat(np.arange(len(counts)), counts)
    kept = np.minimum(counts, TOP)
    ends = np.cumsum(counts)
    least = np.sort((owner << _LOW) + codes)[ends - kept] & (ROWS - 1)  # code of the last that enters
    near = np.flatnonzero(codes >= least[owner])
    near = near[np.lexsort((rows[near], -values[near], owner[near]))]
    many = np.bincount(owner[near], minlength=len(counts))
    return near[steps(many) < TOP], kept


def _by_row(acts: SparseActs) -> dict[str, np.ndarray]:
    rows, indices = acts.rows().numpy(), acts.indices.numpy()
    strongest = indices[np.lexsort((-acts.values.numpy(), rows))]
    found: dict[str, np.ndarray] = {
        "row_starts": acts.offsets.numpy().astype(np.int32),
        "low": (strongest & (ROWS - 1)).astype(np.uint16),
    }
    if acts.d_sae <= ROWS:
        return found
    high: UInt8[np.ndarray, " nnz"] | UInt16[np.ndarray, " nnz"] = (strongest >> _LOW).astype(
        np.uint8 if acts.d_sae <= _BYTE else np.uint16
    )
    return found | {"high": high}


def _of_places(places: Int32[np.ndarray, "rows 3"]) -> dict[str, np.ndarray]:
    document, position, token = places.T
    breaks = (np.diff(document) != 0) | (np.diff(position) != 1)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1]) if len(places) else np.zeros(0, dtype=np.int64)
    runs = np.stack([document[first], position[first], first], axis=1).astype(np.int32)
    return {"runs": np.ascontiguousarray(runs), "tokens": np.ascontiguousarray(token)}


def files_of(folder: Path, number: int) -> tuple[Path, Path]:
    """The files that a segment is read from, its record last; its table can be made of them."""
    path = folder / _name(number)
    return path, path.with_suffix(".json")


def read_segments(folder: Path, opened: Sequence[Segment] = ()) -> list[Segment]:
    """The finished segments, from the first up to the first that is missing.

    `opened`: those of the same folder that were read before; only what is new or was written anew is opened.
    """
    found: list[Segment] = []
    start = 0
    while (folder / _name(number := len(found))).with_suffix(".json").is_file():
        still = number < len(opened) and opened[number].is_still(folder, number, start)
        found.append(opened[number] if still else Segment(folder, number, start))
        start += found[-1].record.positions
    return found
