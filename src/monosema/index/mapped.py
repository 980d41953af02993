"""The arrays of a safetensors file, memory-mapped: nothing is read before it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from monosema.errors import DamagedError

_TYPES = {"U8": "u1", "U16": "<u2", "I32": "<i4", "I64": "<i8", "F32": "<f4", "F64": "<f8"}
_LENGTH = 8
_MOST_HEADER = 1 << 20


def map_arrays(path: Path, size: int) -> dict[str, np.ndarray]:
    """The arrays by name; raise `DamagedError` that names the file where it is not one of `size` bytes."""
    try:
        raw = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)  # whose slices cost less
        if len(raw) != size:
            raise ValueError(f"{len(raw)} bytes instead of {size}")
        length = int.from_bytes(raw[:_LENGTH].tobytes(), "little")
        if length > _MOST_HEADER:
            raise ValueError(f"a header of {length} bytes")
        begin = _LENGTH + length
        header = json.loads(raw[_LENGTH:begin].tobytes())
        return {
            name: raw[begin + entry["data_offsets"][0] : begin + entry["data_offsets"][1]]
            .view(_TYPES[entry["dtype"]])
            .reshape(entry["shape"])
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} cannot be read ({error}); remake the index") from None
