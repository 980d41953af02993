"""`export`: a study as a static site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monosema.cli.output import Json, print_json, reporter, say, stoppable
from monosema.cli.run import StudyPath

UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def export(
    study: StudyPath,
    site: Annotated[Path, typer.Argument(help="Folder of the site; one that is there is replaced.")],
    sae: Annotated[
        list[str] | None,
        typer.Option("--sae", help="Name among [saes] of study.toml; may be given again; all with an index."),
    ] = None,
    features: Annotated[
        int | None,
        typer.Option(help="Most features of each: those of tags and doses, then the surest names.", min=1),
    ] = None,
    json: Json = False,
) -> None:
    """Write the browser with all that it shows as static files, which open from any host, without the model."""
    from monosema.server import export as exporting

    exporting.check_place(site)
    planned = exporting.plan_site(study, saes=sae, features=features)
    foretold = exporting.foretell(planned)
    counts = ", ".join(f"{len(numbers):,} features of {name}" for name, numbers in planned.numbers.items())
    say(f"{counts}: about {_size(foretold.bytes)} in {foretold.files:,} files; Ctrl-C leaves nothing behind")
    with stoppable() as stop:
        written = exporting.export(planned, site, reporter=reporter(json), stop=stop)
    if json:
        print_json({"site": str(site), "files": written.files, "bytes": written.bytes})
    else:
        say(f"{site}: {_size(written.bytes)} in {written.files:,} files, less where the host packs them")
        say(f"look at it: python -m http.server --directory {site}")


def _size(bytes_: int) -> str:
    unit, size = next((one for one in UNITS if bytes_ >= one[1]), UNITS[-1])
    return f"{bytes_ / size:.3g} {unit}"
