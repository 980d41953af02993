"""`dose`, `steer`, `chat`: make the model speak of a concept."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from monosema.cli.look import SAEName
from monosema.cli.output import Json, print_json, print_table, reporter, say
from monosema.cli.run import Remake, StudyPath

ConceptName = Annotated[str | None, typer.Option("--concept", help="Concept of the catalogue, by its id.")]
Feature = Annotated[int | None, typer.Option("--feature", help="Number of a feature.")]
Multiple = Annotated[
    float | None,
    typer.Option(
        "--dose", help="With a feature: multiple of its largest activation (2); else of the dose (1)."
    ),
]
Tokens = Annotated[int, typer.Option(help="Most tokens of an answer.", min=1)]
Seed = Annotated[int, typer.Option(help="Seed of the choice of words.")]


def dose(
    study: StudyPath,
    concept: Annotated[str, typer.Argument(help="Concept of the catalogue, by its id.", metavar="CONCEPT")],
    feature: Annotated[
        list[int] | None, typer.Option(help="Feature to try, best first; may be given again.")
    ] = None,
    sae: SAEName = "main",
    remake: Remake = False,
    json: Json = False,
) -> None:
    """Search how strongly to steer so that the concept shows and the text stays fluent; keep it for chat."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    curve = pipeline.dose(opened, concept, sae=sae, features=feature, remake=remake, reporter=reporter(json))
    if json:
        print_json(curve.to_dict())
        return
    rows = [_row(point) for point in curve.points]
    print_table(
        f"{concept}: named by {curve.plain:.0%} of plain answers",
        ["features", "x maximum", "names it", "fluent", "both", ""],
        rows,
    )
    best = curve.best
    if best.both <= curve.plain:
        say("no dose made the model name it more often, in fluent text, than it does by itself")
        return
    say(
        f"chosen: {len(best.dose.features)} feature(s) at {best.dose.multiple:g} x maximum; names it in fluent text "
        f"in {best.both:.0%} of {best.n} answers to the prompts of the search"
    )
    say(f"next: monosema chat {study} --concept {concept}")


def _row(point: Any) -> list[str]:
    features = ", ".join(map(str, point.dose.features))
    bar = "█" * round(20 * point.both)
    return [
        features,
        f"{point.dose.multiple:g}",
        f"{point.named:.2f}",
        f"{point.fluent:.2f}",
        f"{point.both:.2f}",
        bar,
    ]


def steer(
    study: StudyPath,
    prompts: Annotated[list[str], typer.Argument(help="What to say to the model.", metavar="PROMPT...")],
    concept: ConceptName = None,
    feature: Feature = None,
    multiple: Multiple = None,
    sae: SAEName = "main",
    tokens: Tokens = 80,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Answer prompts plainly, steered, and with random features of the same norm."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    answers = pipeline.answer(
        opened, prompts, concept=concept, feature=feature, multiple=multiple, sae=sae,
        max_new_tokens=tokens, seed=seed, reporter=reporter(json),
    )  # fmt: skip
    if json:
        print_json({"prompts": prompts, "answers": answers})
        return
    for number, prompt in enumerate(prompts):
        print(f"\n> {prompt}")
        for name, texts in answers.items():
            print(f"\n[{name}] {texts[number].strip()}")


def chat(
    study: StudyPath,
    concept: ConceptName = None,
    feature: Feature = None,
    multiple: Multiple = None,
    sae: SAEName = "main",
    tokens: Tokens = 120,
    seed: Seed = 0,
) -> None:
    """Talk to the steered model, line by line; an empty line or Ctrl-D ends it. The plain answer stands beside."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    talk = pipeline.Talk(
        opened, concept=concept, feature=feature, multiple=multiple, sae=sae, reporter=reporter(False)
    )
    say("say something (an empty line ends the chat)")
    for turn, line in enumerate(iter(_line, "")):
        for name, text in talk.answer(line, max_new_tokens=tokens, seed=seed + turn).items():
            print(f"[{name}] {text}\n", flush=True)


def _line() -> str:
    if sys.stdin.isatty():
        print("> ", end="", flush=True)
    return sys.stdin.readline().strip()
