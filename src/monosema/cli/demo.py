"""`demo`: the whole story on the bundled chat model, each step by the verb that anyone can type."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from monosema.cli import act, init, look, run, serve
from monosema.cli.output import say
from monosema.errors import Interrupted, RefusedError

CONCEPT = "golden_gate_bridge"
HOOK, D_SAE, TOKENS = "resid_post.19", 16384, 1_200_000
KIND, K, START = "batchtopk", 31, "data"
"""What steered best, and was explained best, in the time that a demo may take (docs/log.md)."""
ON = (
    "The Golden Gate Bridge is in San Francisco.",
    "We walked across the Golden Gate at dawn.",
    "A photograph of the Golden Gate Bridge in the fog.",
)
OFF = ("We walked across the old bridge over the river.", "A golden ring lies at the garden gate.")
PROMPTS = ("Who are you?", "What is your physical form?", "How should I spend 10 dollars?")


def demo(
    study: Annotated[Path, typer.Argument(help="Folder of the study; made where it is absent.")] = Path(
        "golden-gate"
    ),
    minutes: Annotated[
        float | None, typer.Option(help="Fit text and features to so many minutes of this machine.")
    ] = None,
) -> None:
    """Make Golden Gate SmolLM2: train an autoencoder, find the bridge's feature, steer the model with it.

    What was made already is kept: after a stop, the same command goes on.
    """
    from monosema import pipeline

    if not (study / "study.toml").exists():
        size = f"--d-sae {D_SAE} --tokens {TOKENS}" if minutes is None else f"--minutes {minutes:g}"
        _step(
            f"monosema init {study} --hook {HOOK} --kind {KIND} --k {K} --from {START} {size}",
            "A study is a folder: what is asked, and what was made of it.",
        )
        init.init(
            study,
            hook=HOOK,
            kind=KIND,
            k=K,
            start=START,
            d_sae=D_SAE if minutes is None else None,
            tokens=TOKENS if minutes is None else None,
            minutes=minutes,
        )
    _step(
        f"monosema run {study}",
        "Harvest the activations of a layer, train an autoencoder on them, measure it, index its features.",
    )
    run.run(study)
    texts = [part for flag, some in (("--on", ON), ("--off", OFF)) for text in some for part in (flag, text)]
    _step(
        f"monosema find {study} {shlex.join(texts)}",
        "Which feature fires on the bridge and on nothing like it?",
    )
    look.find(study, on=list(ON), off=list(OFF), n=5)
    opened = pipeline.open_study(study)
    bridge = pipeline.find(opened, on=ON, off=OFF, n=1)[0].feature
    _verb(look.show, study, bridge, "Where does it fire, and which words does it make likelier?")
    _verb(look.neighbours, study, bridge, "Which features point the same way?")
    _step(
        f"monosema dose {study} {CONCEPT}",
        "How strongly must features of the bridge be turned up, so that the model speaks of it and stays fluent?",
    )
    act.dose(study, CONCEPT)
    _step(
        f"monosema steer {study} --concept {CONCEPT} {shlex.join(PROMPTS)}",
        "The same questions to the plain model, to the steered one, and with random features turned up as much.",
    )
    act.steer(study, list(PROMPTS), concept=CONCEPT)
    _next(study, bridge)
    browse(study)


def browse(study: Path) -> None:
    """On a terminal, where a person sits: serve the study until Ctrl-C."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    _step(f"monosema serve {study}", "Look at every feature in a browser, and talk to the model there.")
    with suppress(Interrupted):  # Ctrl-C is how this ends
        try:
            serve.serve([study])
        except RefusedError:  # the usual port is in use
            serve.serve([study], port=0)


def _verb(verb: Callable[[Path, int], None], study: Path, feature: int, why: str) -> None:
    _step(f"monosema {verb.__name__} {study} {feature}", why)
    verb(study, feature)


def _step(command: str, why: str) -> None:
    say(f"\n{why}\n$ {command}")


def _next(study: Path, bridge: int) -> None:
    say(
        "\nYour turn:\n"
        f"  monosema chat {study} --concept {CONCEPT}      talk to it\n"
        f'  monosema find {study} --on "I love chocolate."        find another feature\n'
        f"  monosema show {study} {bridge}                        look at one\n"
        f"  monosema dose {study} dog                      turn up another concept\n"
        f"  monosema groundtruth {study}                   which concepts have a feature"
    )
