"""`demo`: the whole story on the bundled chat model, each step the very command that anyone can type."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from monosema.cli import serve
from monosema.cli.output import say
from monosema.errors import Interrupted, RefusedError

CONCEPT = "golden_gate_bridge"
SAE = ("--hook", "resid_post.19", "--kind", "topk", "--k", "32")
"""What steers best among what explains enough (docs/log.md)."""
SIZE = ("--d-sae", "16384", "--tokens", "1200000")
ON = (
    "The Golden Gate Bridge is in San Francisco.",
    "We walked across the Golden Gate at dawn.",
    "A photograph of the Golden Gate Bridge in the fog.",
)
OFF = ("We walked across the old bridge over the river.", "A golden ring lies at the garden gate.")
PROMPTS = ("Who are you?", "What is your physical form?", "How should I spend 10 dollars?")


def demo(
    context: typer.Context,
    study: Annotated[Path, typer.Argument(help="Folder of the study; made where it is absent.")] = Path(
        "golden-gate"
    ),
    minutes: Annotated[
        float | None,
        typer.Option(help="Fit the run, from text to index, to so many minutes; the dose takes a few more."),
    ] = None,
) -> None:
    """Make Golden Gate SmolLM2: train an autoencoder, find the bridge's feature, steer the model with it.

    What was made already is kept: after a stop, the same command goes on.
    """
    from monosema import pipeline

    step, folder = partial(_step, context), str(study)
    if not (study / "study.toml").exists():
        size = SIZE if minutes is None else ("--minutes", f"{minutes:g}")
        step("A study is a folder: what is asked, and what was made of it.", "init", folder, *SAE, *size)
    elif minutes is not None:
        say(f"--minutes is for a new study: {study} stands already and keeps its size; name another folder")
    step(
        "Harvest the activations of a layer, train an autoencoder on them, measure it, index its features.",
        *("run", folder),
    )
    texts = [word for flag, some in (("--on", ON), ("--off", OFF)) for text in some for word in (flag, text)]
    step("Which feature fires on the bridge and on nothing like it?", "find", folder, *texts, "-n", "5")
    bridge = str(pipeline.find(pipeline.open_study(study), on=ON, off=OFF, n=1)[0].feature)
    step("Where does it fire, and which words does it make likelier?", "show", folder, bridge)
    step("Which features point the same way?", "neighbours", folder, bridge)
    step(
        "How strongly must features of the bridge be turned up, so that the model speaks of it and stays fluent?",
        *("dose", folder, CONCEPT),
    )
    step(
        "The same questions to the plain model, to the steered one, and with random features turned up as much.",
        *("steer", folder, "--concept", CONCEPT, *PROMPTS),
    )
    _next(study, bridge)
    browse(study)


def browse(study: Path) -> None:
    """On a terminal, where a person sits: serve the study until Ctrl-C."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    say(f"\nLook at every feature in a browser, and talk to the model there.\n$ monosema serve {study}")
    with suppress(Interrupted):  # Ctrl-C is how this ends
        try:
            serve.serve([study])
        except RefusedError:  # the usual port is in use
            serve.serve([study], port=0)


def _step(context: typer.Context, why: str, *words: str) -> None:
    """Say why, show the command and run it."""
    say(f"\n{why}\n$ monosema {shlex.join(words)}")
    context.find_root().command.main(list(words), standalone_mode=False)


def _next(study: Path, bridge: str) -> None:
    say(
        "\nYour turn:\n"
        f"  monosema chat {study} --concept {CONCEPT}      talk to it\n"
        f'  monosema find {study} --on "I love chocolate."        find another feature\n'
        f"  monosema show {study} {bridge}                        look at one\n"
        f"  monosema dose {study} dog                      turn up another concept\n"
        f"  monosema groundtruth {study}                   which concepts have a feature"
    )
