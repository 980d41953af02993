"""The records of an index on disk: one Parquet table of features, one file of tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monosema.artifact import atomic_file
from monosema.errors import DamagedError
from monosema.index.promoted import Promoted
from monosema.index.statistics import Statistics
from monosema.index.tags import TagStatistics

FEATURES, TAGS = "features.parquet", "tags.npz"


def _lists(array: Any) -> pa.Array:
    flat = np.ascontiguousarray(array)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), int(np.prod(flat.shape[1:])))


def write_features(
    folder: Path,
    found: Statistics,
    promoted: tuple[Promoted, Promoted],
    neighbours: tuple[Any, Any],
    positions: int,
) -> None:
    """Write the table of features: a row each, in the order of their numbers."""
    up, down = promoted
    columns = {
        "feature": pa.array(np.arange(len(found.count), dtype=np.int32)),
        "count": pa.array(found.count),
        "density": pa.array(found.count / max(positions, 1)),
        "mean": pa.array(found.sum / np.maximum(found.count, 1)),
        "maximum": pa.array(found.maximum.astype(np.float32)),
        "histogram": _lists(found.histogram),
        "top_rows": _lists(found.top_rows),
        "top_values": _lists(found.top_values),
        "sample_rows": _lists(found.sample_rows),
        "sample_values": _lists(found.sample_values),
        "promoted": _lists(up.tokens.numpy().astype(np.int32)),
        "promoted_logits": _lists(up.logits.numpy()),
        "suppressed": _lists(down.tokens.numpy().astype(np.int32)),
        "suppressed_logits": _lists(down.logits.numpy()),
        "neighbours": _lists(neighbours[0].numpy().astype(np.int32)),
        "cosines": _lists(neighbours[1].numpy().astype(np.float32)),
    }
    with atomic_file(folder / FEATURES) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd")


class FeatureTable:
    """The table of features, read whole: some 2 kB a feature."""

    def __init__(self, folder: Path) -> None:
        path = folder / FEATURES
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise DamagedError(f"{path} cannot be read ({error}); remake the index") from None
        self._columns = {name: _array(table[name]) for name in table.column_names}

    def __getitem__(self, name: str) -> Any:
        """A column, [d_sae] or [d_sae, width]."""
        return self._columns[name]


def _array(column: pa.ChunkedArray) -> Any:
    joined = column.combine_chunks()
    if isinstance(joined.type, pa.FixedSizeListType):
        return joined.flatten().to_numpy().reshape(len(joined), joined.type.list_size)
    return joined.to_numpy()


def write_tags(folder: Path, found: TagStatistics) -> None:
    """Write what is known of tags."""
    names = np.array(found.tags, dtype=str)
    with atomic_file(folder / TAGS) as temporary, temporary.open("wb") as file:
        np.savez(file, tags=names, rows=found.rows, count=found.count.astype(np.int32), sum=found.sum)


def read_tags(folder: Path) -> TagStatistics:
    """What is known of tags."""
    try:
        with np.load(folder / TAGS, allow_pickle=False) as file:
            return TagStatistics(
                tags=tuple(file["tags"].tolist()),
                rows=file["rows"],
                count=file["count"].astype(np.int64),
                sum=file["sum"],
            )
    except (OSError, ValueError, KeyError) as error:
        raise DamagedError(f"{folder / TAGS} cannot be read ({error}); remake the index") from None
