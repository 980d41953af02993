"""The table of features on disk: one Parquet file that any tool opens, in row groups that are read one at a time.

Columns of one number a feature are read whole when first asked for; lists (top rows, samples, tokens ...) a row group
at a time for one feature, or whole. A second file holds the pairs of feature and tag.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int64

from monosema.errors import DamagedError
from monosema.files import atomic_file
from monosema.index.tags import TagPairs, TagStatistics

FEATURES, TAGS = "features.parquet", "tags.parquet"
GROUP = 128
"""Features of a row group."""
GROUPS_HELD = 128
"""Row groups that a reader keeps, about 250 kB each."""
_TAGS_KEY = b"monosema.tags"


class Table(Protocol):
    """Columns of features."""

    def __getitem__(self, name: str) -> Any:
        """A whole column, [d_sae] or [d_sae, width]."""

    def row(self, feature: int) -> Mapping[str, Any]:
        """All columns of one feature."""


def as_column(array: np.ndarray) -> pa.Array:
    """An array as a column: numbers, or lists of one length."""
    if array.ndim == 1:
        return pa.array(array)
    flat = np.ascontiguousarray(array)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), int(np.prod(flat.shape[1:])))


def write_columns(path: Path, columns: Mapping[str, pa.Array]) -> None:
    """Write a small table whole."""
    with atomic_file(path) as temporary:
        pq.write_table(pa.table(dict(columns)), temporary, compression="zstd")


class FeatureWriter:
    """Writes the table, a row for each feature, out of blocks of columns in the order of the features."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: pa.Table | None = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, columns: Mapping[str, np.ndarray]) -> None:
        """Write the next features; what does not fill a row group waits for more."""
        table = pa.table({name: as_column(array) for name, array in columns.items()})
        self._held = table if self._held is None else pa.concat_tables([self._held, table])
        self._write(len(self._held) // GROUP * GROUP)

    def close(self) -> None:
        """Write what waits."""
        if self._held is not None:
            self._write(len(self._held))
        if self._writer is not None:
            self._writer.close()

    def _write(self, rows: int) -> None:
        assert self._held is not None
        if self._writer is None:
            self._writer = _parquet_writer(self._path, self._held.schema)
        if rows:
            self._writer.write_table(self._held.slice(0, rows), row_group_size=GROUP)
            self._held = self._held.slice(rows)


def _parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Dictionaries make these columns larger and slower to read; statistics of lists tell nobody anything."""
    numbers = [field.name for field in schema if not isinstance(field.type, pa.FixedSizeListType)]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False, write_statistics=numbers)


@contextmanager
def features_file(folder: Path) -> Iterator[FeatureWriter]:
    """Write the table of features; it is there once the block has ended well."""
    with atomic_file(folder / FEATURES) as temporary, closing(FeatureWriter(temporary)) as writer:
        yield writer


class FeatureTable:
    """Reader of the table, for any number of threads. Memory: the columns that were asked for, and 128 row groups."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FEATURES
        try:
            self._file = pq.ParquetFile(self._path, memory_map=True)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None
        self._lock = Lock()  # two threads that read one file at once have killed the process
        self._columns: dict[str, Any] = {}
        self._group = lru_cache(maxsize=GROUPS_HELD)(self._read_group)

    def __getitem__(self, name: str) -> Any:
        """A whole column."""
        if name not in self._columns:
            self._columns[name] = self._read(lambda: self._file.read([name]))[name]
        return self._columns[name]

    def row(self, feature: int) -> Mapping[str, Any]:
        """All columns of one feature."""
        group, inside = divmod(feature, GROUP)
        return {name: column[inside] for name, column in self._group(group).items()}

    def _read_group(self, number: int) -> dict[str, Any]:
        return self._read(lambda: self._file.read_row_group(number, use_threads=False))

    def _read(self, read: Any) -> dict[str, Any]:
        try:
            with self._lock:
                table = read()
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None
        return {name: _array(table[name]) for name in table.column_names}

    def _damaged(self, error: Exception) -> DamagedError:
        return DamagedError(f"{self._path} cannot be read ({error}); remake the index")


def _array(column: pa.ChunkedArray) -> Any:
    joined = column.combine_chunks()
    if isinstance(joined.type, pa.FixedSizeListType):
        return joined.flatten().to_numpy().reshape(len(joined), joined.type.list_size)
    return joined.to_numpy()


@contextmanager
def tags_file(
    folder: Path, names: Sequence[str], rows: Int64[np.ndarray, " T"]
) -> Iterator[Callable[[TagPairs], None]]:
    """Write the pairs of feature and tag, by feature, and how many rows each tag has: gives what takes a block."""
    names_of = pa.array(list(names), pa.string())
    about = {_TAGS_KEY: json.dumps(dict(zip(names, rows.tolist(), strict=True)), ensure_ascii=False).encode()}
    types = {
        "feature": pa.int32(),
        "tag": pa.dictionary(pa.int32(), pa.string()),
        "count": pa.int64(),
        "sum": pa.float64(),
    }
    schema = pa.schema(list(types.items()), metadata=about)
    with (
        atomic_file(folder / TAGS) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):

        def add(part: TagPairs) -> None:
            tag = pa.DictionaryArray.from_arrays(pa.array(part.tag), names_of)
            columns = [pa.array(part.feature), tag, pa.array(part.count), pa.array(part.sum)]
            writer.write_table(pa.table(columns, schema))

        yield add


def read_tags(folder: Path, d_sae: int) -> TagStatistics:
    """What is known of tags."""
    try:
        table = pq.read_table(folder / TAGS)
        rows: dict[str, int] = json.loads(table.schema.metadata[_TAGS_KEY])
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DamagedError(f"{folder / TAGS} cannot be read ({error}); remake the index") from None
    numbers = {name: number for number, name in enumerate(rows)}
    dictionary = table["tag"].unify_dictionaries().combine_chunks()
    of = np.array([numbers[name] for name in dictionary.dictionary.to_pylist()], dtype=np.int32)
    tag = of[dictionary.indices.to_numpy()] if len(table) else np.zeros(0, dtype=np.int32)
    feature, count, total = (table[name].to_numpy() for name in ("feature", "count", "sum"))
    return TagStatistics(
        tuple(rows),
        np.array(list(rows.values()), dtype=np.int64),
        TagPairs(feature, tag, count, total),
        d_sae,
    )
