"""Monosema's own format: `sae.json` says what the SAE is, `sae.safetensors` holds its tensors (docs/formats.md).

The record is written last and holds the hash of the tensor file, so that a folder is whole or known not to be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError

from monosema.errors import DamagedError, RefusedError, UsageError, lookup, nearest
from monosema.files import digest_file, read_json, write_json
from monosema.sae.config import SAEConfig, SAEParts, ScaleFold, tensor_shapes
from monosema.sae.formats.tensors import read_tensors, write_tensors
from monosema.sae.kinds import KINDS

VERSION = 3
RECORD = "sae.json"
TENSORS = "sae.safetensors"

T = TypeVar("T")
_KEYS = (
    "format",
    "version",
    "kind",
    "subtract_b_dec",
    "config",
    "scale",
    "massive",
    "folded",
    "balance",
    "tensors",
)
_SINCE: dict[str, tuple[int, Any]] = {"balance": (3, [])}
"""Keys that came later: the version that has them first, and what they are in older ones."""


def write(parts: SAEParts, folder: Path) -> None:
    """Write `sae.safetensors` and `sae.json` into `folder`, which is made where it is absent.

    Raises `RefusedError` where an SAE lies there.
    """
    if (folder / RECORD).exists():
        raise RefusedError(f"{folder} holds an SAE already; choose another folder or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / TENSORS, parts.tensors())
    config = {name: getattr(parts.config, name) for name in _fields(SAEConfig) if name != "kind"}
    record: dict[str, Any] = {
        "format": "monosema-sae",
        "version": VERSION,
        "kind": {"name": parts.config.kind.name} | asdict(parts.config.kind),
        "subtract_b_dec": parts.config.kind.subtract_b_dec,
        "config": config,
        "scale": parts.scale,
        "massive": None if math.isinf(parts.massive) else parts.massive,
        "folded": asdict(parts.folded) if parts.folded else None,
        "balance": list(parts.balance),
        "tensors": {"blake2b": digest_file(folder / TENSORS), "names": list(parts.tensors())},
    }
    write_json(folder / RECORD, record)


def config(folder: Path, hook: str | None) -> SAEConfig:
    """What the record says, without the tensors; errors as those of `read`."""
    return _config(_record(folder), folder / RECORD, hook)


def read(folder: Path, hook: str | None) -> SAEParts:
    """Read the SAE in `folder`; `hook` comes before the hook points that the record names.

    Raises `UsageError` where there is none or it is of a later version, `DamagedError` that names the file
    where a key is unknown or missing, a value out of range, or the tensors are not those that were written.
    """
    record, path = _record(folder), folder / RECORD
    config = _config(record, path, hook)
    folded = None if record["folded"] is None else _build(ScaleFold, record["folded"], path, "folded.")
    massive = math.inf if record["massive"] is None else _number(record, "massive", path)
    balance = _numbers(record, "balance", path)
    tensors = _tensors(folder / TENSORS, record["tensors"], config, path)
    try:
        return SAEParts(
            config=config,
            scale=_number(record, "scale", path),
            massive=massive,
            folded=folded,
            balance=balance,
            **tensors,
        )
    except UsageError as error:
        raise DamagedError(f"{path}: {error}") from None


def _record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.exists():
        raise UsageError(f"{folder} holds no SAE ({RECORD} is absent)")
    record = read_json(path)
    version = record.get("version")
    if record.get("format") != "monosema-sae" or not isinstance(version, int):
        raise DamagedError(f"{path}: format is {record.get('format')!r}; expected 'monosema-sae'")
    if version > VERSION:
        raise UsageError(f"{path} is of version {version}; this monosema reads up to {VERSION}: upgrade it")
    older = {key: value for key, (since, value) in _SINCE.items() if version < since}
    _check_keys(record, [key for key in _KEYS if key not in older], path, "")
    return record | older


def _config(record: dict[str, Any], path: Path, hook: str | None) -> SAEConfig:
    kind = dict(_object(record, "kind", path))
    name = kind.pop("name", None)
    settings = _object(record, "config", path)
    try:
        kind_class = lookup(KINDS, str(name), "kind of SAE")
        if record["version"] == 1:  # kinds have had settings added since
            kind = asdict(kind_class()) | kind
        settings_of_kind = _build(kind_class, _tuples(kind), path, "kind.")
    except UsageError as error:
        raise DamagedError(f"{path}: {error}") from None
    if record["subtract_b_dec"] is not settings_of_kind.subtract_b_dec:
        raise DamagedError(
            f"{path}: subtract_b_dec is {record['subtract_b_dec']}; expected "
            f"{settings_of_kind.subtract_b_dec} for kind {name}"
        )
    found = _build(SAEConfig, _tuples(settings), path, "config.", kind=settings_of_kind)
    return found if hook in (None, found.input, found.place) else replace(found, input=hook, output=hook)


def _tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples, and settings no lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}


def _tensors(file: Path, entry: Any, config: SAEConfig, path: Path) -> dict[str, Any]:
    if not isinstance(entry, dict) or set(entry) != {"blake2b", "names"}:
        raise DamagedError(f"{path}: tensors is {entry!r}; expected an object with blake2b and names")
    if not file.is_file():
        raise DamagedError(f"{file} is missing; restore it or save the SAE again")
    if digest_file(file) != entry["blake2b"]:
        raise DamagedError(f"{file} is truncated or was changed: its hash is not the one in {RECORD}")
    try:
        tensors, _ = read_tensors(file)
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{file} is no safetensors file ({error})") from None
    expected = tensor_shapes(config, threshold="threshold" in tensors)
    for name, shape in expected.items():
        if name not in tensors or tuple(tensors[name].shape) != shape:
            seen = tuple(tensors[name].shape) if name in tensors else "none"
            raise DamagedError(f"{file}: {name} has shape {seen}; {RECORD} says {shape}")
        if not torch.isfinite(tensors[name]).all() and name != "threshold":
            raise DamagedError(f"{file}: {name} holds NaN or infinite numbers; train the SAE again")
    if extra := sorted(set(tensors) - set(expected)):
        raise DamagedError(f'{file}: unknown tensor "{extra[0]}"{nearest(extra[0], expected)}')
    return tensors


def _check_keys(value: Mapping[str, Any], expected: list[str] | tuple[str, ...], path: Path, at: str) -> None:
    for key in value:
        if key not in expected:
            raise DamagedError(f'{path}: unknown key "{at}{key}"{nearest(key, expected)}')
    for key in expected:
        if key not in value:
            raise DamagedError(f'{path}: key "{at}{key}" is missing')


def _build(cls: type[T], value: Any, path: Path, at: str, **given: Any) -> T:
    """Make the dataclass `cls` of a JSON object that has just its fields, with their types, but those given."""
    if not isinstance(value, dict):
        raise DamagedError(f"{path}: {at[:-1]} is {value!r}; expected an object")
    hints = {name: hint for name, hint in get_type_hints(cls).items() if name in _fields(cls)}
    _check_keys(value, [name for name in hints if name not in given], path, at)
    for name in value:
        try:
            given[name] = TypeAdapter(hints[name]).validate_python(value[name], strict=True)
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise DamagedError(f"{path}: {at}{name} is {value[name]!r}; {message}") from None
    try:
        return cls(**given)
    except UsageError as error:
        raise DamagedError(f"{path}: {error}") from None


def _fields(cls: type[Any]) -> list[str]:
    return [field.name for field in fields(cls)]


def _object(record: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = record[key]
    if not isinstance(value, dict):
        raise DamagedError(f"{path}: {key} is {value!r}; expected an object")
    return value


def _number(record: dict[str, Any], key: str, path: Path) -> float:
    value = record[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DamagedError(f"{path}: {key} is {value!r}; expected a number")
    return float(value)


def _numbers(record: dict[str, Any], key: str, path: Path) -> tuple[float, ...]:
    value = record[key]
    if not isinstance(value, list) or any(
        isinstance(one, bool) or not isinstance(one, float) for one in value
    ):
        raise DamagedError(f"{path}: {key} is {value!r}; expected a list of numbers")
    return tuple(value)
