"""`show`, `neighbours`: one feature, where it fires, and what is like it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from monosema.cli.output import Json, print_json, print_table, say
from monosema.cli.run import SAEName, StudyPath

FeatureNumber = Annotated[int, typer.Argument(help="Number of a feature.", metavar="FEATURE")]
Count = Annotated[int, typer.Option("-n", help="How many to show.", min=1)]
HEAT = ("#FEEBD3", "#FDD0A2", "#FDAE6B", "#FD8D3C", "#F16913")
WIDTH_OF_VALUE = 13
BARS = " ▁▂▃▄▅▆▇█"
TOKENS = 6
"""Tokens at which it fires that are told."""


def show(
    study: StudyPath,
    feature: FeatureNumber,
    sae: SAEName = "main",
    n: Count = 8,
    json: Json = False,
) -> None:
    """Show a feature: figures, tokens that it promotes, where it fires most and at random, neighbours, notes."""
    from monosema import pipeline
    from monosema.index.firing import firings_by_token

    opened = pipeline.open_study(study)
    features = opened.index(sae)
    card = features.feature(feature)
    names = pipeline.names_of(opened, sae)
    said = pipeline.note(opened, feature, sae=sae)
    by_token = firings_by_token(features, feature).rows(TOKENS)
    tokens = [one | {"text": features.texts.alone(int(one["token"]))} for one in by_token]
    top = features.top(feature, n)
    lower = {number: features.interval(feature, number) for number in (7, 4, 1)}
    if json:
        contexts = {"top": [asdict(one) for one in top]}
        contexts |= {f"interval {number}": [asdict(one) for one in some] for number, some in lower.items()}
        name = asdict(names[feature])
        told = {"feature": asdict(card), "name": name, "note": said.text, "tokens": tokens}
        print_json(told | {"contexts": contexts})
        return
    console = Console(highlight=False)
    console.print(f"[bold]feature {card.number}[/bold]  fires at {card.density:.3%} of positions ({card.count}), "
                  f"mean {card.mean:.3g}, largest {card.maximum:.3g}  {_histogram(card.histogram)}")  # fmt: skip
    _said(console, names.by_rule(feature), said)
    if card.count:
        at = (f"{one['text']!r} {one['share']:.0%} ({one['count']} of {one['positions']})" for one in tokens)
        console.print(
            f"fires at    {', '.join(at)}: share of its activation (firings of positions)", markup=False
        )
        console.print(f"seen        first in document {card.first_document}, last in {card.last_document}")
    console.print(f"promotes    {_tokens(card.promoted)}", markup=False)
    console.print(f"suppresses  {_tokens(card.suppressed)}", markup=False)
    console.print(f"neighbours  {', '.join(f'{one} ({cosine:.2f})' for one, cosine in card.neighbours)}\n")
    _contexts(console, "fires most on", top, card.maximum)
    for number, some in lower.items():
        _contexts(console, f"at {number * 10} to {number * 10 + 10}% of its largest", some, card.maximum)


def neighbours(
    study: StudyPath,
    feature: FeatureNumber,
    sae: SAEName = "main",
    across: Annotated[
        str | None,
        typer.Option(help="Another name among [saes], at the same hook point, to look for neighbours in."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the features whose directions are most like one's, in its own autoencoder or in another."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    if across is None:
        near, chance = opened.index(sae).feature(feature).neighbours, None
    else:
        near, chance = pipeline.neighbours_across(opened, feature, across, sae=sae)
    if json:
        listed = [{"feature": one, "cosine": cosine} for one, cosine in near]
        print_json({"neighbours": listed} | ({} if chance is None else {"sae": across, "chance": chance}))
        return
    made = (opened.place("index", across or sae) / "manifest.json").is_file()
    features = opened.index(across or sae) if made else None
    rows = [[str(one), f"{cosine:.3f}", peaks(features, one) if features else ""] for one, cosine in near]
    print_table("", ["feature", "cosine", "fires on"], rows)
    if chance is not None:
        say(f"of as many even random directions 1 feature in 100 would have one within {chance:.2f}")


def peaks(features: Any, feature: int, n: int = 4) -> str:
    """What a feature fires on most: the end of its best contexts, up to the peak."""
    contexts = features.top(feature, n)
    ends = ["".join(one.tokens[max(one.peak - 3, 0) : one.peak + 1]).strip() for one in contexts]
    return " | ".join(dict.fromkeys(" ".join(end.split()) for end in ends)) or "(never fired)"


def _said(console: Console, rule: Any, said: Any) -> None:
    """What a feature is called, by a person first, and the note on it."""
    by_rule = f"{rule.text} (by rule: {rule.rule}, {rule.confidence:.2f})"
    if said.name:
        console.print(f"name        {said.name} (by a person)", markup=False)
    console.print(f"{'by rule' if said.name else 'name':12}{by_rule}", markup=False)
    if said.text:
        console.print(f"note        {indented(said.text, 12)}", markup=False)


def indented(text: str, by: int) -> str:
    """Lines of a note below each other, all but the first after so many blanks."""
    return text.replace("\n", "\n" + by * " ")


def _tokens(pairs: tuple[tuple[str, float], ...]) -> str:
    tokens = "  ".join(repr(token)[1:-1] for token, _ in pairs)
    return tokens or "no tokens: from its hook point no linear map leads to the logits"


def _histogram(counts: tuple[int, ...]) -> str:
    most = max(counts) or 1
    used = [place for place, count in enumerate(counts) if count]
    shown = counts[used[0] : used[-1] + 1] if used else ()
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in shown)


def _contexts(console: Console, title: str, contexts: list[Any], maximum: float) -> None:
    """One line a context, peaks below each other; one that repeats another up to its peak is counted, not shown."""
    if not contexts:
        return
    console.print(f"[bold]{title}[/bold]")
    before = (console.width - WIDTH_OF_VALUE) // 2
    shown: dict[str, list[Any]] = {}
    for context in contexts:
        shown.setdefault("".join(context.tokens[: context.peak + 1]), []).append(context)
    for same in shown.values():
        times = f" x{len(same)}" if len(same) > 1 else ""
        console.print(_line(same[0], maximum, before, times), no_wrap=True, overflow="ellipsis")
    console.print()


def _line(context: Any, maximum: float, before: int, times: str) -> Text:
    left, right = Text(), Text()
    for place, (token, value) in enumerate(zip(context.tokens, context.activations, strict=True)):
        share = value / maximum if maximum else 0.0
        part = left if place < context.peak else right
        part.append(token.replace("\n", "⏎"), style=_heat(share, place == context.peak))
    if len(left) > before:
        left = Text("…") + left[len(left) - before + 1 :]
    left.pad_left(before - len(left))
    return Text(f"{context.value:8.3g}{times:4s} ") + left + right


def _heat(share: float, peak: bool) -> str:
    """Style of a token by its share of the feature's largest activation; the peak is underlined, too."""
    if share <= 0:
        return ""
    shade = HEAT[min(int(share * len(HEAT)), len(HEAT) - 1)]
    return f"#1A1A1F on {shade}{' underline' if peak else ''}"
