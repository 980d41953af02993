"""What a study has made: folders with a manifest, written whole or not at all.

An artifact is drafted in a hidden folder beside its place, fsynced, then renamed. After SIGKILL at any
instant it is whole, or absent with a draft that the same question goes on with. No model or tensor is known
here.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from monosema.errors import DamagedError
from monosema.files import WRITING, digest_file, digest_json, fsync, read_json, write_json

SCHEMA = 1
MANIFEST = "manifest.json"
DRAFT = "draft.json"
LOGS = "logs"  # files below it are checked, yet do not count in the content hash: they hold times and rates
SCRATCH = "scratch"  # checkpoints and the like: gone when the artifact is whole
CHECKED_WHOLE = 1 << 28  # bytes whose hashes take about a quarter of a second
NOTE = "note"
"""Key of `Manifest.measured`: a sentence that whoever looks at the artifact should read."""
VERSIONS_OF = ("monosema", "torch", "transformers", "tokenizers", "safetensors", "numpy")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an artifact is, what it was made from, and what was measured while it was made."""

    kind: str
    """Which stage made it: tokens, activations, sae, evaluation ..."""
    name: str
    """Its name among those of its kind."""
    hash: str
    """Content hash: BLAKE2 of the hashes of its files (but those under logs/) and of `asked`."""
    parents: dict[str, str]
    """Content hash of each artifact that it was made from, by `kind/name`."""
    asked: dict[str, Any]
    """The settings that matter for its content."""
    measured: dict[str, Any]
    """Figures; they do not count in the content hash."""
    seed: int
    """Seed from which its generators were derived."""
    files: dict[str, dict[str, Any]]
    """`{"bytes": ..., "blake2": ...}` of every file, by path inside the artifact."""
    versions: dict[str, str]
    """Versions of the libraries that made it."""
    made: str
    """UTC time at which it was finished."""
    schema: int = SCHEMA
    """Version of this record."""


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).as_posix()
        if path.is_file() and inside not in (MANIFEST, DRAFT):
            found[inside] = {"bytes": path.stat().st_size, "blake2": digest_file(path)}
    return found


def content_hash(files: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Any]) -> str:
    """BLAKE2 of the files' hashes (but those under logs/) and of the settings that matter."""
    counted = {name: entry["blake2"] for name, entry in files.items() if not name.startswith(f"{LOGS}/")}
    return digest_json({"files": counted, "asked": asked})


@dataclass(frozen=True)
class Artifact:
    """A finished artifact: a folder and its manifest."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path, *, kind: str | None = None, verify: bool = True) -> Artifact:
        """Read the manifest of `path` and, unless `verify` is false, check every file against it.

        Of an artifact larger than `CHECKED_WHOLE` only sizes are checked, so that opening one takes no longer as
        it grows; `verify` and `monosema run --remake` check contents. Raises `DamagedError` that names the file
        which is missing, truncated or edited.
        """
        raw = read_json(path / MANIFEST)
        if raw.get("schema") != SCHEMA:
            raise DamagedError(
                f"{path / MANIFEST} has schema {raw.get('schema')!r}; expected {SCHEMA}: upgrade monosema"
            )
        try:
            manifest = Manifest(**raw)
        except TypeError as error:
            raise DamagedError(f"{path / MANIFEST} is no manifest ({error}); remake the artifact") from None
        if kind is not None and manifest.kind != kind:
            raise DamagedError(f"{path} is of kind {manifest.kind}; expected {kind}")
        artifact = cls(path, manifest)
        if verify:
            size = sum(entry["bytes"] for entry in manifest.files.values())
            artifact.verify(contents=size <= CHECKED_WHOLE)
        return artifact

    @property
    def hash(self) -> str:
        """The content hash."""
        return self.manifest.hash

    @property
    def key(self) -> str:
        """`kind/name`, by which children name it."""
        return f"{self.manifest.kind}/{self.manifest.name}"

    def verify(self, *, contents: bool = True) -> None:
        """Check sizes and hashes of all files, or sizes alone; raise `DamagedError` that names the first wrong one."""
        for _, what in self._wrong(contents):
            raise DamagedError(f"{what}; {self._advice()}")
        if content_hash(self.manifest.files, self.manifest.asked) != self.manifest.hash:
            raise DamagedError(f"{self.path / MANIFEST} was edited: its hash does not fit; {self._advice()}")

    def damaged(self) -> list[Path]:
        """Files that are missing or not what the manifest says."""
        return [file for file, _ in self._wrong(contents=True)]

    def _wrong(self, contents: bool) -> Iterator[tuple[Path, str]]:
        """Each wrong file, and what is wrong with it."""
        for name, entry in self.manifest.files.items():
            file = self.path / name
            if not file.resolve().is_relative_to(self.path.resolve()):
                raise DamagedError(f"{self.path / MANIFEST} names a file outside its folder: {name}")
            if not file.is_file():
                yield file, f"{file} is missing"
            elif (size := file.stat().st_size) != entry["bytes"]:
                yield file, f"{file} has {size} bytes, its manifest says {entry['bytes']}"
            elif contents and digest_file(file) != entry["blake2"]:
                yield file, f"{file} was changed after it was made"

    def _advice(self) -> str:
        return f"restore it, or make it again with: monosema run {self.path.parent.parent} --remake"


@dataclass
class Draft:
    """An artifact in the making: write files below `path`, figures into `measured`."""

    path: Path
    resumed: bool
    """Whether an earlier try at the very same question left work here."""
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def scratch(self) -> Path:
        """Folder for checkpoints; removed when the artifact is whole."""
        return _made(self.path / SCRATCH)

    @property
    def logs(self) -> Path:
        """Folder for files with times and rates, which do not count in the content hash."""
        return _made(self.path / LOGS)


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in VERSIONS_OF:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def put_away(path: Path, old: Path) -> Path:
    """Move `path` into the folder `old` under the first free number; nothing is deleted."""
    old.mkdir(parents=True, exist_ok=True)
    number = 1
    while (place := old / f"{path.parent.name}-{path.name.strip('.')}-{number}").exists():
        number += 1
    path.rename(place)
    return place


def reopen(path: Path, old: Path) -> bool:
    """Whether the artifact `path` is damaged; if so it becomes a draft again, without the files that are wrong.

    Those move to `old`, each with the files that share its name up to the ending: one is the other's record. The
    same question then goes on with the draft and makes what it lacks; the manifest goes last, so that a kill on
    the way leaves a damaged artifact or an unfinished one.
    """
    artifact = Artifact.open(path, verify=False)
    damaged = artifact.damaged()
    if not damaged:
        return False
    for file in damaged:
        for one in sorted(file.parent.glob(f"{file.stem}.*")):
            put_away(one, old)
    manifest, folder = artifact.manifest, draft_place(path)
    if folder.exists():
        put_away(folder, old)
    write_json(path / DRAFT, _question(manifest.kind, manifest.asked, manifest.parents, manifest.seed))
    path.rename(folder)
    (folder / MANIFEST).unlink()
    return True


def draft_place(path: Path) -> Path:
    """Where the artifact `path` is made."""
    return path.with_name(f".{path.name}.draft")


def begun(path: Path) -> dict[str, Any] | None:
    """The question that the draft of `path` was begun with; None where there is no draft, or nothing in it yet.

    So the draft of a try that failed before it made anything is nothing that another question could lose.
    """
    folder = draft_place(path)
    question = folder / DRAFT
    if not question.is_file() or all(file == question or file.is_dir() for file in folder.rglob("*")):
        return None
    return read_json(question)


def _question(kind: str, asked: dict[str, Any], parents: dict[str, str], seed: int) -> dict[str, Any]:
    return {"schema": SCHEMA, "kind": kind, "asked": asked, "parents": parents, "seed": seed}


@contextmanager
def drafting(
    path: Path, *, kind: str, asked: dict[str, Any], parents: dict[str, str], seed: int, old: Path
) -> Iterator[Draft]:
    """Make the artifact `path`: yield a draft; on success commit it, on any error leave it to be resumed.

    A draft of another question (settings, parents or seed) and an artifact that is replaced go to `old`.
    """
    question, folder = _question(kind, asked, parents, seed), draft_place(path)
    if folder.exists() and (not (folder / DRAFT).is_file() or read_json(folder / DRAFT) != question):
        put_away(folder, old)
    resumed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if not resumed:
        write_json(folder / DRAFT, question)
    draft = Draft(folder, resumed)
    yield draft
    _commit(draft, path, question, old)


def _commit(draft: Draft, path: Path, question: Mapping[str, Any], old: Path) -> None:
    shutil.rmtree(draft.path / SCRATCH, ignore_errors=True)
    for half in draft.path.rglob(f".*{WRITING}"):
        half.unlink()  # of a write that was killed and whose file was not needed again
    files = _files(draft.path)
    manifest = Manifest(
        kind=question["kind"],
        name=path.name,
        hash=content_hash(files, question["asked"]),
        parents=dict(question["parents"]),
        asked=dict(question["asked"]),
        measured=draft.measured,
        seed=question["seed"],
        files=files,
        versions=_versions(),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    for name in files:
        fsync(draft.path / name)
    write_json(draft.path / MANIFEST, asdict(manifest))
    (draft.path / DRAFT).unlink()
    if path.exists():
        put_away(path, old)
    draft.path.rename(path)
    fsync(path.parent)
