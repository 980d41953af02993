"""Reads take turns: one at a time, beside all that takes longer."""

from __future__ import annotations

import shutil
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from monosema.artifact import DRAFT, MANIFEST
from monosema.files import read_json, write_json
from monosema.index import FeatureIndex
from monosema.server import create_app, reading
from monosema.server.access import Served
from monosema.server.catalog import Catalog
from monosema.server.reading import ReadRoute, brief
from server.served import SAE, STUDY, running, until

ASKED = 8


class Reads:
    """Reads that go on until they are let go; counts those at work."""

    def __init__(self) -> None:
        self.now, self.most, self.done = 0, 0, threading.Event()
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.done.wait(60)
        with self._lock:
            self.now -= 1
        return self.most


@pytest.fixture
def reads() -> Iterator[Reads]:
    found = Reads()
    yield found
    found.done.set()


def app_of(study: Path, reads: Reads) -> FastAPI:
    app, router = create_app([study]), APIRouter(route_class=ReadRoute)

    @router.get("/read/it")
    def read() -> int:
        return reads()

    @router.get("/read/{study}/{sae}")
    def read_of(served: Served) -> int:
        return reads()

    app.include_router(router)
    return app


def answer(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as found:
        return int(found.status)


def test_reads_take_turns_and_nothing_else_waits_for_them(finished: Path, reads: Reads) -> None:
    with running(app_of(finished, reads)) as url, ThreadPoolExecutor(ASKED) as pool:
        answers = [pool.submit(answer, f"{url}/read/it") for _ in range(ASKED)]
        until(lambda: reads.now == 1)
        for path in ("/healthz", f"{SAE}/cards?numbers=3", f"{STUDY}/runs", "/v1/models"):
            assert answer(url + path) == 200
        assert not any(one.done() for one in answers)
        reads.done.set()
        assert [one.result() for one in answers] == [200] * ASKED
    assert reads.most == 1


def both_at_work(study: Path, reads: Reads) -> bool:
    """Whether two reads of an SAE are at work at once."""
    with running(app_of(study, reads)) as url, ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(answer, f"{url}/read/study/main") for _ in range(2)]
        until(lambda: reads.now == 2)
        reads.done.set()
        return [one.result() for one in answers] == [200, 200]


def test_a_read_of_an_index_that_nobody_has_opened_waits_for_no_turn(finished: Path, reads: Reads) -> None:
    assert both_at_work(finished, reads)


def test_a_read_of_an_index_that_grows_waits_for_no_turn(copied: Path, reads: Reads) -> None:
    place, draft = copied / "index" / "main", copied / "index" / ".main.draft"
    parents = read_json(place / MANIFEST)["parents"]
    place.rename(draft)
    (draft / MANIFEST).unlink()
    (draft / "segments").mkdir(exist_ok=True)
    (draft / "segments" / "00000.json").touch()
    write_json(draft / DRAFT, {"asked": {}, "parents": parents})
    assert not Catalog([copied]).sae("study", "main").settled
    assert both_at_work(copied, reads)


def test_an_index_is_told_to_be_open_once_somebody_has_opened_it(finished: Path) -> None:
    catalog = Catalog([finished])
    assert catalog.sae("study", "main").open_index() is None
    index = catalog.sae("study", "main").index()
    served = catalog.sae("study", "main")
    assert served.open_index() is index
    assert served.index() is index


def test_a_read_does_not_wait_while_an_index_is_opened(
    copied: Path, monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    other = Path(shutil.copytree(copied, copied.parent / "other"))
    opened = FeatureIndex.__init__

    def slowly(index: FeatureIndex, folder: Path, *rest: Any) -> None:
        if folder.is_relative_to(copied):
            reads()
        opened(index, folder, *rest)

    monkeypatch.setattr(FeatureIndex, "__init__", slowly)
    with running(create_app([copied, other])) as url, ThreadPoolExecutor(1) as pool:
        waits = pool.submit(answer, f"{url}{SAE}/features/3")
        until(lambda: reads.now == 1)
        assert answer(f"{url}/api/v1/studies/other/saes/main/features/3") == 200
        assert not waits.done()
        reads.done.set()
        assert waits.result() == 200


def threads_of_brief_reads(study: Path) -> tuple[list[int], int]:
    """The threads of four brief reads of an SAE, one after the other, the index opened before the third; the loop's."""
    app, router = create_app([study]), APIRouter(route_class=ReadRoute)

    @router.get("/read/brief/{study}/{sae}")
    @brief
    def read_of(served: Served) -> int:
        return threading.get_ident()

    @router.get("/read/loop")
    async def loop() -> int:
        return threading.get_ident()

    app.include_router(router)
    with running(app) as url:

        def number(path: str) -> int:
            with urllib.request.urlopen(url + path, timeout=60) as found:
                return int(found.read())

        seen = [number("/read/brief/study/main") for _ in range(2)]
        assert answer(f"{url}{SAE}/features/3") == 200
        seen += [number("/read/brief/study/main") for _ in range(2)]
        return seen, number("/read/loop")


def test_a_brief_read_needs_no_thread_after_the_first_of_an_open_index(finished: Path) -> None:
    threads, loop = threads_of_brief_reads(finished)
    assert [one == loop for one in threads] == [False, False, False, True]


def test_reads_of_a_large_index_are_never_brief(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BRIEF_POSITIONS", 1)
    threads, loop = threads_of_brief_reads(finished)
    assert loop not in threads
