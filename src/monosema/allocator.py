"""glibc's allocator told to keep freed memory for what comes next.

Every temporary of a forward pass is larger than what glibc keeps by itself: given back to the system and taken anew,
each page of it costs a fault. That is a fifth of the time of a pass of a small model on two cores, and a third with
larger batches (docs/log.md).
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
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 (others have a mallopt that does nothing)
    except (OSError, TypeError, AttributeError):  # TypeError: Windows
        return False
    return bool(libc.mallopt(_MMAP_THRESHOLD, KEPT_BLOCK)) and bool(libc.mallopt(_TRIM_THRESHOLD, KEPT))
