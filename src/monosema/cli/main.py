"""`monosema`: the verbs, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Annotated

import typer

import monosema
from monosema.cli import (
    act,
    demo,
    doctor,
    export,
    find,
    init,
    map,
    note,
    plan,
    relate,
    run,
    serve,
    show,
    truth,
)
from monosema.errors import MonosemaError

app = typer.Typer(
    name="monosema",
    help="Find, measure, show and steer the features of any language model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
VERBS = (
    *(init.init, plan.plan, run.run, run.train, run.evaluate, run.info),
    *(run.index, find.find, show.show, note.note, show.neighbours, map.map, relate.relate),
    *(act.dose, act.steer, act.chat, truth.groundtruth, serve.serve, export.export, demo.demo, doctor.doctor),
)
for verb in VERBS:
    app.command()(verb)

DEBUG = "MONOSEMA_DEBUG"
OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT}
# torch tells it on a processor by a plain RuntimeError, on an accelerator by an error of its own
NO_MEMORY = ("OutOfMemory", "not enough memory", "can't allocate memory")
READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def _version(value: bool) -> bool:
    if value:
        typer.echo(f"monosema {monosema.__version__}")
        raise typer.Exit
    return value


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that stand before the verb."""
    if debug:
        os.environ[DEBUG] = "1"


def _as_line(error: BaseException) -> tuple[int, str]:
    """Exit code (docs/design.md) and one line for an error that reached the edge."""
    if isinstance(error, MonosemaError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return 130, "stopped"
    if isinstance(error, OSError) and error.errno in OUT_OF_SPACE:
        return 5, f"no space left on disk while writing {error.filename or 'a file'}; free some and run again"
    if isinstance(error, OSError) and error.errno in READ_ONLY:
        return 3, f"{error.filename or 'a file'} cannot be written ({error.strerror}); choose another folder"
    if isinstance(error, MemoryError) or any(sign in f"{type(error).__name__} {error}" for sign in NO_MEMORY):
        return 5, "out of memory; lower d_sae, or tokens_per_batch in [models.NAME] of study.toml"
    return 1, f"{type(error).__name__}: {error} (a bug: please report it with the output of --debug)"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every error ends as one line on standard error."""
    try:
        code = app(args=arguments, standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if hasattr(error, "show") and hasattr(
            error, "exit_code"
        ):  # of click, whose copy depends on typer's version
            error.show()
            code = error.exit_code
        else:
            if os.environ.get(DEBUG):
                traceback.print_exc()
            code, line = _as_line(error)
            print(f"monosema: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(code or 0)
