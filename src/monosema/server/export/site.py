"""`export`: the site as a whole, written beside its place and renamed when it is finished."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI

import monosema
from monosema.errors import Interrupted, RefusedError, UsageError
from monosema.index import find_by_tag
from monosema.progress import Reporter, Silent
from monosema.server.app import PREFIX, create_app
from monosema.server.export.answers import answers_of, dosed
from monosema.server.export.features import EXAMPLES, RECORDS, SAEShards
from monosema.server.export.packing import DOCUMENT_TOKENS, Documents, rounded
from monosema.server.features import list_concepts
from monosema.server.fresh import Versioned
from monosema.server.inside import Inside
from monosema.server.pages import INDEX, PACKED, WEB
from monosema.server.served import ServedSAE
from monosema.server.shelf import asked_of

DATA, SITE = "data", "site.json"
FORMAT = 1
MARK = '<meta name="monosema-site" content="data/" />'
"""Tells the pages that they stand beside their answers."""
SAMPLED = 24
"""Features by which the size is foretold."""
PER_TAG = 50
"""Features of a tag that can be found."""
TAGS = 16
"""Tags of a shard, the most common first."""
TOKEN_BYTES = 8
OTHERS = 40
"""Files that are no shards, about."""
STAMP = "built-from.txt"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a site is."""

    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Site:
    """What to export."""

    app: FastAPI
    study: str
    numbers: dict[str, list[int]]
    """Features of each SAE that the site has, ascending."""
    web: Path

    def served(self, sae: str) -> ServedSAE:
        """One of its SAEs."""
        found: ServedSAE = self.app.state.catalog.sae(self.study, sae)
        return found

    def shards(self, sae: str, numbers: Sequence[int]) -> SAEShards:
        """What writes the features of one of them."""
        served = self.served(sae)
        return SAEShards(
            served=served,
            numbers=numbers,
            has_relations=served.state("relations") == "made",
            others=[name for name in self.numbers if name != sae],
        )


def plan_site(
    study: Path, *, saes: Sequence[str] | None = None, features: int | None = None, web: Path | None = None
) -> Site:
    """What a site of a study would hold.

    `saes`: names; None: all whose index is whole. `features`: most features of each, those with notes, of stored doses
    and of tags first, then those that rules are surest of; None: all. `web`: folder of the built pages; None: those of
    the package.
    Raises `UsageError` where the pages were not built, and as the server does for an SAE without a whole index.
    """
    web = web or WEB
    if not (web / INDEX).is_file():
        raise UsageError(f"the pages of the browser are not built in {web}; build them with: make web")
    app = create_app([study], web=web)
    (name,) = app.state.catalog.names
    opened, _ = app.state.catalog.study(name)
    known = list(asked_of(opened).saes)
    site = Site(app=app, study=name, numbers={}, web=web)
    whole = [sae for sae in known if site.served(sae).state("index") == "made"]
    chosen = list(dict.fromkeys(saes or whole))
    if not chosen:
        raise UsageError(f"no SAE of {name} has a whole index; make one with: monosema index {study}")
    for sae in chosen:
        served = site.served(sae)  # it names the nearest where there is none
        served.need("index")
        if served.state("index") != "made":
            raise RefusedError(
                f"index/{sae} is of an earlier SAE; remake it with: monosema index {study} --remake"
            )
    return replace(site, numbers={sae: _numbers(site.served(sae), features) for sae in chosen})


def _numbers(served: ServedSAE, most: int | None) -> list[int]:
    """The features of an SAE that a site of so many has."""
    index = served.index()
    if most is None or most >= index.d_sae:
        return list(range(index.d_sae))
    tagged = [one.feature for tag in index.tags.tags for one in find_by_tag(index, tag, n=1)]
    names = served.names()
    assert names is not None  # its index is whole
    sure = [names[number].confidence for number in range(index.d_sae)]
    alive = index.table["count"] > 0
    order = np.lexsort((np.arange(index.d_sae), -np.asarray(sure), ~alive)).tolist()
    return sorted(list(dict.fromkeys([*served.notes(), *dosed(served), *tagged, *order]))[:most])


def foretell(site: Site) -> Size:
    """About how large a site would be: its features by the size of some, drawn evenly; documents are there once."""
    pages = [path for path in site.web.rglob("*") if path.is_file()]
    files, size = len(pages) + OTHERS, sum(path.stat().st_size for path in pages)
    for sae, numbers in site.numbers.items():
        some = numbers[:: max(1, len(numbers) // SAMPLED)][:SAMPLED]
        shards, written = site.shards(sae, some), _Counter()
        deque(shards.write(written), maxlen=0)
        size += written.bytes * len(numbers) // len(some)
        texts = sum(len(_dumped(content)) for _, content in shards.documents.shards())
        whole = site.served(sae).index().positions
        texts = min(texts * len(numbers) // len(some), whole * TOKEN_BYTES)
        size += texts
        files += len(numbers) // RECORDS + len(numbers) // EXAMPLES + texts // (DOCUMENT_TOKENS * TOKEN_BYTES)
    return Size(files=files, bytes=size)


class _Counter:
    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, path: str, content: Any) -> None:
        """Count what would be written."""
        self.bytes += len(_dumped(content))


def _dumped(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def export(
    site: Site,
    place: Path,
    *,
    reporter: Reporter | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Size:
    """Write a site to a folder; one that was there is replaced when the new one is whole.

    Raises `RefusedError` for a folder that holds something else, and `Interrupted` when `stop` says so: nothing is left
    of what was begun then.
    """
    check_place(place)
    place = place.resolve()
    draft = place.parent / f".{place.name}.draft"
    shutil.rmtree(draft, ignore_errors=True)  # what a killed try has left
    try:
        size = _write(site, draft, reporter or Silent(), stop)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    old = place.parent / f".{place.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    draft.rename(place)
    shutil.rmtree(old, ignore_errors=True)
    return size


def check_place(place: Path) -> None:
    """Raise `RefusedError` for a folder that holds something other than a site."""
    if place.is_dir() and (not any(place.iterdir()) or (place / DATA / SITE).is_file()):
        return
    if place.exists():
        raise RefusedError(f"{place} holds something that is no site of Monosema; name another folder")


class _Writer:
    def __init__(self, folder: Path) -> None:
        self._folder, self.files, self.bytes = folder, 0, 0

    def __call__(self, path: str, content: Any) -> None:
        """Write JSON."""
        self.raw(f"{DATA}/{path}", _dumped(content))

    def raw(self, path: str, data: bytes) -> None:
        """Write a file."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.files += 1
        self.bytes += len(data)


def _write(site: Site, draft: Path, reporter: Reporter, stop: Callable[[], bool]) -> Size:
    write = _Writer(draft)
    _write_pages(site.web, write)
    saes: dict[str, Any] = {}
    total = sum(map(len, site.numbers.values()))
    with reporter.stage("export", total, unit="features") as progress:
        for place, (sae, numbers) in enumerate(site.numbers.items()):
            folder = f"saes/{place}"

            def below(path: str, content: Any, folder: str = folder) -> None:
                write(f"{folder}/{path}", content)

            shards = site.shards(sae, numbers)
            for _ in shards.write(below):
                progress.update(1, megabytes=write.bytes / 1e6)
                if stop():
                    raise Interrupted("the export was stopped; nothing was written")
            _write_tags(site.served(sae), numbers, below)
            saes[sae] = {
                "folder": folder,
                "version": site.served(sae).version,
                "d_sae": site.served(sae).index().d_sae,
                "features": None if len(numbers) == site.served(sae).index().d_sae else numbers,
                "documents": _write_documents(shards.documents, below),
            }
    files = {}
    for number, (path, answer) in enumerate(answers_of(Inside(site.app), PREFIX, site.study, saes)):
        files[path] = f"answers/{number}.json"
        write(files[path], answer)
    about = {"records": RECORDS, "examples": EXAMPLES, "tags": TAGS, "saes": saes, "files": files}
    write(SITE, {"format": FORMAT, "monosema": monosema.__version__, "study": site.study, **about})
    return Size(files=write.files, bytes=write.bytes)


def _write_pages(web: Path, write: _Writer) -> None:
    for path in sorted(web.rglob("*")):
        name = path.relative_to(web).as_posix()
        if path.is_file() and name != STAMP and path.suffix not in PACKED.values():
            data = path.read_bytes()
            write.raw(
                name,
                data.replace(b"</title>", f"</title>\n    {MARK}".encode(), 1) if name == INDEX else data,
            )


def _write_documents(documents: Documents, write: Callable[[str, Any], None]) -> list[int]:
    """Write what is shown of documents; the first number of each shard."""
    firsts: list[int] = []
    for first, content in documents.shards():
        write(f"documents/{len(firsts)}.json", content)
        firsts.append(first)
    return firsts


def _write_tags(served: ServedSAE, numbers: Sequence[int], write: Callable[[str, Any], None]) -> None:
    """Write what is found by each tag (number, score, why), in the order of `concepts`."""
    index = served.index()
    among = np.isin(np.arange(index.d_sae), numbers)
    tags = [one.tag for one in list_concepts(served, Versioned()).concepts]
    for start in range(0, len(tags), TAGS):
        found = {tag: find_by_tag(index, tag, n=PER_TAG, among=among) for tag in tags[start : start + TAGS]}
        told = {
            tag: [[one.feature, rounded(one.score), one.why] for one in some] for tag, some in found.items()
        }
        write(f"tags/{start // TAGS}.json", told)
