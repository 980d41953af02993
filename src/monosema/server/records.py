"""Records of studies and SAEs: what was asked, how it stands, and the figures."""

from __future__ import annotations

from typing import Literal

from monosema.server.record import Record
from monosema.server.writer import Writer

State = Literal["made", "stale", "unfinished", "absent"]


class Health(Record):
    """The server answers."""

    status: Literal["ok"] = "ok"
    version: str
    """Version of monosema."""


class Link(Record):
    """Lets one more browser in."""

    path: str
    """To be opened once, below the address of this server."""


class ArtifactState(Record):
    """How one artifact stands, told by manifests alone (`monosema info` compares with study.toml, too)."""

    kind: str
    """Stage that makes it: plan, tokens, activations, sae, evaluation, index."""
    name: str
    """Its name among those of its kind."""
    state: State
    """`stale`: what it was made from was remade since; `unfinished`: begun, and being made where a writer is told."""
    hash: str | None
    """Content hash; null where it is not whole."""
    made: str | None
    """UTC time at which it was finished."""


class StudySummary(Record):
    """A study in the list."""

    name: str
    """Name of its folder."""
    saes: list[str]
    """Names of its SAEs."""
    writer: Writer | None
    """Who writes it now."""
    error: str | None
    """What is wrong with its study.toml; then nothing else of it is told."""


class StudyList(Record):
    """All studies that are served."""

    studies: list[StudySummary]


class ModelSource(Record):
    """A language model that a study names."""

    name: str
    """Its name in study.toml."""
    source: str
    """Hub id, folder or file."""
    layers: int | None
    """How many layers it has; null before it was looked at for the first time (its plan)."""
    d_model: int | None
    """Width of its residual stream; null, too."""


class CorpusSource(Record):
    """A text that a study names."""

    name: str
    """Its name in study.toml."""
    sources: list[str]
    """Files, folders, data sets or bundled texts."""


class StudyRecord(Record):
    """What a study asks and what of it was made."""

    name: str
    """Name of its folder."""
    seed: int
    """Seed of all its generators."""
    minutes: float | None
    """Time budget that tokens and features are fitted to, where it has one."""
    models: list[ModelSource]
    corpora: list[CorpusSource]
    saes: list[str]
    """Names of its SAEs."""
    artifacts: list[ArtifactState]
    """In the order in which they are made."""
    writer: Writer | None
    """Who writes the study now."""


class Setting(Record):
    """One setting of an SAE; which there are depends on its kind."""

    name: str
    value: str | int | float | bool | None


class SAESummary(Record):
    """An SAE in the list."""

    name: str
    """Its name in study.toml."""
    kind: str
    """Kind of SAE, such as topk."""
    hook: str
    """Hook point that it reads and writes."""
    model: str
    """Name of its model in study.toml."""
    corpus: str
    """Name of its text in study.toml."""
    d_sae: int | None
    """Number of features; null where it was not trained and study.toml leaves it open."""
    sae: State
    evaluation: State
    index: State
    version: str
    """Changes whenever the SAE or what was made of it is remade, and as an unfinished index grows."""


class SAEList(Record):
    """The SAEs of a study."""

    saes: list[SAESummary]


class Interval(Record):
    """A number with its 95% interval over documents."""

    value: float | None
    """Null where it is not defined."""
    low: float | None
    """Null where there is no interval."""
    high: float | None


class BaselineFigure(Record):
    """What something simpler reaches in the same figure."""

    name: str
    """Such as PCA."""
    what: str
    """What it is, in words."""
    figure: Interval


class NamedFigure(Record):
    """A figure of the evaluation; docs/metrics.md defines it."""

    key: str
    """For programs."""
    name: str
    """For people."""
    figure: Interval
    baselines: list[BaselineFigure]
    """Those that have this figure."""


class DensityBins(Record):
    """How densities are spread over the features that are not dead."""

    edges: list[float]
    """log10 of density: edges of the bins, one more than shares."""
    shares: list[Interval]
    """Share of all features in each bin; with the dead share they add up to 1."""


class EvaluationRecord(Record):
    """Figures on documents that the SAE never saw."""

    positions: int
    documents: int
    split: str
    """Which documents."""
    figures: list[NamedFigure]
    density: DensityBins
    notes: list[str]
    """Plain sentences that belong to the figures: baselines that win, much left out."""


class Coverage(Record):
    """How much of the text an index has seen."""

    finished: bool
    """False while it is being made: then nothing is told yet of names, promoted tokens and neighbours, the rest is of
    the positions so far, and all of it changes."""
    positions: int
    """Positions that were encoded."""
    expected: int
    """Positions that there will be in the end."""


class IndexFacts(Coverage):
    """What an index covers."""

    tags: int
    """Tags (concepts) that stand in its text."""


class SAERecord(Record):
    """An SAE: what was asked of it and what was measured."""

    name: str
    study: str
    kind: str
    hook: str
    model: str
    """Name of the model in study.toml."""
    d_sae: int
    """Number of features."""
    settings: list[Setting]
    """All that decides its content."""
    measured: list[Setting]
    """Figures of its training."""
    evaluation: EvaluationRecord | None
    """Null where it was not evaluated, or trained again since."""
    index: IndexFacts | None
    """Null where no part of its index was made."""
    relations: State
    """Whether `relations` of features can be asked for."""
    meanings: State
    """Whether features can be found by `like`, where the embedding model is installed."""
    version: str
    """Changes whenever the SAE or what was made of it is remade, and as an unfinished index grows."""
