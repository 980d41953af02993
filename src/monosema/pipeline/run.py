"""What the verbs call: make a study, run it, tell how it stands, and give its figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tomlkit

from monosema.allocator import give_back_freed_memory
from monosema.artifact import NOTE, Artifact, draft_place, drafting, reopen
from monosema.errors import RefusedError, UsageError, lookup
from monosema.files import atomic_file
from monosema.models import canonical_name, describe_model, points_of
from monosema.pipeline.asked import Asked
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.read_asked import located, read_asked
from monosema.pipeline.stages import STAGES, Stage
from monosema.pipeline.sweep import expand
from monosema.pipeline.table import EVALUATION, figure_table
from monosema.pipeline.work import Work, never, unheard
from monosema.progress import Reporter
from monosema.sae import config_of
from monosema.study import TOML, Status, Study
from monosema.training import DATA, RANDOM

BUNDLED = {"sources": ["world:library"], "concepts": "world"}
"""The corpus of a study that names no text of its own."""


def open_study(path: Path | str) -> OpenStudy:
    """Open a study and check its settings."""
    study = OpenStudy(path)
    read_asked(study.settings, study.path)
    return study


def init(
    path: Path | str,
    *,
    model: str = "smollm2",
    sources: list[str] | None = None,
    sae: Mapping[str, Any] | None = None,
    tokens: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
) -> OpenStudy:
    """Make a study: write its study.toml with what was given and leave the rest to the defaults.

    With `minutes`, a run fits that time on the machine where it is planned: tokens, and d_sae of `sae`, are
    chosen for it unless given.

    The hook point is, unless given, that of the SAE in `file` or `start` of `sae` where one is given, else the residual
    stream after the middle layer (C1). Paths are kept relative
    to the study where they lie inside it. Raises `UsageError` for an unknown model or hook point.
    """
    folder = Path(path)
    given = {key: value for key, value in (sae or {}).items() if value is not None}
    facts = describe_model(model)
    hook = canonical_name(given.pop("hook")) if "hook" in given else None
    for key in ("file", "start"):
        if key in given and given[key] not in (DATA, RANDOM):
            given[key] = _kept(str(given[key]), folder)
            hook = hook or canonical_name(config_of(located(given[key], folder)).input)
    hook = hook or str(facts.middle)
    for point in points_of(hook):
        point.check(facts.n_layers)
    text = tomlkit.document()
    text.add(tomlkit.comment(f"What this study asks. Make it with: monosema run {folder.name}"))
    settings: dict[str, Any] = {
        "seed": seed,
        **({} if minutes is None else {"minutes": minutes}),
        "models": {"main": {"source": _kept(model, folder)}},
        "corpora": {"main": {"sources": [_kept(one, folder) for one in sources]} if sources else {**BUNDLED}},
        "saes": {"main": {"hook": hook, **given}},
    }
    if tokens is not None:
        settings["corpora"]["main"]["tokens"] = tokens
    read_asked(settings, folder)
    text.update(settings)
    return OpenStudy.create(folder, tomlkit.dumps(text))


def set_start(study: OpenStudy, start: str, *, sae: str | None = None, remake: bool = False) -> None:
    """Write into study.toml what its SAEs that are trained start from: the path of an SAE, "data" or "random".

    `sae`: NAME of the one table `[saes.NAME]` that it is written into; None: all that are trained. Raises `UsageError`
    where it is none of these or does not fit, and `RefusedError`, unless `remake`, where an SAE was made or begun that
    starts otherwise; study.toml is left as it is then.
    """
    text = tomlkit.parse(study.toml.read_text(encoding="utf-8"))
    tables: Any = text["saes"]
    trained = {name: table for name, table in tables.items() if "file" not in table}
    chosen = trained if sae is None else {sae: lookup(trained, sae, f"trained SAE in {TOML}")}
    for table in chosen.values():
        table["start"] = _kept(start, study.path)
    settings = text.unwrap()
    read_asked(settings, study.path)
    if not remake:
        _check_start(study, settings, chosen)
    with atomic_file(study.toml) as temporary:
        temporary.write_text(tomlkit.dumps(text), encoding="utf-8")


def _check_start(study: Study, settings: dict[str, Any], tables: Container[str]) -> None:
    """Raise `RefusedError` where an SAE of these tables was made or begun by other settings than these."""
    asking = Study(study.path)
    asking.settings = settings
    work = Work(asking)
    for name, one in expand(settings["saes"]).items():
        place = study.place("sae", name)
        if one.table in tables and (place.exists() or draft_place(place).exists()):
            status, _, _ = _status(work, "sae", STAGES["sae"], name)
            _check_unchanged(
                status,
                f"sae/{name}",
                "study.toml is left as it is: add --remake to train it again (the old one moves to old/), or choose "
                "another table with --sae",
            )


def _check_unchanged(status: Status, artifact: str, way: str) -> None:
    """Raise `RefusedError`, with the ways to go on, where an artifact answers another question than is asked now."""
    if status.changed:
        raise RefusedError(f"{artifact} is {status.state}: {status.reason}; {way}")


def _kept(source: str, folder: Path) -> str:
    """A path as study.toml should hold it; hub ids and names stay as they are."""
    if not Path(source).expanduser().exists():
        return source
    place = Path(source).expanduser().resolve()
    inside = folder.resolve()
    return place.relative_to(inside).as_posix() if place.is_relative_to(inside) else place.as_posix()


def _status(work: Work, kind: str, stage: Stage, name: str) -> tuple[Status, dict[str, Any], dict[str, str]]:
    asked = stage.asked(work, name)
    parents = {
        f"{parent}/{parent_name}": work.artifact(parent, parent_name, verify=False).hash
        for parent, parent_name in stage.parents(work.asked, name)
    }
    return work.study.status(kind, name, asked, parents, seed=work.asked.seed), asked, parents


def states(study: Study) -> list[dict[str, str]]:
    """How each artifact that the study asks for stands: fresh, absent, unfinished or stale, and why.

    The reason of a fresh one is its note, such as that activations were kept with a loss.
    """
    work = Work(study)
    found: list[dict[str, str]] = []
    unmade: set[str] = set()
    for kind, stage in STAGES.items():
        for name in stage.names(work.asked):
            waits = [f"{k}/{n}" for k, n in stage.parents(work.asked, name) if f"{k}/{n}" in unmade]
            waits += ["plan"] if kind == "tokens" and unmade else []
            if waits:
                unmade.add(f"{kind}/{name}")
                found.append({"artifact": f"{kind}/{name}", "state": "absent", "reason": ""})
                continue
            status, _, _ = _status(work, kind, stage, name)
            if status.state in ("absent", "unfinished"):
                unmade.add(f"{kind}/{name}")
            reason = status.reason
            if status.state == "fresh":
                reason = work.artifact(kind, name, verify=False).manifest.measured.get(NOTE, "")
            found.append({"artifact": f"{kind}/{name}", "state": status.state, "reason": reason})
    return found


def run(
    study: Study,
    *,
    goal: str | None = None,
    remake: bool = False,
    verb: str = "run",
    reporter: Reporter | None = None,
    stop: Callable[[], bool] = never,
    say: Callable[[str], None] = unheard,
    workers: int = 1,
) -> list[str]:
    """Make what is missing of all artifacts, or of those of the kind `goal` and what they need; return what was made.

    Finished artifacts that are fresh are left alone; unfinished ones are gone on with. With `remake`, stale ones
    are made again, and the files of finished ones are checked: what was damaged or is missing of them, such as a
    shard of activations, moves to old/ and is made again, the rest is kept. `workers`: processes that share out the
    parts of kept activations and of the index; these are the same whoever makes them. Raises `RefusedError`, with what
    changed, for a stale one and for an unfinished one that was begun otherwise, unless `remake`; and where another
    process writes the study.
    """
    if workers < 1:
        raise UsageError(f"workers is {workers}; expected 1 or more")
    with study.writing(verb) as news:
        if news:
            say(news)
        work = Work(study, reporter=reporter, stop=stop, say=say, workers=workers)
        made: list[str] = []
        for kind, names in groups(work.asked, goal):
            start = time.monotonic()
            new = _make(work, kind, names, remake)
            # what was made in one go cost as much each
            seconds = (time.monotonic() - start) / max(1, len(new))
            for name in new:
                made.append(f"{kind}/{name}")
                study.log(verb, made=made[-1], seconds=round(seconds, 1))
                budget = work.budget(name) if kind == "plan" else None
                if budget is not None:
                    say(
                        f"{budget.minutes:g} minutes fit {budget.tokens:,} tokens and {budget.d_sae:,} features"
                    )
    return made


def groups(study: Asked, goal: str | None) -> list[tuple[str, list[str]]]:
    """What `needed` gives, with the names of one kind that are made together in one list."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind, name in needed(study, goal):
        found.setdefault((kind, STAGES[kind].together(study, name)), []).append(name)
    return [(kind, names) for (kind, _), names in found.items()]


def needed(study: Asked, goal: str | None) -> list[tuple[str, str]]:
    """Kinds and names of the artifacts of kind `goal` (None: of all) and of their ancestors, parents first."""
    asked = [(kind, name) for kind, stage in STAGES.items() for name in stage.names(study)]
    wanted: set[tuple[str, str]] = set()
    for kind, name in reversed(asked):  # a parent's stage stands above its child's
        if goal in (None, kind) or (kind, name) in wanted:
            wanted |= {(kind, name), *STAGES[kind].parents(study, name)}
    return [one for one in asked if one in wanted]


def _make(work: Work, kind: str, names: list[str], remake: bool) -> list[str]:
    """Make what is not fresh of a group; return its names."""
    stage, study = STAGES[kind], work.study
    lacking = {}
    for name in names:
        status, asked, parents = _status(work, kind, stage, name)
        if not remake:
            _check_unchanged(
                status,
                f"{kind}/{name}",
                "remake it with --remake (the old one moves to old/), or ask as before",
            )
        damaged = remake and status.state == "fresh" and _reopened(stage, study, study.place(kind, name))
        if damaged or status.state != "fresh":
            lacking[name] = {"asked": asked, "parents": parents}
    with ExitStack() as stack:
        drafts = {
            name: stack.enter_context(
                drafting(study.place(kind, name), kind=kind, seed=work.asked.seed, old=study.old, **question)
            )
            for name, question in lacking.items()
        }
        if drafts:
            stage.make(work, drafts)
            give_back_freed_memory()
    return list(drafts)


def _reopened(stage: Stage, study: Study, place: Path) -> bool:
    """Whether a finished artifact is damaged; if so it is a draft again."""
    return reopen(place, study.old) or (stage.reopen(place) and reopen(place, study.old))


def figures(study: Study) -> dict[str, dict[str, Any]]:
    """The evaluation of every SAE that has one: all figures, and rows for a table."""
    found = {}
    for name in read_asked(study.settings, study.path).saes:
        place = study.place("evaluation", name)
        if (place / EVALUATION).is_file():
            artifact = Artifact.open(place, kind="evaluation")
            found[name] = figure_table(artifact, study)
    return found
