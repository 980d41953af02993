"""The table of features on disk: one Parquet file that any tool opens, in row groups that are read one at a time.

Columns of one number a feature are read whole when first asked for; lists (top rows, samples, tokens ...) a row group
at a time for one feature, or whole. A second file holds the pairs of feature and tag.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int64

from monosema.artifact import atomic_file
from monosema.errors import DamagedError
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


def _column(array: np.ndarray) -> pa.Array:
    if array.ndim == 1:
        return pa.array(array)
    flat = np.ascontiguousarray(array)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), int(np.prod(flat.shape[1:])))


def write_features(folder: Path, parts: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Write the table out of blocks of columns in the order of the features: a row each."""
    with atomic_file(folder / FEATURES) as temporary:
        writer, held = None, None
        for part in parts:
            table = pa.table({name: _column(array) for name, array in part.items()})
            held = table if held is None else pa.concat_tables([held, table])
            whole = len(held) // GROUP * GROUP
            writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
            if whole:
                writer.write_table(held.slice(0, whole), row_group_size=GROUP)
                held = held.slice(whole)
        if writer is not None and held is not None:
            if len(held):
                writer.write_table(held, row_group_size=GROUP)
            writer.close()


class FeatureTable:
    """Reader of the table. Memory: the columns that were asked for, and 128 row groups."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FEATURES
        try:
            self._file = pq.ParquetFile(self._path, memory_map=True)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None
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


def write_tags(
    folder: Path, names: Sequence[str], rows: Int64[np.ndarray, " T"], parts: Iterable[TagPairs]
) -> None:
    """Write the pairs of feature and tag, by feature, and how many rows each tag has."""
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
        for part in parts:
            tag = pa.DictionaryArray.from_arrays(pa.array(part.tag), names_of)
            writer.write_table(
                pa.table([pa.array(part.feature), tag, pa.array(part.count), pa.array(part.sum)], schema)
            )


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
