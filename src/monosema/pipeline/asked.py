"""What a study asks: the tables of study.toml, each checked against the dataclasses of the rooms that they set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from monosema.artifact import MANIFEST
from monosema.corpora import CorpusSettings
from monosema.errors import UsageError, lookup
from monosema.evaluation import EvaluationSettings
from monosema.files import read_json
from monosema.models import ModelSettings, canonical_name, deepest, points_of
from monosema.pipeline.sweep import Combination, expand
from monosema.sae import KINDS, Kind, SAEConfig, config_of, place_of
from monosema.settings import check_keys, field_names, later, parse
from monosema.study import TOML
from monosema.training import DATA, RANDOM, TrainSettings

T = TypeVar("T")

Store = Literal[True, False, "int8"] | None
D_SAE = 8192
"""Features of an SAE where neither study.toml nor a budget says how many."""
BESIDE_FILE = ("file", "hook", "output", "model", "corpus", "store", "store_at", "indexed")
"""What may stand in the table of an SAE that is given; all else belongs to training."""


def sae_option(sae: str) -> str:
    """What to type behind a verb for an SAE: nothing for main, which verbs take by themselves."""
    return "" if sae == "main" else f" --sae {sae}"


@dataclass(frozen=True, kw_only=True)
class SAEPlace:
    """Where an SAE stands: the first lines of `[saes.NAME]`."""

    hook: str
    """Hook point that it reads and writes, such as resid_post.15; a crosscoder's: resid_post.10+resid_post.20."""
    output: str | None = later(None)
    """Hook point that it writes where that is another: of a transcoder, such as mlp_out.15 with mlp_in.15 as hook."""
    model: str = "main"
    """Name of the model among `[models]`."""
    corpus: str = "main"
    """Name of the corpus among `[corpora]`."""
    kind: str = "topk"
    """Row of `KINDS`."""
    d_sae: int | None = None
    """Number of features; None: 8,192, or what fits the study's minutes."""
    seed: int | None = later(None)
    """Seed of its weights beside the study's: SAEs of one seed begin alike. None: one that its name gives."""
    store: Store = None
    """Whether activations are harvested once to disk; None: where the disk has room for them. int8: to disk with a
    loss, in a quarter (fp32) or half (bf16) of the room."""
    store_at: str | None = None
    """URL below which activations are kept, such as s3://bucket/folder, of any file system that fsspec has a driver
    for; None: in the study's folder."""
    indexed: tuple[str, ...] = ()
    """Names of further corpora whose text the index covers, after that of `corpus`."""
    file: str | None = None
    """Path of an SAE that is taken over instead of training one, in one of `FORMATS`; a relative path counts from
    the study's folder. It names the hook point, unless that is given."""

    def __post_init__(self) -> None:
        if self.d_sae is not None and self.d_sae < 1:
            raise UsageError(f"d_sae is {self.d_sae}; expected 1 or more; try 8192")
        if self.seed is not None and self.seed < 0:
            raise UsageError(f"seed is {self.seed}; expected a whole number of 0 or more")
        object.__setattr__(self, "hook", canonical_name(self.hook))
        if self.output is not None:
            object.__setattr__(self, "output", canonical_name(self.output))
            read, written = points_of(self.hook), points_of(self.output)
            if len(read) != len(written) or set(read) & set(written):
                raise UsageError(
                    f"hook is {self.hook}, output {self.output}; expected as many hook points to write as to read, and "
                    "others; leave output out for an SAE"
                )
            if deepest(self.at) not in written:
                raise UsageError(f"output {self.output} is past before {self.hook} is read; swap them")
        if self.store_at is None:
            return
        if "://" not in self.store_at:
            raise UsageError(
                f"store_at is {self.store_at!r}; expected a URL such as s3://bucket/folder or file:///data/folder"
            )
        if self.store is False:
            raise UsageError(
                "store_at says where activations are kept, store = false that they are not; take one out"
            )
        object.__setattr__(self, "store", self.store or True)  # to say where is to wish for it

    @property
    def at(self) -> str:
        """Hook points whose activations make its rows."""
        return place_of(self.hook, self.output)

    @property
    def written(self) -> str:
        """Hook point that it writes."""
        return self.output or self.hook

    def width_of(self, row: int) -> int:
        """Width of what it reads, of a row so wide."""
        return row if self.output is None else row // 2


@dataclass(frozen=True)
class Given:
    """An SAE that is taken over, not trained."""

    path: Path
    """Where its files lie; they may be gone once it was taken over."""
    config: SAEConfig
    """What they say."""


@dataclass(frozen=True)
class SAEAsked:
    """One SAE of the tables `[saes.NAME]`: its place, the settings of its kind and of its training."""

    place: SAEPlace
    kind: Kind
    training: TrainSettings
    """Nothing is trained where the SAE is given."""
    given: Given | None = None
    start: Path | None = None
    """Where the files of the SAE lie that training starts from; they may be gone once it was trained."""

    @property
    def stream_name(self) -> str | None:
        """What SAEs have in common that are trained together on one stream; None where nothing is trained."""
        return None if self.given is not None else f"{self.activations} {self.training.batch}"

    @property
    def activations(self) -> str:
        """Name of the activations that it is trained on."""
        return f"{self.place.corpus}.{self.place.model}.{self.place.at}"

    @property
    def measured_at(self) -> str:
        """What SAEs have in common that are evaluated together: what they read, and where they write."""
        return f"{self.activations} {self.place.written}"

    @property
    def tokens(self) -> str:
        """Name of the tokens behind them."""
        return f"{self.place.corpus}.{self.place.model}"

    @property
    def indexed_tokens(self) -> list[str]:
        """Names of the tokens that the index covers, its own first."""
        return list(
            dict.fromkeys([self.tokens, *(f"{name}.{self.place.model}" for name in self.place.indexed)])
        )


@dataclass(frozen=True)
class Asked:
    """All of study.toml."""

    seed: int
    models: Mapping[str, ModelSettings]
    corpora: Mapping[str, CorpusSettings]
    saes: Mapping[str, SAEAsked]
    """By name; a table with lists stands for several (`expand` of sweep.py)."""
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    minutes: float | None = None
    """Time that a run may take on this machine; tokens and d_sae that are left open are fitted to it."""

    @property
    def models_used(self) -> list[str]:
        """Names of the models that SAEs are trained on."""
        return list(dict.fromkeys(sae.place.model for sae in self.saes.values()))

    def sae_of_activations(self, name: str) -> SAEAsked:
        """The first SAE that is trained on the activations `name`."""
        return self._of(name)[0]

    def store_wish(self, name: str) -> Store:
        """How the activations `name` are kept: as the SAE wishes that asks for most; open where all leave it open."""
        wishes = {sae.place.store for sae in self._of(name)}
        order: tuple[Store, ...] = (True, "int8", False, None)
        return next(wish for wish in order if wish in wishes)

    def store_at(self, name: str) -> str | None:
        """URL below which the activations `name` are kept; None: in the study."""
        return next((sae.place.store_at for sae in self._of(name) if sae.place.store_at is not None), None)

    def _of(self, name: str) -> list[SAEAsked]:
        """The SAEs that are trained on the activations `name`."""
        return [sae for sae in self.saes.values() if sae.activations == name]


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
