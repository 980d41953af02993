"""Reads study.toml: each table checked against the dataclasses of the rooms that it sets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from monosema.artifact import MANIFEST
from monosema.corpora import CorpusSettings
from monosema.errors import UsageError, lookup
from monosema.evaluation import EvaluationSettings
from monosema.files import read_json
from monosema.models import ModelSettings
from monosema.pipeline.asked import D_SAE, Asked, Given, SAEAsked, SAEPlace
from monosema.pipeline.sweep import Combination, expand
from monosema.sae import KINDS, Kind, config_of
from monosema.settings import check_keys, field_names, parse
from monosema.study import TOML
from monosema.training import DATA, RANDOM, TrainSettings

T = TypeVar("T")

BESIDE_FILE = ("file", "hook", "output", "model", "corpus", "store", "store_at", "indexed")
"""What may stand in the table of an SAE that is given; all else belongs to training."""


def _tables(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    tables = raw.get(key, {})
    if not isinstance(tables, Mapping) or not tables:
        raise UsageError(f"{TOML}: {key} is missing; expected at least one table [{key}.main]")
    for name in tables:
        if not name.replace("-", "").replace("_", "").isalnum():
            raise UsageError(f'{TOML}: {key}."{name}" is no name; expected letters, digits, - and _')
    return tables


def located(path: str, folder: Path) -> Path:
    """A path of study.toml: from the study's folder where it leads somewhere from there, else as it stands."""
    inside = folder / path
    return inside if inside.exists() else Path(path).expanduser()


def _given(table: Mapping[str, Any], name: str, where: str, folder: Path) -> SAEAsked:
    """The table of an SAE that is given. Where its files are gone, what was taken over says what it is."""
    for key in table:
        if key in field_names(SAEPlace, TrainSettings, *KINDS.values()) and key not in BESIDE_FILE:
            raise UsageError(
                f"{where}.{key} cannot stand beside file: that SAE is trained already; take it out"
            )
    check_keys(table, list(BESIDE_FILE), where)
    for key in ("file", "hook"):
        if not isinstance(table.get(key, ""), str):
            raise UsageError(f"{where}.{key} is {table[key]!r}; expected text in quotes")
    path, made = located(table["file"], folder), folder / "sae" / name
    try:
        config = config_of(path if path.exists() or not _was_asked(made, "file") else made, table.get("hook"))
    except UsageError as error:
        raise UsageError(f"{where}.file: {error}") from None
    own = {"hook": config.input} | ({"output": config.output} if config.transcodes else {})
    place = parse(SAEPlace, {**own, **table, "d_sae": config.d_sae}, where)
    return SAEAsked(place, config.kind, TrainSettings(), Given(path, config))


def _start(
    table: Mapping[str, Any], name: str, where: str, folder: Path
) -> tuple[Path | None, Mapping[str, Any]]:
    """Path of the SAE that training starts from, if any, and the table with its kind and size where they are open."""
    start = table.get("start", RANDOM)
    if start in (RANDOM, DATA):
        return None, table
    if not isinstance(start, str):
        raise UsageError(f'{where}.start is {start!r}; expected "{RANDOM}", "{DATA}", or the path of an SAE')
    path, made = located(start, folder), folder / "sae" / name
    try:
        config = config_of(
            path if path.exists() or not _was_asked(made, "start") else made, table.get("hook")
        )
    except UsageError as error:
        raise UsageError(f"{where}.start: {error}") from None
    if table.get("d_sae") not in (None, config.d_sae):
        raise UsageError(
            f"{where}.d_sae is {table['d_sae']}; the SAE in {path} that it starts from has {config.d_sae}: take it out"
        )
    kind = {"kind": config.kind.name} if table.get("kind") in (None, config.kind.name) else {}
    settings = {key: value for key, value in asdict(config.kind).items() if kind and value is not None}
    own = {"hook": config.input} | ({"output": config.output} if config.transcodes else {})
    return path, {"d_sae": config.d_sae} | own | kind | settings | dict(table)


def _was_asked(made: Path, key: str) -> bool:
    """Whether what was made already was asked with this key."""
    return (made / MANIFEST).is_file() and key in read_json(made / MANIFEST).get("asked", {})


def _sae(name: str, one: Combination, folder: Path) -> SAEAsked:
    table, where = one.settings, f"{TOML}: saes.{one.table}"
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} is {table!r}; expected a table of settings")
    if "file" in table:
        return _given(table, name, where, folder)
    start, table = _start(table, name, where, folder)
    kind_class = lookup(KINDS, str(table.get("kind", "topk")), f"kind in {where}")
    check_keys(table, field_names(SAEPlace, kind_class, TrainSettings), where)

    def part(cls: type[T]) -> T:
        return parse(cls, {key: value for key, value in table.items() if key in field_names(cls)}, where)

    place = part(SAEPlace)
    kind: Kind = part(kind_class)
    try:
        kind.check(D_SAE if place.d_sae is None else place.d_sae)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return SAEAsked(place, kind, part(TrainSettings), start=start)


def _minutes(raw: Mapping[str, Any]) -> float | None:
    minutes = raw.get("minutes")
    if minutes is None:
        return None
    number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    if not (number and math.isfinite(minutes) and minutes > 0):
        raise UsageError(f"{TOML}: minutes is {minutes!r}; expected a number above 0; try minutes = 10")
    return float(minutes)


def read_asked(raw: Mapping[str, Any], folder: Path = Path()) -> Asked:
    """Check the text of study.toml; raise `UsageError` that names file, key, expected and nearest.

    `folder` is the study's, from which relative paths of given SAEs count.
    """
    check_keys(raw, ["seed", "minutes", "models", "corpora", "saes", "evaluation"], TOML)
    seed = raw.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UsageError(f"{TOML}: seed is {seed!r}; expected a whole number of 0 or more")
    combinations = expand(_tables(raw, "saes"))
    asked = Asked(
        seed=seed,
        models={k: parse(ModelSettings, v, f"{TOML}: models.{k}") for k, v in _tables(raw, "models").items()},
        corpora={
            k: parse(CorpusSettings, v, f"{TOML}: corpora.{k}") for k, v in _tables(raw, "corpora").items()
        },
        saes={k: _sae(k, one, folder) for k, one in combinations.items()},
        evaluation=parse(EvaluationSettings, raw.get("evaluation", {}), f"{TOML}: evaluation"),
        minutes=_minutes(raw),
    )
    for name, sae in asked.saes.items():
        where = f"{TOML}: saes.{combinations[name].table}"
        lookup(asked.models, sae.place.model, f"model in {where}")
        for corpus in (sae.place.corpus, *sae.place.indexed):
            lookup(asked.corpora, corpus, f"corpus in {where}")
        at, shared = sae.place.store_at, asked.store_at(sae.activations)
        if at not in (None, shared):
            raise UsageError(
                f"{where}.store_at is {at!r}; another SAE keeps the same activations at {shared!r}: "
                "name one place"
            )
    return asked
