"""The built pages of `web/`: one document, and files beside it by names of the folder's own listing.

Files are small and kept once they were read: the routes are `async`, and need no thread.
"""

from __future__ import annotations

import html
import mimetypes
import os
import re
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from monosema.files import digest, seal
from monosema.server.errors import NotFoundError
from monosema.server.fresh import ASK_AGAIN, FOR_EVER
from monosema.server.shelf import Shelf

WEB = Path(__file__).parent / "web"
"""Where `make web` puts them."""
INDEX = "index.html"
HASHED = re.compile(r"-[\w-]{8}\.\w+$")
"""Ends the name of a file that has another name when it has another content."""
PACKED = {"br": ".br", "gzip": ".gz"}
"""Encodings of files that were packed when they were built, the smallest first."""
router = APIRouter(include_in_schema=False)


class Pages:
    """The files of a folder, each read once until it is replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._shelf = folder, Shelf()

    def answer(self, request: Request, name: str, *, below: str = "") -> Response:
        """A file of the folder, or of one folder below it. Raises `NotFoundError`."""
        folder = self._folder / below
        files = _names(folder)
        if name not in files or name.endswith(tuple(PACKED.values())):
            raise NotFoundError(f"there is no page /{below and below + '/'}{name}"[:100])
        coding = next((one for one in _accepted(request) if name + PACKED[one] in files), None)
        path = folder / (name + (PACKED[coding] if coding else ""))
        data, tag = self._shelf.get(str(path), seal(path), lambda: _read(path))
        headers = {
            "ETag": tag,
            "Cache-Control": FOR_EVER if below and HASHED.search(name) else ASK_AGAIN,
            "Vary": "Accept-Encoding",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if coding:
            headers["Content-Encoding"] = coding
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(data, media_type=kind, headers=headers)

    def home(self, request: Request) -> Response:
        """The document, or where it was not built how to build it."""
        if INDEX in _names(self._folder):
            return self.answer(request, INDEX)
        return plain_page(
            404, "The pages are not built", "Build them with: make web. The API is at /api/v1/openapi.json."
        )


def plain_page(status: int, title: str, text: str) -> HTMLResponse:
    """A page that needs nothing else."""
    words, head = html.escape(text), html.escape(title)
    metas = '<meta name=viewport content="width=device-width"><meta name=color-scheme content="light dark">'
    document = f"<meta charset=utf-8>{metas}<title>{head}</title><h1>{head}</h1><p>{words}</p>"
    return HTMLResponse(
        f'<!doctype html><html lang="en">{document}</html>', status, headers={"Cache-Control": "no-store"}
    )


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _read(path: Path) -> tuple[bytes, str]:
    data = path.read_bytes()
    return data, f'"{digest(data)[:32]}"'


def _accepted(request: Request) -> Iterator[str]:
    """Encodings that a browser takes, of those that files are packed by."""
    asked = [one.replace(" ", "") for one in request.headers.get("accept-encoding", "").lower().split(",")]
    refused = (";q=0", ";q=0.0", ";q=0.00", ";q=0.000")
    taken = {one.partition(";")[0] for one in asked if not one.endswith(refused)}
    return (coding for coding in PACKED if coding in taken)


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


@router.api_route("/", methods=["GET", "HEAD"])
async def home(request: Request) -> Response:
    """The document of all pages."""
    return _pages(request).home(request)


@router.api_route("/{name}", methods=["GET", "HEAD"])
async def top_file(request: Request, name: str) -> Response:
    """A file beside it."""
    return _pages(request).answer(request, name)


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def asset(request: Request, name: str) -> Response:
    """A script, style or font."""
    return _pages(request).answer(request, name, below="assets")
