"""What the server has opened: studies by name, their artifacts until they are remade, and one model at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import monosema
from monosema.artifact import MANIFEST, Artifact, digest_json
from monosema.errors import UsageError
from monosema.index import FeatureIndex
from monosema.models import LanguageModel, load_tokenizer
from monosema.pipeline import OpenStudy, open_study
from monosema.pipeline.asked import Asked, SAEAsked, read_asked
from monosema.pipeline.work import Work
from monosema.sae import SAE
from monosema.server.errors import BusyError, NotReadyError, known
from monosema.server.writer import writer_of
from monosema.study import TOML

T = TypeVar("T")

WAITING = 8
"""Requests that may wait for the model; more are refused, so that other routes always find a thread."""
VERSIONED = ("sae", "evaluation", "index")


class Shelf:
    """What was opened last under each name, for as long as its key stays the same. One opens, others wait for it."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Any, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def get(self, name: str, key: Any, make: Callable[[], T]) -> T:
        """What `make` gave for this key; what another key had is let go of."""
        with self._locks.setdefault(name, threading.Lock()):
            held = self._held.get(name)
            if held is None or held[0] != key:
                self._held.pop(name, None)
                held = self._held[name] = (key, make())
            found: T = held[1]
            return found


@dataclass(frozen=True)
class ServedSAE:
    """One SAE of a study and all that was made for it."""

    study: OpenStudy
    name: str
    shelf: Shelf

    @property
    def asked(self) -> SAEAsked:
        """What study.toml asks of it."""
        return asked_of(self.study).saes[self.name]

    def made(self, kind: str, name: str | None = None) -> Artifact | None:
        """The artifact `kind/NAME` of this SAE, its files not checked; None where it was not made."""
        return made(self.study, self.shelf, kind, self.name if name is None else name)

    def state(self, kind: str) -> str:
        """How `kind/NAME` stands: made, stale (its parents were remade), unfinished or absent."""
        return state_of(self.study, self.shelf, kind, self.name)

    def need(self, kind: str) -> Artifact:
        """The same; raises `NotReadyError` that says how it stands where it was not made."""
        found = self.made(kind)
        if found is None:
            raise _not_ready(self.study, kind, self.name, self.state(kind))
        return found

    @property
    def version(self) -> str:
        """Changes whenever the SAE, its evaluation or its index is remade."""
        artifacts = [self.made(kind) for kind in VERSIONED]
        hashes = [None if artifact is None else artifact.hash for artifact in artifacts]
        return digest_json([monosema.__version__, *hashes])[:16]

    def index(self) -> FeatureIndex:
        """Its index, checked when it is opened. Raises `NotReadyError`, and `RefusedError` for one of another SAE."""
        key = (self.need("index").hash, self.need("sae").hash)
        return self._kept("index", key, lambda: self.study.index(self.name))

    def autoencoder(self) -> SAE:
        """The SAE itself. Raises `NotReadyError` where it was not trained yet."""
        return self._kept("sae", self.need("sae").hash, lambda: self.study.sae(self.name))

    def text_of(self) -> Callable[[int], str]:
        """The text of a token by its number."""

        def opened() -> Callable[[int], str]:
            tokenizer = load_tokenizer(Work(self.study).source(self.asked.place.model))
            return lru_cache(maxsize=None)(lambda token: str(tokenizer.decode([token])))

        return self._kept("vocabulary", self.need("sae").hash, opened)

    def _kept(self, what: str, key: Any, make: Callable[[], T]) -> T:
        return self.shelf.get(f"{what} of {self.name}", key, make)


class Catalog:
    """Studies by the names of their folders, and the model that was asked for last."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders: dict[str, Path] = {}
        self._shelf = Shelf()
        for folder in folders:
            name = open_study(folder).name
            if name in self._folders:
                raise UsageError(f'{folder} and {self._folders[name]} are both named "{name}"; rename one')
            self._folders[name] = folder
        self._worker = threading.Lock()
        self._waiting = threading.BoundedSemaphore(WAITING)
        self._loaded: tuple[Any, LanguageModel] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the studies, as they were given."""
        return list(self._folders)

    def study(self, name: str) -> tuple[OpenStudy, Shelf]:
        """A study, and what of it is open; both new where study.toml was changed. Raises `NotFoundError`."""
        folder = known(self._folders, name, "study")
        return self._shelf.get(name, _seal(folder / TOML), lambda: (open_study(folder), Shelf()))

    def sae(self, study: str, name: str) -> ServedSAE:
        """An SAE of a study. Raises `NotFoundError` with the nearest name."""
        opened, shelf = self.study(study)
        known(asked_of(opened).saes, name, "SAE")
        return ServedSAE(opened, name, shelf)

    @contextmanager
    def model(self, sae: ServedSAE) -> Iterator[LanguageModel]:
        """The whole model of an SAE, for one request at a time; one model is held. Raises `BusyError`."""
        if not self._waiting.acquire(blocking=False):
            raise BusyError(f"{WAITING} requests wait for the model already")
        try:
            with self._worker:
                yield self._model(sae)
        finally:
            self._waiting.release()

    def _model(self, sae: ServedSAE) -> LanguageModel:
        name = sae.asked.place.model
        plan = sae.made("plan", name)
        key = (sae.study.path, name, None if plan is None else plan.hash)
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None  # the old one goes before the new one comes
            # a study holds the model that it has loaded: this one is let go of together with it
            self._loaded = (key, open_study(sae.study.path).model(name))
        return self._loaded[1]


def asked_of(study: OpenStudy) -> Asked:
    """What a study asks."""
    return read_asked(study.settings, study.path)


def made(study: OpenStudy, shelf: Shelf, kind: str, name: str) -> Artifact | None:
    """A finished artifact, its manifest read once; None where there is none."""
    place = study.place(kind, name)
    seal = _seal(place / MANIFEST)
    if seal is None:
        return None
    return shelf.get(f"{kind}/{name}", seal, lambda: Artifact.open(place, kind=kind, verify=False))


def state_of(study: OpenStudy, shelf: Shelf, kind: str, name: str) -> str:
    """How an artifact stands, by manifests alone: made, stale, unfinished or absent."""
    found = made(study, shelf, kind, name)
    if found is None:
        place = study.place(kind, name)
        return "unfinished" if place.with_name(f".{name}.draft").exists() else "absent"
    for parent, hash_ in found.manifest.parents.items():
        now = made(study, shelf, *parent.split("/", 1))
        if now is not None and now.hash != hash_:
            return "stale"
    return "made"


def _not_ready(study: OpenStudy, kind: str, name: str, state: str) -> NotReadyError:
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


def _seal(path: Path) -> tuple[int, int, int] | None:
    """Changes when a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
