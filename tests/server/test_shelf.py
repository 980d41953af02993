"""What is kept open: once for a key, and no more of it than there is room for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import monosema as ms
from monosema.files import read_json
from monosema.server.shelf import Shelf, Standing


class Made:
    """Counts what is made."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str) -> Callable[[], str]:
        def make() -> str:
            self.names.append(name)
            return name

        return make


@pytest.fixture
def made() -> Made:
    return Made()


def test_what_has_the_same_key_is_made_once(made: Made) -> None:
    shelf = Shelf()
    for name in "abcabc":
        assert shelf.get(name, 1, made(name), size=1 << 40) == name
    assert made.names == ["a", "b", "c"]
    shelf.get("b", 2, made("b"))
    assert made.names == ["a", "b", "c", "b"]


def test_what_was_asked_for_longest_ago_makes_room(made: Made) -> None:
    shelf = Shelf(most=10)
    for name in ["a", "b", "a", "c", "a", "b"]:
        shelf.get(name, 1, made(name), size=5)
    assert made.names == ["a", "b", "c", "b"]


def test_one_thing_is_held_however_large(made: Made) -> None:
    shelf = Shelf(most=10)
    for name in ["a", "large", "large", "a"]:
        shelf.get(name, 1, made(name), size=11 if name == "large" else 1)
    assert made.names == ["a", "large", "a"]


def test_another_key_of_a_name_takes_the_room_of_the_one_before(made: Made) -> None:
    shelf = Shelf(most=10)
    shelf.get("a", 1, made("a"), size=5)
    for key in range(3):
        shelf.get("b", key, made("b"), size=5)
    shelf.get("a", 1, made("a"), size=5)
    assert made.names == ["a", "b", "b", "b"]


def test_what_is_held_is_told_for_its_key_alone(made: Made) -> None:
    shelf = Shelf()
    assert shelf.held("a", 1) is None
    shelf.get("a", 1, made("a"))
    assert (shelf.held("a", 1), shelf.held("a", 2)) == ("a", None)
    assert made.names == ["a"]


def test_how_artifacts_stand_is_seen_once_and_anew_by_the_next_who_looks(copied: Path) -> None:
    study, shelf = ms.open(copied), Shelf()
    standing = Standing(study, shelf)
    before = standing.made("sae", "main")
    assert before is not None
    manifest = copied / "sae" / "main" / "manifest.json"
    manifest.write_text(json.dumps(read_json(manifest) | {"hash": "0" * 64}))
    assert standing.made("sae", "main") is before
    assert standing.state("index", "main") == "made"
    after = Standing(study, shelf)
    assert getattr(after.made("sae", "main"), "hash", None) == "0" * 64
    assert after.state("index", "main") == "stale"
