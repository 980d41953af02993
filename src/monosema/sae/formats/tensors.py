"""Tensors in a safetensors file, streamed: no copy of all of them in memory, and the same bytes each time.

The library's own `save_file` writes through a temporary file of a random name, which a kill leaves behind, makes
files that only their owner may read, and hides the reason of a failed write. So the header (8 bytes of length,
JSON) and the tensors are written here, and read by the library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from jaxtyping import UInt8
from numpy import ndarray
from safetensors import safe_open
from torch import Tensor

from monosema.files import atomic_file

DTYPES: Final[dict[torch.dtype, str]] = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def tensor_bytes(tensor: Tensor) -> UInt8[ndarray, " bytes"]:
    """The bytes of a tensor in row-major order, without a copy where it lies so on the CPU."""
    flat: UInt8[ndarray, " bytes"] = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return flat


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file atomically; raises `OSError` as the disk does."""
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))  # keeps each one aligned
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in names:
        tensor = tensors[name]
        begin, end = end, end + tensor.numel() * tensor.element_size()
        shape, offsets = list(tensor.shape), [begin, end]
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": shape, "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in names:
            file.write(tensor_bytes(tensors[name]).data)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata of a safetensors file; raises `SafetensorError` or `OSError`."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        return tensors, dict(file.metadata() or {})


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata alone; raises `SafetensorError` or `OSError`."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})
