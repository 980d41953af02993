"""`serve`: studies over HTTP, to this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monosema.cli.output import Json, print_json, say, stoppable
from monosema.errors import Interrupted


def serve(
    studies: Annotated[list[Path], typer.Argument(help="Folders of studies.", metavar="STUDY...")],
    port: Annotated[int, typer.Option(help="Port; 0 is any free one.")] = 8765,
    host: Annotated[str, typer.Option(help="Address of this machine.")] = "127.0.0.1",
    json: Json = False,
) -> None:
    """Serve studies over HTTP to this machine alone, read-only, until Ctrl-C."""
    from monosema import server

    with stoppable() as stop:
        app = server.create_app(studies)
        with server.listen(host, port) as listener:
            url = server.url_of(listener)
            if json:
                print_json({"url": url})
            else:
                say(f"serving {url}/api/v1/studies (described at {url}/api/v1/openapi.json); Ctrl-C ends it")
            server.serve(app, listener, stop=stop)
        if stop():
            raise Interrupted("the server was stopped")
