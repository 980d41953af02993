"""`plan`: memory, time and disk of a run before it runs, and what would fit instead."""

from __future__ import annotations

from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Annotated

import typer

from monosema.cli.output import Json, print_json, print_table

if TYPE_CHECKING:
    from monosema.pipeline import Forecast


def plan(
    study: Annotated[
        Path | None,
        typer.Argument(help="Folder of a study; without one, the options say what.", metavar="STUDY"),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Hub id, local directory, GGUF file, or smollm2.")] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="Text: file, folder or datasets:NAME; may be given again. Default: bundled text."),
    ] = None,
    hook: Annotated[str | None, typer.Option(help="Hook point; default: residual stream, middle.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of SAE.")] = None,
    d_sae: Annotated[int | None, typer.Option(help="Number of features.")] = None,
    k: Annotated[int | None, typer.Option(help="Features a position may have.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Tokens of text to take.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Time that there is.")] = None,
    memory_gb: Annotated[
        float | None, typer.Option(help="Memory that there is, in 10^9 bytes; default: this machine's.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what a run would take here, stage by stage, and what would fit. Makes nothing; measures for some seconds."""
    from monosema import pipeline

    starting = process_time()  # a run starts as this did
    found = pipeline.plan(
        None if study is None else pipeline.open_study(study),
        model=model,
        sources=corpus,
        sae={"hook": hook, "kind": kind, "d_sae": d_sae, "k": k},
        tokens=tokens,
        minutes=minutes,
        memory_gb=memory_gb,
        starting=starting,
    )
    if json:
        print_json(found.to_dict())
        return
    rows = [
        [
            one.stage,
            f"{one.memory_gb:.2f}",
            f"{one.cache_gb:.2f}",
            f"{one.seconds:,.0f}",
            f"{one.disk_gb:.2f}",
        ]
        for one in found.stages
    ]
    total = ["in all", f"{found.memory_gb:.2f}", "", f"{found.seconds:,.0f}", f"{found.disk_gb:.2f}"]
    columns = ["stage", "memory (GB)", "of it file cache", "seconds", "disk (GB)"]
    saes = "1 SAE" if found.saes == 1 else f"{found.saes} SAEs"
    about = f"{saes}, {found.d_sae:,} features, {found.tokens:,} tokens (estimates)"
    print_table(about, columns, [*rows, total])
    for sentence in _sentences(found):
        print(sentence)


def _sentences(found: Forecast) -> list[str]:
    """What dominates, what is guessed, and what would fit."""
    said = [f"{found.longest} takes longest, {found.largest} holds most memory"]
    if found.assumed_l0 is not None:
        said.append(
            "without a k or target_l0 it is training that finds how many features a position has: told for "
            f"{found.assumed_l0}; with more of them, training and index take more seconds and memory"
        )
    if found.fits is None:
        return said
    limit = found.limit
    there = {
        "memory": f"memory ({limit.memory_gb:.3g} GB)",
        "minutes": f"time ({limit.minutes or 0:g} minutes)",
        "disk": f"disk ({limit.disk_gb:.3g} GB free)",
    }
    said.append(f"more than there is: {', '.join(there[name] for name in found.exceeded)}")
    fits = {"d_sae": found.fits.d_sae, "tokens": found.fits.tokens}
    ways = [f"{name} = {value}" for name, value in fits.items() if value is not None]
    less = "neither fewer features nor fewer tokens alone are enough; lower both, or take a smaller model"
    said.append(f"what would fit: {' or '.join(ways)}" if ways else less)
    return said
