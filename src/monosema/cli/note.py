"""`note`: what a person calls a feature and has written about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from monosema.cli.output import Json, print_json
from monosema.cli.run import SAEName, StudyPath
from monosema.cli.show import FeatureNumber, indented


def note(
    study: StudyPath,
    feature: FeatureNumber,
    name: Annotated[
        str | None, typer.Option(help="What you call it, in place of its name by rule; '' takes it away.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What you note about it; '' takes it away.")] = None,
    sae: SAEName = "main",
    json: Json = False,
) -> None:
    """Show what you call a feature and have noted about it, or set it; show, find and the pages tell it."""
    from monosema import pipeline

    said = pipeline.note(pipeline.open_study(study), feature, name=name, text=text, sae=sae)
    if json:
        print_json({"feature": feature, **asdict(said)})
        return
    console = Console(highlight=False)
    console.print(f"name  {said.name or '(as by rule)'}", markup=False)
    console.print(f"note  {indented(said.text, 6) or '(none)'}", markup=False)
