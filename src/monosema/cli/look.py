"""`index`, `find`, `show`, `neighbours`: every feature of a study."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from monosema.cli.output import Json, print_json, print_table, reporter, say, stoppable
from monosema.cli.run import Remake, StudyPath

SAEName = Annotated[str, typer.Option("--sae", help="Name among [saes] of study.toml.")]
FeatureNumber = Annotated[int, typer.Argument(help="Number of a feature.", metavar="FEATURE")]
Count = Annotated[int, typer.Option("-n", help="How many to show.", min=1)]
HEAT = ("#FEEBD3", "#FDD0A2", "#FDAE6B", "#FD8D3C", "#F16913")
WIDTH_OF_VALUE = 13
BARS = " ▁▂▃▄▅▆▇█"


def index(study: StudyPath, remake: Remake = False, json: Json = False) -> None:
    """Collect where every feature fires, on all text that the autoencoder was trained on."""
    from monosema import pipeline

    with stoppable() as stop:
        opened = pipeline.open_study(study)
        made = pipeline.run(
            opened, goal="index", remake=remake, verb="index", reporter=reporter(json), stop=stop, say=say
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
    sae: SAEName = "main",
    n: Count = 10,
    json: Json = False,
) -> None:
    """Find features by texts, by a token or by a tag; narrow ones first."""
    from monosema import pipeline

    opened = pipeline.open_study(study)
    found = pipeline.find(opened, on=on or [], off=off or [], token=token, tag=tag, sae=sae, n=n)
    together = pipeline.as_set(found)
    if json:
        print_json({"features": [asdict(one) for one in found], "set": together})
        return
    features = opened.index(sae)
    rows = [[str(one.feature), f"{one.score:.3g}", _peaks(features, one.feature), one.why] for one in found]
    print_table("", ["feature", "score", "fires on", "why"], rows)
    if found:
        say(f"next: monosema show {study} {found[0].feature}")
    if len(together) > 1:
        flags = " ".join(f"--feature {feature}:{weight:g}" for feature, weight in together.items())
        say(f"several may share it; steer with all of them: monosema steer {study} 'Who are you?' {flags}")


def show(
    study: StudyPath,
    feature: FeatureNumber,
    sae: SAEName = "main",
    n: Count = 8,
    json: Json = False,
) -> None:
    """Show a feature: figures, tokens that it promotes, where it fires most and at random, neighbours."""
    from monosema import pipeline

    features = pipeline.open_study(study).index(sae)
    card = features.feature(feature)
    top = features.top(feature, n)
    lower = {number: features.interval(feature, number) for number in (7, 4, 1)}
    if json:
        contexts = {"top": [asdict(one) for one in top]}
        contexts |= {f"interval {number}": [asdict(one) for one in some] for number, some in lower.items()}
        print_json({"feature": asdict(card), "contexts": contexts})
        return
    console = Console(highlight=False)
    console.print(f"[bold]feature {card.number}[/bold]  fires at {card.density:.3%} of positions ({card.count}), "
                  f"mean {card.mean:.3g}, largest {card.maximum:.3g}  {_histogram(card.histogram)}")  # fmt: skip
    console.print(f"promotes    {_tokens(card.promoted)}", markup=False)
    console.print(f"suppresses  {_tokens(card.suppressed)}", markup=False)
    console.print(f"neighbours  {', '.join(f'{one} ({cosine:.2f})' for one, cosine in card.neighbours)}\n")
    _contexts(console, "fires most on", top, card.maximum)
    for number, some in lower.items():
        _contexts(console, f"at {number * 10} to {number * 10 + 10}% of its largest", some, card.maximum)


def neighbours(study: StudyPath, feature: FeatureNumber, sae: SAEName = "main", json: Json = False) -> None:
    """Show the features whose directions are most like one's."""
    from monosema import pipeline

    features = pipeline.open_study(study).index(sae)
    near = features.feature(feature).neighbours
    if json:
        print_json({"neighbours": [{"feature": one, "cosine": cosine} for one, cosine in near]})
        return
    rows = [[str(one), f"{cosine:.3f}", _peaks(features, one)] for one, cosine in near]
    print_table("", ["feature", "cosine", "fires on"], rows)


def _peaks(features: Any, feature: int, n: int = 4) -> str:
    """What a feature fires on most: the end of its best contexts, up to the peak."""
    contexts = features.top(feature, n)
    peaks = ["".join(one.tokens[max(one.peak - 3, 0) : one.peak + 1]).strip() for one in contexts]
    return " | ".join(dict.fromkeys(" ".join(peak.split()) for peak in peaks)) or "(never fired)"


def _tokens(pairs: tuple[tuple[str, float], ...]) -> str:
    return "  ".join(repr(token)[1:-1] for token, _ in pairs)


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
