"""What is kept open, and how artifacts stand: told by manifests alone, each read once until it is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from monosema.artifact import MANIFEST, Artifact, draft_place
from monosema.files import seal
from monosema.pipeline import OpenStudy
from monosema.pipeline.asked import Asked
from monosema.pipeline.read_asked import read_asked
from monosema.server.errors import NotReadyError
from monosema.server.writer import writer_of

T = TypeVar("T")
_ASKED: WeakKeyDictionary[OpenStudy, Asked] = WeakKeyDictionary()


class Shelf:
    """What was opened last under each name, for as long as its key stays the same. One opens, others wait for it."""

    def __init__(self, most: int | None = None) -> None:
        """`most`: bytes of all that is held, as `get` is told of them; what was asked for longest ago goes first."""
        self._most = most
        self._held: dict[str, tuple[Any, Any, int]] = {}  # the last asked for last
        self._locks: dict[str, threading.Lock] = {}
        self._order = threading.Lock()

    def get(
        self,
        name: str,
        key: Any,
        make: Callable[[], T],
        *,
        size: int = 0,
        serves: Callable[[Any], bool] | None = None,
    ) -> T:
        """What `make` gave for this key; what another key had is let go of, unless `serves` says it will do.

        `size`: bytes of what it gives. There is room for them before it is called; one thing is held, however large.
        """
        with self._locks.setdefault(name, threading.Lock()):
            held = self._held.get(name)
            if held is None or not (held[0] == key or (serves is not None and serves(held[0]))):
                self._make_room(name, size)
                held = (key, make(), size)
            self._hold(name, held)
            found: T = held[1]
            return found

    def held(self, name: str, key: Any) -> Any:
        """What is held for this key, at once; None where nothing is, also while somebody makes it."""
        held = self._held.get(name)
        return None if held is None or held[0] != key else held[1]

    def last(self, name: str) -> Any:
        """What was opened last under a name, whatever its key; None where nothing is held."""
        held = self._held.get(name)
        return None if held is None else held[1]

    def _make_room(self, name: str, size: int) -> None:
        with self._order:
            self._held.pop(name, None)
            self._let_go(size, keep=0)

    def _hold(self, name: str, held: tuple[Any, Any, int]) -> None:
        with self._order:
            self._held.pop(name, None)
            self._held[name] = held
            self._let_go(0, keep=1)  # others may have come while it was made

    def _let_go(self, further: int, *, keep: int) -> None:
        if self._most is None:
            return
        while len(self._held) > keep and sum(held[2] for held in self._held.values()) + further > self._most:
            del self._held[next(iter(self._held))]


def asked_of(study: OpenStudy) -> Asked:
    """What a study asks, read once; the catalog opens another one where study.toml was changed."""
    found = _ASKED.get(study)
    if found is None:
        found = _ASKED[study] = read_asked(study.settings, study.path)
    return found


class Standing:
    """How the artifacts of a study stand: each is looked at once, so that one request sees one state of it."""

    def __init__(self, study: OpenStudy, shelf: Shelf) -> None:
        self._study, self._shelf = study, shelf
        self._seen: dict[tuple[str, str], Artifact | None] = {}

    def made(self, kind: str, name: str) -> Artifact | None:
        """A finished artifact, its manifest read once until it is replaced; None where there is none."""
        if (kind, name) not in self._seen:
            self._seen[kind, name] = self._look(kind, name)
        return self._seen[kind, name]

    def _look(self, kind: str, name: str) -> Artifact | None:
        place = self._study.place(kind, name)
        found = seal(place / MANIFEST)
        if found is None:
            return None
        return self._shelf.get(f"{kind}/{name}", found, lambda: Artifact.open(place, kind=kind, verify=False))

    def state(self, kind: str, name: str) -> str:
        """How an artifact stands, by manifests alone: made, stale, unfinished or absent."""
        found = self.made(kind, name)
        if found is None:
            return "unfinished" if draft_place(self._study.place(kind, name)).exists() else "absent"
        for parent, hash_ in found.manifest.parents.items():
            now = self.made(*parent.split("/", 1))
            if now is not None and now.hash != hash_:
                return "stale"
        return "made"


def not_ready(study: OpenStudy, kind: str, name: str, state: str) -> NotReadyError:
    """The error that says how an artifact stands that is needed and is not whole."""
    writer = writer_of(study)
    if state == "unfinished" and writer is not None:
        return NotReadyError(
            f"{kind}/{name} is being made by monosema {writer.verb} since {writer.since}",
            advice="ask again later",
        )
    what = "was stopped before its end" if state == "unfinished" else "was not made yet"
    return NotReadyError(
        f"{kind}/{name} of {study.name} {what}", advice=f"make it with: monosema run {study.path}"
    )
