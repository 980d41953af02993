"""What the server serves: studies by name, and one model at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monosema.errors import UsageError
from monosema.models import LanguageModel
from monosema.pipeline import OpenStudy, open_study
from monosema.server.errors import BusyError, known
from monosema.server.served import ServedSAE
from monosema.server.shelf import Shelf, asked_of, seal
from monosema.study import TOML

WAITING = 8
"""Requests that may wait for the model; more are refused, so that other routes always find a thread."""


class Catalog:
    """Studies by the names of their folders, and the model that was asked for last."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders: dict[str, Path] = {}
        self._shelf = Shelf()
        for folder in folders:
            if not (folder / TOML).is_file():
                open_study(folder)  # it says what is missing
            name = folder.resolve().name
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
        """A study, and what of it is open; both new where study.toml was changed.

        Raises `NotFoundError`, and `UsageError` where study.toml is broken.
        """
        folder = known(self._folders, name, "study")
        return self._shelf.get(name, seal(folder / TOML), lambda: (open_study(folder), Shelf()))

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
