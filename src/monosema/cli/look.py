"""`index`, `find`, `show`, `neighbours`: every feature of a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from monosema.cli.output import Json, print_json, print_table, reporter, say, stoppable
from monosema.cli.run import Remake, StudyPath, Workers
from monosema.errors import UsageError

SAEName = Annotated[str, typer.Option("--sae", help="Name among [saes] of study.toml.")]
FeatureNumber = Annotated[int, typer.Argument(help="Number of a feature.", metavar="FEATURE")]
Count = Annotated[int, typer.Option("-n", help="How many to show.", min=1)]
HEAT = ("#FEEBD3", "#FDD0A2", "#FDAE6B", "#FD8D3C", "#F16913")
WIDTH_OF_VALUE = 13
BARS = " ▁▂▃▄▅▆▇█"
TOKENS = 6
"""Tokens that `show` tells of."""
FIGURES = "Figures, alone or beside another way"
"""Heading of the options of `find` that say what the index must have counted."""


def _bounded(what: str) -> Any:
    """An option with a least and a largest value."""
    return typer.Option(help=what, metavar="LEAST:LARGEST", rich_help_panel=FIGURES)


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


def find(
    study: StudyPath,
    on: Annotated[
        list[str] | None, typer.Option(help="Text that should fire it; may be given again.")
    ] = None,
    off: Annotated[list[str] | None, typer.Option(help="Text that should not; may be given again.")] = None,
    token: Annotated[str | None, typer.Option(help="Token that it should fire on (mind the blank).")] = None,
    tag: Annotated[str | None, typer.Option(help="Tag (concept) whose spans it should fire in.")] = None,
    text: Annotated[str | None, typer.Option(help="Words of its name, tokens, tags or note.")] = None,
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
        "text": text,
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
    print_table("", ["feature", "score", "name", "fires on", "why"], rows)
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
