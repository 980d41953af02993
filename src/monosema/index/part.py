"""What a finished segment tells of its features, as a table that any tool opens while the index is still being made.

A row for each feature that fires in the segment: `feature`, `count`, `sum`, `maximum`, and the largest activations as
the lists `top_rows` (counted in the segment) and `top_values`. They are the segment's own numbers, which the whole
table is merged from. Nothing here reads them again: look-ups go to the arrays, which are memory-mapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monosema.files import atomic_file

PART = ".parquet"
"""Ending of the table's name, which is otherwise that of the segment."""


def write_part(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the table of a segment with these arrays; one that is there with the same bytes stays as it is."""
    buffer = pa.BufferOutputStream()
    pq.write_table(_table(arrays), buffer, compression="zstd", use_dictionary=False)
    data = buffer.getvalue().to_pybytes()
    if path.is_file() and path.read_bytes() == data:
        return
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def _table(arrays: Mapping[str, np.ndarray]) -> pa.Table:
    ends = np.cumsum(arrays["top_counts"], dtype=np.int32)
    starts = pa.array(np.concatenate([np.zeros(1, dtype=np.int32), ends]))
    return pa.table(
        {
            "feature": pa.array(arrays["features"]),
            "count": pa.array(arrays["counts"]),
            "sum": pa.array(arrays["sums"]),
            "maximum": pa.array(arrays["maxima"]),
            "top_rows": pa.ListArray.from_arrays(starts, pa.array(arrays["top_rows"].astype(np.int32))),
            "top_values": pa.ListArray.from_arrays(starts, pa.array(arrays["top_values"])),
        }
    )
