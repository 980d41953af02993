"""`find`: features by texts, tokens, tags, words, meaning, vectors, labelled texts and figures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from monosema.cli.output import Json, print_json, print_table, reporter, say
from monosema.cli.run import SAEName, StudyPath
from monosema.cli.show import Count, peaks
from monosema.errors import UsageError

FIGURES = "Figures, alone or beside another way"
"""Heading of the options that say what the index must have counted."""


def _bounded(what: str) -> Any:
    """An option with a least and a largest value."""
    return typer.Option(help=what, metavar="LEAST:LARGEST", rich_help_panel=FIGURES)


def find(
    study: StudyPath,
    words: Annotated[
        str | None, typer.Argument(help="Words of its name, tokens, tags or note.", show_default=False)
    ] = None,
    on: Annotated[
        list[str] | None, typer.Option(help="Text that should fire it; may be given again.")
    ] = None,
    off: Annotated[list[str] | None, typer.Option(help="Text that should not; may be given again.")] = None,
    token: Annotated[str | None, typer.Option(help="Token that it should fire on (mind the blank).")] = None,
    tag: Annotated[str | None, typer.Option(help="Tag (concept) whose spans it should fire in.")] = None,
    like: Annotated[str | None, typer.Option(help="Text that means what its words mean.")] = None,
    embedder: Annotated[
        Path | None, typer.Option(help="Folder of the embedding model for --like.", show_default=False)
    ] = None,
    at: Annotated[str | None, typer.Option(help="Text at one token of which it should fire.")] = None,
    position: Annotated[int, typer.Option(help="Which token for --at, from 0; -1 is the last.")] = -1,
    vector: Annotated[
        Path | None, typer.Option(help="File with one vector (.npy, .safetensors).", show_default=False)
    ] = None,
    meant: Annotated[
        str, typer.Option(help="What --vector is: direction, or activation (on which it should fire).")
    ] = "direction",
    labelled: Annotated[
        Path | None, typer.Option(help="JSON lines with text and label (0 or 1) that it should tell apart.")
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="Features that never fire.", rich_help_panel=FIGURES)
    ] = False,
    density: Annotated[str | None, _bounded("Share of positions at which it fires.")] = None,
    maximum: Annotated[str | None, _bounded("Its largest activation.")] = None,
    mean: Annotated[str | None, _bounded("Mean of its activations where it fires.")] = None,
    top_token: Annotated[
        str | None,
        typer.Option(
            help="Token that holds most of its activation (mind the blank).", rich_help_panel=FIGURES
        ),
    ] = None,
    inside: Annotated[
        str | None,
        typer.Option(help="Tag whose spans hold half or more of its firings.", rich_help_panel=FIGURES),
    ] = None,
    sae: SAEName = "main",
    n: Count = 10,
    json: Json = False,
) -> None:
    """Find features by texts, a token, a tag, words, meaning, a vector, labelled texts: one at a time; figures, too."""
    from monosema import pipeline
    from monosema.pipeline.finding import read_vector

    opened = pipeline.open_study(study)
    bounds = {"density": density, "maximum": maximum, "mean": mean}
    where = _filter(opened, sae, dead=dead, bounds=bounds, top_token=top_token, inside=inside)
    ways: dict[str, Any] = {
        "on": on or [],
        "off": off or [],
        "token": token,
        "tag": tag,
        "text": words,
        "like": like,
        "at": at,
        "vector": None if vector is None else read_vector(vector).tolist(),
    }
    told = None
    if labelled is not None and not any(ways.values()):
        told = pipeline.find_labelled(opened, labelled, where=where, sae=sae, n=n)
        found = list(told.features)
    elif labelled is not None:
        raise UsageError(
            "give one thing to find by: beside --labelled stand only figures (--dead, --density and the like)"
        )
    else:
        found = pipeline.find(
            opened,
            **ways,
            embedder=embedder,
            position=position,
            meant=meant,
            where=where,
            sae=sae,
            n=n,
            reporter=None if json else reporter(json),  # one object is printed, no lines of progress
        )
    features = opened.index(sae)
    names = pipeline.names_of(opened, sae)
    together = pipeline.as_set(found) if on or token or tag else {}
    if json:
        listed = [asdict(one) | {"name": asdict(names[one.feature])} for one in found]
        print_json({"features": listed, "set": together} | ({"labelled": _told(told)} if told else {}))
        return
    rows = [
        [
            str(one.feature),
            f"{one.score:.3g}",
            names[one.feature].text,
            peaks(features, one.feature),
            one.why,
        ]
        for one in found
    ]
    if rows:
        print_table("", ["feature", "score", "name", "fires on", "why"], rows)
    else:
        say(
            "no feature is found by that; try other words or wider figures, or --on with a text that should fire it"
        )
    if told is not None:
        say(_accuracies(told))
    if found:
        say(f"next: monosema show {study} {found[0].feature}")
    if len(together) > 1:
        flags = " ".join(f"--feature {feature}:{weight:g}" for feature, weight in together.items())
        say(
            "several may share it; steer with all of them, each raised by .75 x its maximum x its weight: "
            f"monosema steer {study} 'Who are you?' {flags}"
        )


def _filter(
    opened: Any,
    sae: str,
    *,
    dead: bool,
    bounds: dict[str, str | None],
    top_token: str | None,
    inside: str | None,
) -> Any:
    """What a feature's figures must be; None where nothing is asked of them. Only a token needs the model."""
    from monosema import pipeline
    from monosema.pipeline.explore import model_of, one_token

    asked: dict[str, Any] = {name: _range(name, text) for name, text in bounds.items() if text is not None}
    if dead:
        asked["dead"] = True
    if top_token is not None:
        asked["top_token"] = one_token(model_of(opened, sae), top_token)
    if inside is not None:
        asked["tag"] = inside
    return pipeline.Filter(**asked) if asked else None


def _range(name: str, text: str) -> tuple[float, float]:
    """Two numbers `least:largest`; either may be left out."""
    least, colon, largest = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return float(least or 0), float(largest or "inf")
    except ValueError:
        raise UsageError(f"--{name} is {text!r}; expected LEAST:LARGEST, for example 1e-5:0.001") from None


def _told(told: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(told).items() if name != "features"}


def _accuracies(told: Any) -> str:
    """How well labels were told, beside what could do as well."""
    shares = (told.accuracy, told.single, told.larger)
    whole, single, larger = (f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in shares)
    sentence = (
        f"told right of {told.held_out} held-out texts: {whole} by a classifier on {told.used} features, {single} by "
        f"feature {told.best} alone, {larger} by always saying the commoner label"
    )
    best = max(told.single.value, told.larger.value)
    return f"{sentence}; the classifier is no better than these" if told.accuracy.value <= best else sentence
