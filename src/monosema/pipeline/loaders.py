"""From finished artifacts to objects: `monosema.open(path)` and what it gives. A new kind is one row of `LOADERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from monosema.activations import ActivationStore
from monosema.corpora import Tokens
from monosema.errors import RefusedError, UsageError, lookup
from monosema.evaluation import Evaluation
from monosema.files import read_json
from monosema.index import FeatureIndex
from monosema.models import LanguageModel, load_tokenizer
from monosema.pipeline.asked import SAEAsked
from monosema.pipeline.indexing import joined
from monosema.pipeline.read_asked import read_asked
from monosema.pipeline.table import EVALUATION
from monosema.pipeline.work import Work
from monosema.sae import SAE
from monosema.study import Study


def _activations(path: Path) -> ActivationStore:
    if not read_json(path / "choice.json")["stored"]:
        raise UsageError(f"{path} keeps statistics only; set store = true in study.toml to keep activations")
    return ActivationStore(path)


LOADERS: Mapping[str, Callable[[Path], Any]] = {
    "tokens": Tokens,
    "activations": _activations,
    "sae": SAE.load,
    "evaluation": lambda path: Evaluation.from_dict(read_json(path / EVALUATION)),
}
"""Kind of artifact: what makes an object of its folder."""


class OpenStudy(Study):
    """A study whose artifacts open as objects."""

    @cached_property
    def _work(self) -> Work:
        """Holds the model that was asked for last, so that verbs which need it twice load it once."""
        return Work(self)

    def load(self, kind: str, name: str) -> Any:
        """The object behind the artifact `kind/name`, its files checked."""
        loader = lookup(LOADERS, kind, "kind of artifact")
        return loader(self.open(kind, name).path)

    def model(self, name: str = "main", *, until: str | None = None) -> LanguageModel:
        """The language model `[models.NAME]` as the study's plan runs it."""
        return self._work.model(name, until=until)

    @property
    def sae_names(self) -> list[str]:
        """Names of the SAEs that study.toml asks for, those of sweeps among them."""
        return list(read_asked(self.settings, self.path).saes)

    def asked_sae(self, name: str = "main") -> SAEAsked:
        """What study.toml asks of an SAE. Raises `UsageError` with the names that there are: those of a sweep."""
        return lookup(read_asked(self.settings, self.path).saes, name, "SAE")

    def sae(self, name: str = "main") -> SAE:
        """The trained SAE `[saes.NAME]`."""
        self.asked_sae(name)
        sae: SAE = self.load("sae", name)
        return sae

    def tokens(self, sae: str = "main") -> Tokens:
        """The tokens that an SAE was trained on."""
        tokens: Tokens = self.load("tokens", self.asked_sae(sae).tokens)
        return tokens

    def activations(self, sae: str = "main") -> ActivationStore:
        """The stored activations that an SAE was trained on."""
        store: ActivationStore = self.load("activations", self.asked_sae(sae).activations)
        return store

    def index(self, sae: str = "main") -> FeatureIndex:
        """What is known of every feature of an SAE. Raises `RefusedError` where it was collected from another one."""
        model = self.asked_sae(sae).place.model
        found = self.open("index", sae)
        if found.manifest.parents.get(f"sae/{sae}") != self.open("sae", sae, verify=False).hash:
            raise RefusedError(
                f"index/{sae} was collected from another sae/{sae}; remake it with: monosema index {self.path} --remake"
            )
        tokenizer = load_tokenizer(self._work.source(model))
        further = [f"{corpus}.{model}" for corpus in found.manifest.asked.get("indexed", [])]
        documents = joined([self.tokens(sae), *(self.load("tokens", name) for name in further)])
        return FeatureIndex(found.path, documents, tokenizer.decode)

    def evaluation(self, sae: str = "main") -> Evaluation:
        """The figures of an SAE."""
        self.asked_sae(sae)
        found: Evaluation = self.load("evaluation", sae)
        return found
