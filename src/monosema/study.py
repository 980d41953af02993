"""A study: a folder with what is asked (`study.toml`) and what was made (artifacts).

    study.toml            written by people and by `monosema init`
    KIND/NAME/            artifacts, each with its manifest.json
    old/                  artifacts that were replaced; nothing is deleted
    log.jsonl             one line for each verb, with what it cost
    lock                  one writer at a time; readers never wait

It holds no absolute path, so that it can be moved, copied and shared. It knows no model and no SAE.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from monosema.artifact import MANIFEST, Artifact, Draft, begun, draft_place, drafting, put_away
from monosema.errors import RefusedError, UsageError
from monosema.settings import read_toml

TOML = "study.toml"
S = TypeVar("S", bound="Study")
State = Literal["fresh", "absent", "unfinished", "stale"]


@dataclass(frozen=True)
class Status:
    """How an artifact stands to what is asked now."""

    state: State
    reason: str
    """Why it is stale or unfinished; empty otherwise."""
    changed: bool = False
    """Whether what was made, or begun, answers another question than is asked now."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"pid {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _changes(
    was: Mapping[str, Any],
    parents_then: Mapping[str, str],
    asked: Mapping[str, Any],
    parents: Mapping[str, str],
) -> list[str]:
    """Each difference between what was asked, of which parents, and what is asked now."""
    changed = _differences(was, asked)
    changed += [
        f"{parent} was remade" for parent, hash_ in parents.items() if parents_then.get(parent) != hash_
    ]
    return changed + [f"{parent} is no longer a parent" for parent in parents_then if parent not in parents]


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Each key whose value differs, with both."""
    return [
        f"{key} was {was.get(key)!r}, now {now.get(key)!r}"
        for key in sorted({*was, *now})
        if was.get(key) != now.get(key)
    ]


def _unmade(place: Path, asked: Mapping[str, Any], parents: Mapping[str, str], seed: int | None) -> Status:
    """How an artifact without a manifest stands, by its draft."""
    if not draft_place(place).exists():
        return Status("absent", "")
    changed: list[str] = []
    if question := begun(place):
        changed = _changes(question["asked"], question["parents"], asked, parents)
        if seed is not None:
            changed += _differences({"seed": question["seed"]}, {"seed": seed})
    if not changed:
        return Status("unfinished", "stopped before its end; monosema run goes on")
    reason = f"stopped before its end, and asked otherwise now: {'; '.join(changed)}"
    return Status("unfinished", reason, changed=True)


class Study:
    """The folder of a study."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.toml = self.path / TOML
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is no folder; make a study with: monosema init {self.path}")
        self.settings: dict[str, Any] = read_toml(self.toml)

    @classmethod
    def create(cls: type[S], path: Path | str, toml: str) -> S:
        """Make the folder and its study.toml; refuse where one stands already."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with (folder / TOML).open("x", encoding="utf-8") as file:
                file.write(toml)
        except FileExistsError:
            raise RefusedError(
                f"{folder / TOML} exists and is left as it is; edit it, or name another folder"
            ) from None
        return cls(folder)

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.resolve().name

    @property
    def old(self) -> Path:
        """Where replaced artifacts go."""
        return self.path / "old"

    def place(self, kind: str, name: str) -> Path:
        """Folder of the artifact `kind/name`, made or not."""
        return self.path / kind / name

    def open(self, kind: str, name: str, *, verify: bool = True) -> Artifact:
        """Open a finished artifact; raise `UsageError` with the command that makes it where there is none."""
        place = self.place(kind, name)
        if not (place / MANIFEST).is_file():
            raise UsageError(f"{place} was not made yet; make it with: monosema run {self.path}")
        return Artifact.open(place, kind=kind, verify=verify)

    def status(
        self,
        kind: str,
        name: str,
        asked: Mapping[str, Any],
        parents: Mapping[str, str],
        *,
        seed: int | None = None,
    ) -> Status:
        """Compare what an artifact, or its draft, was asked and made from with what is asked now and parents' hashes.

        `seed`: a draft goes on with its own alone; None: it is not compared.
        """
        place = self.place(kind, name)
        if not (place / MANIFEST).is_file():
            return _unmade(place, asked, parents, seed)
        manifest = Artifact.open(place, kind=kind, verify=False).manifest
        changed = _changes(manifest.asked, manifest.parents, asked, parents)
        return Status("stale", "; ".join(changed), changed=True) if changed else Status("fresh", "")

    def put_away(self, kind: str, name: str) -> Path:
        """Move an artifact to old/."""
        return put_away(self.place(kind, name), self.old)

    @contextmanager
    def writing(self, verb: str) -> Iterator[str | None]:
        """Hold the study's lock; yield a sentence where the lock of a process that died was taken over.

        Raises `RefusedError` that names the holder.
        """
        self.path.mkdir(exist_ok=True)
        with (self.path / "lock").open("a+", encoding="utf-8") as file:
            file.seek(0)
            before = file.read()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RefusedError(
                    f"{self.path} is being written by {_holder(before)}; wait for it or stop it"
                ) from None
            file.truncate(0)
            entry = {"host": socket.gethostname(), "pid": os.getpid(), "since": _now(), "verb": verb}
            file.write(json.dumps(entry))
            file.flush()
            yield f"took over the lock of {_holder(before)}, which is gone" if before else None
            file.truncate(0)

    @contextmanager
    def making(
        self, verb: str, kind: str, name: str, *, asked: dict[str, Any], parents: dict[str, str], seed: int
    ) -> Iterator[Draft]:
        """Make one artifact, as `drafting` does, under the study's lock; the log says what it cost."""
        start = time.monotonic()
        with self.writing(verb):
            place = self.place(kind, name)
            with drafting(place, kind=kind, asked=asked, parents=parents, seed=seed, old=self.old) as draft:
                yield draft
            self.log(verb, made=f"{kind}/{name}", seconds=round(time.monotonic() - start, 1))

    def log(self, verb: str, **what: Any) -> None:
        """Append one line to log.jsonl."""
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": _now(), "verb": verb, **what}, ensure_ascii=False) + "\n")
