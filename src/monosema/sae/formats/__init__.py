"""Formats of SAEs on disk, one file each; a new format is one file and one row here."""

from __future__ import annotations

from typing import Final

from monosema.sae.formats import monosema
from monosema.sae.formats.format import Format

FORMATS: Final[dict[str, Format]] = {"monosema": Format(read=monosema.read, write=monosema.write)}

__all__ = ["FORMATS", "Format"]
