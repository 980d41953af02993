"""`run`, `train`, `evaluate`, `index`, `info`: a study from what is asked to what is measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from monosema.cli.output import Json, print_json, print_table, reporter, say, stoppable
from monosema.errors import UsageError

StudyPath = Annotated[Path, typer.Argument(help="Folder of the study.", metavar="STUDY")]
SAEName = Annotated[str, typer.Option("--sae", help="Name among [saes] of study.toml.")]
Remake = Annotated[
    bool,
    typer.Option(
        "--remake", help="Remake what is stale, damaged or begun otherwise; what it replaces moves to old/."
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", help="Processes that share out activations on disk and the index.")
]


def run(study: StudyPath, remake: Remake = False, workers: Workers = 1, json: Json = False) -> None:
    """Make everything that study.toml asks for and show the figures."""
    _work("run", study, None, remake, workers, json)


def train(
    study: StudyPath,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="SAE, in any format that is read here, that training goes on from; or data."
        ),
    ] = None,
    sae: Annotated[
        str | None,
        typer.Option(
            "--sae", help="With --from: the one table of [saes] that it is for; all that are trained."
        ),
    ] = None,
    remake: Remake = False,
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """Make everything up to the trained sparse autoencoders."""
    if sae is not None and start is None:
        raise UsageError(f"--sae {sae} says which SAE --from is for; give --from too")
    if start is not None:
        from monosema import pipeline

        pipeline.set_start(pipeline.open_study(study), start, sae=sae, remake=remake)
    _work("train", study, "sae", remake, workers, json)


def evaluate(study: StudyPath, remake: Remake = False, workers: Workers = 1, json: Json = False) -> None:
    """Measure every trained sparse autoencoder on documents that it never saw."""
    _work("evaluate", study, "evaluation", remake, workers, json)


def info(study: StudyPath, json: Json = False) -> None:
    """Show what was made, what is missing or stale and why, and the figures."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    states = pipeline.states(opened)
    figures = pipeline.figures(opened)
    if json:
        print_json({"study": opened.name, "artifacts": states, "figures": figures})
        return
    rows = [[state["artifact"], state["state"], state["reason"]] for state in states]
    print_table(f"{opened.name}: what was made", ["artifact", "state", "why"], rows)
    _print_figures(figures)


def _work(verb: str, path: Path, goal: str | None, remake: bool, workers: int, json: bool) -> None:
    from monosema import pipeline

    start = time.monotonic()
    with stoppable() as stop:
        study = pipeline.open_study(path)
        made = pipeline.run(
            study,
            goal=goal,
            remake=remake,
            verb=verb,
            reporter=reporter(json),
            stop=stop,
            say=say,
            workers=workers,
        )
    figures = pipeline.figures(study)
    seconds = round(time.monotonic() - start, 1)
    if json:
        print_json({"study": study.name, "made": made, "seconds": seconds, "figures": figures})
        return
    if goal in (None, "evaluation"):
        _print_figures(figures)
    say(f"{verb}: done in {seconds:.0f} s; made {', '.join(made) or 'nothing new'}")


def _print_figures(figures: dict[str, dict[str, Any]]) -> None:
    for name, record in figures.items():
        rows = [[row["figure"], *row["values"]] for row in record["rows"]]
        print_table(f"\n{name}: {record['about']}", record["columns"], rows)
        for note in record["notes"]:
            print(f"  {note}")


def index(study: StudyPath, remake: Remake = False, workers: Workers = 1, json: Json = False) -> None:
    """Collect where every feature fires, on all text that the autoencoder was trained on."""
    from monosema import pipeline

    with stoppable() as stop:
        opened = pipeline.open_study(study)
        made = pipeline.run(
            opened,
            goal="index",
            remake=remake,
            verb="index",
            reporter=reporter(json),
            stop=stop,
            say=say,
            workers=workers,
        )
    if json:
        print_json({"study": opened.name, "made": made})
    else:
        say(f"index: made {', '.join(made) or 'nothing new'}; next: monosema find {study} --on 'some text'")
