"""`init`: write the study.toml of a new study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monosema.cli.output import Json, print_json, say


def init(
    study: Annotated[Path, typer.Argument(help="Folder to make.", metavar="STUDY")],
    model: Annotated[str, typer.Option(help="Hub id, local directory, GGUF file, or smollm2.")] = "smollm2",
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="Text: file, folder or datasets:NAME; may be given again. Default: bundled text."),
    ] = None,
    hook: Annotated[
        str | None,
        typer.Option(help="Hook point; default: residual stream, middle. Several (A+B) make a crosscoder."),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Hook point that a transcoder writes, such as mlp_out.9 for mlp_in.9.")
    ] = None,
    sae: Annotated[
        str | None,
        typer.Option(help="An SAE to take over instead of training one: SAELens, Gemma Scope or our own."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="What training starts from: an SAE of any format that is read here, or data."
        ),
    ] = None,
    d_sae: Annotated[int | None, typer.Option(help="Number of features.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="topk, batchtopk, matryoshka, matryoshka_topk, l1, jumprelu, tanh or gated."),
    ] = None,
    k: Annotated[
        int | None, typer.Option(help="Features a position may have (topk, batchtopk, ...).")
    ] = None,
    tokens: Annotated[int | None, typer.Option(help="Tokens of text to take.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Time that a run may take here; tokens and d-sae, unless given, are fitted to it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the study.")] = 0,
    json: Json = False,
) -> None:
    """Write STUDY/study.toml: which model, which text, which sparse autoencoder."""
    from monosema import pipeline

    asked = {
        "hook": hook,
        "output": output,
        "file": sae,
        "start": start,
        "kind": kind,
        "d_sae": d_sae,
        "k": k,
    }
    made = pipeline.init(
        study, model=model, sources=corpus or [], sae=asked, tokens=tokens, minutes=minutes, seed=seed
    )
    if json:
        print_json({"study": made.name, "settings": made.settings})
        return
    say(f"wrote {made.toml}; change it as you like, then: monosema run {study}")
