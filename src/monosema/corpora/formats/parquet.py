"""Parquet: one document a row, read group by group."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from monosema.corpora.formats.record import Record
from monosema.errors import DamagedError

ROWS = 1024


def read_parquet(path: Path) -> Iterator[Record]:
    """Yield one record a row; raises `DamagedError` that names the file where it is no whole Parquet file."""
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                for fields in batch.to_pylist():
                    number += 1
                    yield Record(fields, f"row {number}")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise DamagedError(f"{path} after row {number} is no whole Parquet file ({reason})") from None
