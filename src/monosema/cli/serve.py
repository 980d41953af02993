"""`serve`: studies over HTTP, to this machine, or with a token to others."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from monosema.cli.output import Json, print_json, say, stoppable
from monosema.errors import Interrupted


def serve(
    studies: Annotated[list[Path], typer.Argument(help="Folders of studies.", metavar="STUDY...")],
    port: Annotated[int, typer.Option(help="Port; 0 is any free one.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address of this machine; one that others reach needs a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(help="What those who ask must know.", envvar="MONOSEMA_TOKEN")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Name by which others reach this machine; may be given again.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            help="File for a line of JSON a request; else standard error where that is no terminal."
        ),
    ] = None,
    log_prompts: Annotated[
        bool, typer.Option("--log-prompts", help="Let these lines tell what was asked, texts of prompts too.")
    ] = False,
    json: Json = False,
) -> None:
    """Serve studies over HTTP until Ctrl-C: to this machine alone, or to whoever knows the token."""
    from monosema import server

    door = server.Door(token, names=(socket.gethostname(), *(name or ())))
    app = server.create_app(studies, door=door, log_prompts=log_prompts)
    _let_log(server.LOG, log)
    with stoppable() as stop:
        with server.listen(host, port, locked=door.is_locked) as listener:
            url = server.url_of(listener)
            link = {"link": url + door.link()} if door.is_locked else {}
            if json:
                print_json({"url": url} | link)
            else:
                say(f"serving {url} (API: {url}/api/v1/openapi.json); Ctrl-C ends it")
                if link:
                    say(f"open {link['link']} in a browser: it works once")
            threading.Thread(target=app.state.catalog.warm, daemon=True).start()
            server.serve(app, listener, stop=stop)
        if stop():
            raise Interrupted("the server was stopped")


def _let_log(lines: logging.Logger, file: Path | None) -> None:
    """Let the server's lines go to a file, or to standard error: where somebody looks at it, only what went wrong."""
    to = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file, encoding="utf-8")
    if file is None and sys.stderr.isatty():
        to.setLevel(logging.ERROR)
    lines.addHandler(to)
    lines.setLevel(logging.INFO)
