"""What a study asks: the tables of study.toml as records of the rooms that they set (`read_asked.py` reads them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from monosema.corpora import CorpusSettings
from monosema.errors import UsageError
from monosema.evaluation import EvaluationSettings
from monosema.models import ModelSettings, canonical_name, deepest, points_of
from monosema.sae import Kind, SAEConfig, place_of
from monosema.settings import later
from monosema.training import TrainSettings

Store = Literal[True, False, "int8"] | None
D_SAE = 8192
"""Features of an SAE where neither study.toml nor a budget says how many."""


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
