"""The data files of the grammar, read with checks: a fault names file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from monosema.errors import DamagedError
from monosema.world.grammar.text import Template, parse_group


@dataclass(frozen=True)
class Data:
    """A table of a data file."""

    path: Path
    table: Mapping[str, object]
    where: str = ""
    """Keys that lead to the table, each with a dot."""

    @classmethod
    def read(cls, name: str, package: str = "monosema.world.grammar") -> Data:
        """A data file of a package; raises `DamagedError` where it cannot be read."""
        path = Path(str(files(package) / name))
        try:
            return cls(path, tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DamagedError(f"{path}: {error}; restore or mend it") from None

    def _fault(self, key: str, expected: str) -> DamagedError:
        seen = repr(self.table.get(key))[:60]
        return DamagedError(
            f"{self.path}: {self.where}{key} is {seen}; expected {expected}; restore or mend it"
        )

    def text(self, key: str) -> str:
        """The string of a key."""
        value = self.table.get(key)
        if not isinstance(value, str):
            raise self._fault(key, "a string")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """The strings of a key; an absent key has none."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._fault(key, "a list of strings")
        return tuple(value)

    def rows(self, key: str, width: int) -> tuple[tuple[str, ...], ...]:
        """The rows of a key, each of so many strings."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(
            isinstance(row, list) and len(row) == width and all(isinstance(one, str) for one in row)
            for row in value
        ):
            raise self._fault(key, f"rows of {width} strings")
        return tuple(tuple(row) for row in value)

    def numbers(self, key: str) -> tuple[int, ...]:
        """The whole numbers of a key."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(isinstance(one, int) for one in value):
            raise self._fault(key, "a list of whole numbers")
        return tuple(value)

    def inner(self, key: str) -> Data:
        """The table of a key."""
        value = self.table.get(key)
        if not isinstance(value, dict):
            raise self._fault(key, "a table")
        return Data(self.path, value, f"{self.where}{key}.")

    def tables(self, key: str) -> list[Data]:
        """The array of tables of a key."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._fault(key, "an array of tables")
        return [Data(self.path, one, f"{self.where}{key}[{place}].") for place, one in enumerate(value)]

    def groups(self) -> Iterator[tuple[str, Data]]:
        """All tables in this one."""
        for key in self.table:
            yield key, self.inner(key)

    def templates(self, key: str, name: str) -> tuple[Template, ...]:
        """The templates of a key."""
        return parse_group(name, self.strings(key))
