"""What every reader yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """The fields of one record, and where it stands."""

    fields: Mapping[str, Any]
    place: str
    """Where it stands in its file, for errors and default ids: `line 3`, `row 3`."""
