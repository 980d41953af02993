"""From the text of `study.toml` to frozen dataclasses, with errors that name file, key, expected and nearest.

The dataclasses live beside the code that they set; this module only checks a table against one of them.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from monosema.errors import UsageError, nearest

T = TypeVar("T")
_ADAPTERS: dict[type, Any] = {}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raise `UsageError` with line and column where it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; make a study with: monosema init {path.parent}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None


def field_names(*classes: type) -> list[str]:
    """Names of the fields of settings dataclasses, in order."""
    return [field.name for cls in classes for field in dataclasses.fields(cls)]


def check_keys(table: Mapping[str, Any], known: list[str], where: str) -> None:
    """Raise `UsageError` for the first key of `table` that is not known, with the nearest one that is."""
    for key in table:
        if key not in known:
            raise UsageError(f"{where}.{key} is no setting{nearest(key, known)}; known: {', '.join(known)}")


def _adapter(cls: type) -> Any:
    """Pydantic's `TypeAdapter`; making one takes longer than using it."""
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


def parse(cls: type[T], table: object, where: str) -> T:
    """Make the settings dataclass `cls` from a table; `where` (`study.toml: saes.main`) begins each error.

    What the dataclass refuses itself (a `UsageError` or `ValueError` of its `__post_init__`) is passed on
    with `where` before it.
    """
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} is {table!r}; expected a table of settings")
    check_keys(table, field_names(cls), where)
    try:
        made: T = _adapter(cls).validate_python(dict(table))
        return made
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([where, *(str(part) for part in first["loc"])])
        if first["type"] == "missing":
            raise UsageError(f"{place} is missing; expected a value") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{place} is {first['input']!r}; {message[:1].lower()}{message[1:]}") from None
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def asked(settings: Any, *, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the settings that matter for content, as JSON values.

    Settings that were added `later` are left out while they have their default, so that what was made before them
    stays fresh.
    """
    values = _adapter(type(settings)).dump_python(settings, mode="json")
    new = {
        one.name
        for one in dataclasses.fields(settings)
        if one.metadata.get("later") and getattr(settings, one.name) == one.default
    }
    return {key: value for key, value in values.items() if key not in leave_out | new}


def later(default: Any) -> Any:
    """The default of a setting that was added after studies had been made without it."""
    return dataclasses.field(default=default, metadata={"later": True})
