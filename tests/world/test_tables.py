"""A fault in a data file is named with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from monosema.errors import DamagedError
from monosema.world.tables import Data, line_of

TEXT = """\
first = ["a",
  "b",
]

[words]
red = 3
blue = [["a", "b"], ["c"]]

[words.more]
red = "x"

[[program]]
text = "x"
[[program]]
faults = [1, "2"]
text = 4
"""


@pytest.fixture
def data(tmp_path: Path) -> Data:
    (tmp_path / "x.toml").write_text(TEXT)
    return Data.open(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("first",), 1),
        (("words",), 5),
        (("words", "red"), 6),
        (("words", "more"), 9),
        (("words", "more", "red"), 10),
        (("words", "more", "nothing"), 9),
        (("program", 0, "text"), 13),
        (("program", 1), 14),
        (("program", 1, "faults"), 15),
        (("program", 1, "text"), 16),
        (("program", 0, "faults"), 12),
        (("nothing",), 1),
    ],
)
def test_a_key_stands_on_its_line(keys: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TEXT)
    assert line_of(TEXT, *keys) == line


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (
            lambda data: data.inner("words").string("red"),
            r"x\.toml line 6: words\.red is 3; expected a string",
        ),
        (lambda data: data.inner("words").rows("blue", 2), r"line 7: .*expected rows of 2 strings"),
        (lambda data: data.strings("words"), r"line 5: words is .*expected a list of strings"),
        (lambda data: data.inner("first"), r"line 1: first is \['a', 'b'\]; expected a table"),
        (
            lambda data: data.tables("program")[1].numbers("faults"),
            r"line 15: program\[1\]\.faults is .*whole",
        ),
        (lambda data: data.tables("program")[0].truth("chat"), r"line 12: program\[0\]\.chat is missing"),
        (lambda data: data.tables("words"), r"line 5: .*expected an array of tables"),
    ],
)
def test_what_is_not_as_expected_is_named(data: Data, read: Callable[[Data], object], message: str) -> None:
    with pytest.raises(DamagedError, match=message):
        read(data)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DamagedError, match=r"nowhere\.toml"):
        Data.read("nowhere.toml")
