"""`dose`, `steer`, `chat`: make the model speak of a concept."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from monosema.cli.output import Json, print_json, print_table, reporter, say
from monosema.cli.run import Remake, SAEName, StudyPath
from monosema.errors import UsageError

ConceptName = Annotated[str | None, typer.Option("--concept", help="Concept of the catalogue, by its id.")]
Features = Annotated[
    list[str] | None,
    typer.Option("--feature", help="Number of a feature, or NUMBER:WEIGHT; may be given again for a set."),
]
Multiple = Annotated[
    float | None,
    typer.Option(
        "--dose",
        help="With features: multiple of the largest activation (2; of a set .75 for each, times its weight); "
        "with a concept: of its dose (1).",
    ),
]
Operation = Annotated[
    str | None,
    typer.Option(
        help="clamp, raise, add, scale or ablate; default: clamp one feature, add to those of a set."
    ),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Let --dose be an activation, no multiple of the largest one.")
]
Where = Annotated[
    str | None, typer.Option(help="Where features are edited: all, prompt, answer or fading (all).")
]
PLACES = {
    "all": "everywhere",
    "prompt": "on the prompt",
    "answer": "on the answer",
    "fading": "a third after the prompt",
}
"""Where an edit acts, in words."""
SHOWN = 3
"""Features of a set that are named in a row."""
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
    from monosema.pipeline.asked import sae_option

    opened = pipeline.open_study(study)
    curve = pipeline.dose(opened, concept, sae=sae, features=feature, remake=remake, reporter=reporter(json))
    if json:
        print_json(curve.to_dict())
        return
    rows = [_row(point) for point in curve.points]
    print_table(
        f"{concept}: named by {curve.plain:.0%} of plain answers",
        ["names it", "fluent", "both", "", "where", "features, x their maximum"],
        rows,
    )
    best = curve.best
    if not curve.shows:
        say("no dose made the model name it more often, in fluent text, than it does by itself")
        return
    say(
        f"chosen: {_in_words(best.dose)}, {PLACES[best.dose.positions]}; names it in fluent text in {best.both:.0%} of "
        f"{best.n} answers to the prompts of the search; the best single feature in {curve.single.both:.0%}"
    )
    say(f"next: monosema chat {study} --concept {concept}{sae_option(sae)}")


def _row(point: Any) -> list[str]:
    bar = "█" * round(10 * point.both)
    shares = [f"{share:.2f}" for share in (point.named, point.fluent, point.both)]
    return [*shares, bar, PLACES[point.dose.positions], _in_words(point.dose)]


def _in_words(dose: Any) -> str:
    """The features of a dose, heaviest first, each at a multiple of its maximum."""
    each = [
        f"{feature} x{dose.multiple * weight:.2g}"
        for feature, weight in zip(dose.features[:SHOWN], dose.weights, strict=False)
    ]
    more = len(dose.features) - len(each)
    return ", ".join(each) + (f" and {more} more" if more else "")


def steer(
    study: StudyPath,
    prompts: Annotated[list[str], typer.Argument(help="What to say to the model.", metavar="PROMPT...")],
    concept: ConceptName = None,
    feature: Features = None,
    multiple: Multiple = None,
    operation: Operation = None,
    raw: Raw = False,
    where: Where = None,
    sae: SAEName = "main",
    tokens: Tokens = 80,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Answer prompts plainly, steered, and with random features of the same norm."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    edits = _edits(opened, concept, feature, multiple, operation, raw, where, sae, json=json)
    answers = pipeline.answer(opened, prompts, edits, sae=sae, max_new_tokens=tokens, seed=seed)
    if "random" not in answers:
        say(
            "no random features beside it: what this edit changes depends on the text, so they cannot match it"
        )
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
    feature: Features = None,
    multiple: Multiple = None,
    operation: Operation = None,
    raw: Raw = False,
    where: Where = None,
    sae: SAEName = "main",
    tokens: Tokens = 120,
    seed: Seed = 0,
) -> None:
    """Talk to the steered model, line by line; an empty line or Ctrl-D ends it. The plain answer stands beside."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    edits = _edits(opened, concept, feature, multiple, operation, raw, where, sae, json=False)
    talk = pipeline.Talk(opened, edits, sae=sae)
    say("say something (an empty line ends the chat)")
    for turn, line in enumerate(iter(_line, "")):
        try:
            said = talk.answer(line, max_new_tokens=tokens, seed=seed + turn)
        except UsageError as error:
            say(f"{error}; this line was left out: say less, or start another chat")
            continue
        for name, text in said.items():
            print(f"[{name}] {text}\n", flush=True)


def _edits(
    opened: Any,
    concept: str | None,
    feature: list[str] | None,
    multiple: float | None,
    operation: str | None,
    raw: bool,
    where: str | None,
    sae: str,
    *,
    json: bool,
) -> Any:
    """What the options ask to steer with; a dose that was not searched yet is."""
    from monosema import pipeline

    return pipeline.edits_for(
        opened,
        concept=concept,
        features=_weights(feature),
        multiple=multiple,
        operation=operation,
        raw=raw,
        where=where,
        sae=sae,
        reporter=reporter(json),
        say=say,
    )


def _weights(features: list[str] | None) -> dict[int, float]:
    """`12` or `12:0.7` for each feature."""
    found = {}
    for text in features or []:
        number, _, weight = text.partition(":")
        try:
            found[int(number)] = float(weight or 1)
        except ValueError:
            raise UsageError(
                f"--feature is {text!r}; expected a number, or NUMBER:WEIGHT such as 12:0.7"
            ) from None
    return found


def _line() -> str:
    if sys.stdin.isatty():
        print("> ", end="", flush=True)
    return sys.stdin.readline().strip()
