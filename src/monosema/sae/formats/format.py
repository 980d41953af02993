"""What a format offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monosema.sae.config import SAEConfig, SAEParts


@dataclass(frozen=True, kw_only=True)
class Format:
    """A reader of a folder with one SAE, and a writer where we write it.

    Readers take the hook point as their second argument: None for the one that the files name. They raise
    `UsageError` where the files name none or hold what cannot be represented exactly, and `DamagedError` that names
    the damaged file. A foreign SAE reads raw activations (`scale` 1) and knows no `model_hash` and no massive norm.
    """

    files: tuple[str, ...]
    """Names of all files that bear on what is read; the first is always there and tells the format."""
    config: Callable[[Path, str | None], SAEConfig]
    """What the files say, without reading the tensors."""
    read: Callable[[Path, str | None], SAEParts]
    """Read a folder."""
    write: Callable[[SAEParts, Path], None] | None = None
    """Write a folder; raises `RefusedError` rather than overwrite. None: the format is only read."""
