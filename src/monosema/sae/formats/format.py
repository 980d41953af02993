"""What a format offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monosema.sae.config import SAEParts


@dataclass(frozen=True, kw_only=True)
class Format:
    """A reader and a writer of a folder with one SAE."""

    read: Callable[[Path], SAEParts]
    """Read a folder; raises `DamagedError` that names the damaged file."""
    write: Callable[[SAEParts, Path], None]
    """Write a folder; raises `RefusedError` rather than overwrite."""
