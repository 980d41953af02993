"""The kernels in C++ (native/), where they were built for this machine; elsewhere torch does the same, slower.

A library for each level of the instruction set stands beside this file; torch says which level this machine has.
Functions take pointers and sizes, and leave out nothing that a caller could get wrong but what is checked here.
"""

from __future__ import annotations

import ctypes
import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

VERSION = 4
"""Of the functions' arguments; rows.hpp has the same number."""
SWITCH = "MONOSEMA_NATIVE"
"""Environment variable; at 0 the libraries are left alone."""
FOLDER = Path(__file__).parent / "built"
LEVELS = {"AVX512": "v4", "AVX2": "v3"}
_TENSORS = {
    "F": torch.float32,
    "D": torch.float64,
    "B": torch.bfloat16,
    "I": torch.int32,
    "L": torch.int64,
}
_NUMBERS = {"q": ctypes.c_int64, "f": ctypes.c_float, "d": ctypes.c_double, "i": ctypes.c_int32}
FUNCTIONS = {
    "top_k": "FqqqFL",
    "count": "FqqFL",
    "collect": "FqqFLLF",
    "count16": "BqqBL",
    "collect16": "BqqBLFFFqLF",
    "shortlist": "BqqqFqII",
    "rank": "FFFqqqIIqFL",
    "decode": "FFFqqLLFfFF",
    "by_feature": "LLqqLLL",
    "gradients": "qqLLLFFFFFFFiiiFFFFD",
    "adam": "FFFFqqfddfffi",
    "round": "FqqqBFF",
}
"""Arguments of each function before the number of threads: tensors by type, numbers in small letters."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of looking for the library."""

    library: ctypes.CDLL | None
    about: str
    """Its level, or why there is none."""


def file_name(level: str) -> str:
    """Name of the library of a level of the instruction set: v4, v3 or base."""
    return f"kernels-{level}.so"


@lru_cache(maxsize=1)
def found() -> Found:
    """Load the library once. Torch was imported before, so that both run on the same OpenMP."""
    if os.environ.get(SWITCH) == "0":
        return Found(library=None, about=f"switched off by {SWITCH}=0")
    level = LEVELS.get(torch.backends.cpu.get_cpu_capability(), "base")
    path = FOLDER / file_name(level)
    if not path.is_file():
        return Found(library=None, about=f"not built for {platform.machine()} ({level})")
    try:
        library = ctypes.CDLL(str(path))
        version = int(library.monosema_version())
        if version != VERSION:
            return Found(library=None, about=f"built from other sources (version {version}, not {VERSION})")
        for name, letters in FUNCTIONS.items():
            types = [_NUMBERS.get(letter, ctypes.c_void_p) for letter in letters]
            function = getattr(library, f"monosema_{name}")  # which keeps it, with its types
            function.argtypes, function.restype = [*types, ctypes.c_int32], None
    except (OSError, AttributeError) as error:
        return Found(library=None, about=f"{path.name} cannot be loaded ({error})")
    return Found(library=library, about=f"C++, {level}")


def fits(*tensors: Tensor) -> bool:
    """Whether the kernels can work on these tensors: the library is there, they lie on the CPU in one piece."""
    return found().library is not None and all(
        tensor.device.type == "cpu" and tensor.is_contiguous() for tensor in tensors
    )


def call(name: str, *arguments: Tensor | int | float) -> None:
    """Run a kernel with torch's number of threads; results are written into tensors among the arguments."""
    library = found().library
    letters = FUNCTIONS[name]
    assert library is not None
    assert len(arguments) == len(letters), name
    given = [
        _pointer(argument, letter) if isinstance(argument, Tensor) else argument
        for argument, letter in zip(arguments, letters, strict=True)
    ]
    getattr(library, f"monosema_{name}")(*given, torch.get_num_threads())


def _pointer(tensor: Tensor, letter: str) -> int:
    """Memory that a kernel may read and write as what it takes it for."""
    assert tensor.dtype == _TENSORS[letter]
    assert tensor.is_contiguous()
    assert tensor.device.type == "cpu"
    return tensor.data_ptr()
