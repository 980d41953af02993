"""glibc's allocator told to keep freed memory for what comes next, and to give it back where that has ended.

Every temporary of a forward pass is larger than what glibc keeps by itself: given back to the system and taken anew,
each page of it costs a fault. That is a fifth of the time of a pass of a small model on two cores, and a third with
larger batches (docs/log.md). What is kept is split, piece by piece, by what stays between; so it is given back after
each part of long work.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

KEPT_BLOCK = 256 << 20
"""Blocks of less than this are kept when they are freed; larger ones go back to the system."""
KEPT = 1 << 30
"""Most bytes that are kept at the end of the heap."""
TUNED_BY = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
"""Environment variables by which people set the same themselves."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h


@cache
def keep_freed_memory() -> bool:
    """Keep freed memory for the rest of this process, once; whether that was done.

    Not where `TUNED_BY` says something else, nor under another allocator than glibc's.
    """
    if any(name in os.environ for name in TUNED_BY):
        return False
    libc = _glibc()
    if libc is None:
        return False
    return bool(libc.mallopt(_MMAP_THRESHOLD, KEPT_BLOCK)) and bool(libc.mallopt(_TRIM_THRESHOLD, KEPT))


def give_back_freed_memory() -> None:
    """Let the system have every page that nobody holds now; under another allocator than glibc's nothing happens.

    What comes next pays a fault for each page that it takes: about a quarter of a second for 1 GB.
    """
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 (others have a mallopt that does nothing)
    except (OSError, TypeError, AttributeError):  # TypeError: Windows
        return None
    return libc
