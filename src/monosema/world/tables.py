"""The data files of the world, read with checks: a fault names file, line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from monosema.errors import DamagedError


@dataclass(frozen=True)
class Data:
    """A table of a data file."""

    path: Path
    text: str
    """The whole file, to name lines."""
    table: Mapping[str, object]
    keys: tuple[str | int, ...] = ()
    """What leads to the table: names, and places in arrays of tables."""

    @classmethod
    def read(cls, name: str, package: str = "monosema.world.grammar") -> Data:
        """A data file of a package; raises `DamagedError` where it cannot be read."""
        return cls.open(Path(str(files(package) / name)))

    @classmethod
    def open(cls, path: Path) -> Data:
        """Any data file; raises `DamagedError` where it cannot be read."""
        try:
            text = path.read_text(encoding="utf-8")
            return cls(path, text, tomllib.loads(text))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DamagedError(f"{path}: {error}; restore or mend it") from None

    def fault(self, key: str, what: str) -> DamagedError:
        """An error that names the line of a key or, where it is absent, that of its table."""
        return DamagedError(f"{self.path} line {line_of(self.text, *self.keys, key)}: {what}")

    def _not(self, key: str, expected: str) -> DamagedError:
        where = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in (*self.keys, key))
        seen = f"{self.table[key]!r:.60}" if key in self.table else "missing"
        return self.fault(key, f"{where[1:]} is {seen}; expected {expected}; restore or mend it")

    def string(self, key: str) -> str:
        """The string of a key."""
        value = self.table.get(key)
        if not isinstance(value, str):
            raise self._not(key, "a string")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """The strings of a key; an absent key has none."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._not(key, "a list of strings")
        return tuple(value)

    def words(self, key: str) -> tuple[str, ...]:
        """The strings of a key, or its only one; none of them empty."""
        value = self.table.get(key, [])
        found = (value,) if isinstance(value, str) else self.strings(key)
        if not all(map(str.strip, found)):
            raise self._not(key, "strings that are not empty")
        return found

    def rows(self, key: str, width: int) -> tuple[tuple[str, ...], ...]:
        """The rows of a key, each of so many strings."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(
            isinstance(row, list) and len(row) == width and all(isinstance(one, str) for one in row)
            for row in value
        ):
            raise self._not(key, f"rows of {width} strings")
        return tuple(tuple(row) for row in value)

    def numbers(self, key: str) -> tuple[int, ...]:
        """The whole numbers of a key."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(isinstance(one, int) for one in value):
            raise self._not(key, "a list of whole numbers")
        return tuple(value)

    def truth(self, key: str) -> bool:
        """Whether a key is true."""
        value = self.table.get(key)
        if not isinstance(value, bool):
            raise self._not(key, "true or false")
        return value

    def inner(self, key: str) -> Data:
        """The table of a key."""
        value = self.table.get(key)
        if not isinstance(value, dict):
            raise self._not(key, "a table")
        return Data(self.path, self.text, value, (*self.keys, key))

    def tables(self, key: str) -> list[Data]:
        """The array of tables of a key."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._not(key, "an array of tables")
        return [Data(self.path, self.text, one, (*self.keys, key, at)) for at, one in enumerate(value)]

    def groups(self) -> Iterator[tuple[str, Data]]:
        """All tables in this one."""
        for key in self.table:
            yield key, self.inner(key)


def line_of(text: str, *keys: str | int) -> int:
    """Line of a TOML file, from 1, on which what the keys lead to begins, or the nearest thing around it.

    Knows headers and keys at the beginning of a line, the one way in which our data files are written; the parser
    of the standard library tells no lines.
    """
    found, limit, name = 0, len(text), ""
    for key, place in zip(keys, (*keys[1:], None), strict=True):
        if isinstance(key, int):
            continue
        name = f"{name}.{key}" if name else key
        heads = _starts(rf"^\[+{re.escape(name)}\]+", text, found, limit)
        if heads:
            at = min(place, len(heads) - 1) if isinstance(place, int) else 0
            found, limit = heads[at], heads[at + 1] if at + 1 < len(heads) else limit
            continue
        own = _starts(r"^\[", text, found + 1, limit)  # headers after it: its own keys stand before them
        lines = _starts(rf"^{re.escape(key)}\s*=", text, found, own[0] if own else limit)
        if not lines:
            break
        found = lines[0]
    return text.count("\n", 0, found) + 1


def _starts(pattern: str, text: str, start: int, end: int) -> list[int]:
    return [match.start() for match in re.compile(pattern, re.MULTILINE).finditer(text, start, end)]
