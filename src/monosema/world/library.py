"""Text that comes with the package.

`data/first_slice.jsonl.gz`: answers and continuations of SmolLM2-135M-Instruct (Apache-2.0) about some hundreds of
topics; records with category, topic, form, chat, prompt and text. `data/first_slice.json` says how many there are
and what was left out; `recipes/bundle_first_slice.py` makes both.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from monosema.errors import DamagedError

_DATA = "data"


def _data(name: str) -> Path:
    path = Path(str(files("monosema.world") / _DATA / name))
    if not path.is_file():
        raise DamagedError(f"{path} is missing from the installation; install monosema again")
    return path


def first_slice() -> Path:
    """Path of the bundled text, gzipped JSON lines; raises `DamagedError` where the installation lacks it."""
    return _data("first_slice.jsonl.gz")


def first_slice_facts() -> dict[str, Any]:
    """Counts, source and licence of the bundled text."""
    facts: dict[str, Any] = json.loads(_data("first_slice.json").read_text(encoding="utf-8"))
    return facts
