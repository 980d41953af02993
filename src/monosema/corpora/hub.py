"""`datasets:NAME[/config]`: a data set of the Hugging Face hub or a local folder of one, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from monosema.corpora.formats import Record
from monosema.errors import UsageError


def read_datasets(name: str) -> Iterator[Record]:
    """Yield the records of split `train`; `owner/name/config` names a configuration.

    Raises `UsageError` where the package `datasets` is not installed or the data set cannot be opened.
    """
    try:
        from datasets import load_dataset  # an extra, and slow to import
    except ImportError:
        raise UsageError(
            f'datasets:{name} needs the package "datasets"; install it with: pip install "monosema[datasets]"'
        ) from None
    path, config = (name, None) if Path(name).exists() else _config(name)
    try:
        stream = load_dataset(path, config, split="train", streaming=True)
        for number, fields in enumerate(stream, 1):
            yield Record(fields, f"row {number}")
    except Exception as error:  # the library raises errors of a dozen others (network, archives, scripts)
        reason = (str(error).splitlines() or [""])[0]
        raise UsageError(
            f"datasets:{name} cannot be read: {type(error).__name__}: {reason}; "
            "check its name, its configuration and the network"
        ) from error


def _config(name: str) -> tuple[str, str | None]:
    parts = name.split("/")
    return ("/".join(parts[:2]), "/".join(parts[2:])) if len(parts) > 2 else (name, None)
