"""What the stages of one run share: the study, the loaded model and tokens, progress, the wish to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from monosema.activations import is_shared
from monosema.artifact import MANIFEST, Artifact
from monosema.corpora import CorpusSettings, Tokens, digest_sources
from monosema.errors import DamagedError, UsageError
from monosema.files import read_json
from monosema.models import LanguageModel
from monosema.pipeline.asked import D_SAE, Asked, Given
from monosema.pipeline.budget import Budget
from monosema.pipeline.read_asked import read_asked
from monosema.pool import Crew, Seat
from monosema.progress import Reporter, Silent, StoppableReporter
from monosema.sae import SAE, digest_of
from monosema.study import Study
from monosema.training import step_device

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was measured on this machine for a model; written once, before any other stage."""

    model_hash: str
    """Identity of the weights."""
    tokenizer_hash: str
    """Identity of the tokenizer."""
    n_layers: int
    """Blocks of the model."""
    d_model: int
    """Width of the residual stream."""
    context: int
    """Most positions that the model can see."""
    device: str
    """Where the model runs."""
    dtype: str
    """Number format that it runs in, such as bfloat16."""
    tokens_per_batch: int
    """Tokens of one forward pass, padding among them."""
    threads: int
    """Threads that torch works with."""
    measured: dict[str, Any]
    """Rates behind these choices."""
    budget: Budget | None = None
    """What fits the study's minutes, where it has some."""

    @classmethod
    def load(cls, folder: Path) -> Plan:
        """Read plan.json of a plan artifact."""
        raw = read_json(folder / PLAN)
        try:
            budget = None if raw.get("budget") is None else Budget(**raw["budget"])
            return cls(**raw | {"budget": budget})
        except TypeError as error:
            raise DamagedError(f"{folder / PLAN} is no plan ({error}); remake with --remake") from None


PLAN = "plan.json"


def never() -> bool:
    """No wish to stop."""
    return False


def unheard(text: str) -> None:
    """Say a sentence to nobody."""


class Work:
    """One run over a study, or what a worker process of it needs."""

    def __init__(
        self,
        study: Study,
        *,
        reporter: Reporter | None = None,
        stop: Callable[[], bool] = never,
        say: Callable[[str], None] = unheard,
        workers: int = 1,
        seat: Seat | None = None,
    ) -> None:
        """`workers`: processes among which tasks are shared out; `seat`: the worker that this is, None: the parent.

        A worker has its share of the threads, and of the devices where models run on CUDA, and takes for granted
        that the parent has checked the files.
        """
        self.study = study
        self.stop, self.say, self.workers = stop, say, workers
        self._seat = seat
        self.plain_reporter = reporter or Silent()
        self.reporter = StoppableReporter(self.plain_reporter, stop)
        self._models: dict[tuple[str, str | None], LanguageModel] = {}
        self._digests: dict[str, str] = {}

    @cached_property
    def asked(self) -> Asked:
        """What study.toml asks."""
        return read_asked(self.study.settings, self.study.path)

    def artifact(self, kind: str, name: str, *, verify: bool = True) -> Artifact:
        """Open a finished artifact of the study."""
        return self.study.open(kind, name, verify=verify and self._seat is None)

    def crew(self, open: Callable[[Work], S], what: str, urls: Sequence[str | None] = ()) -> Crew[S] | None:
        """Workers that each open something with a `Work` of their own; None where this process works alone.

        `open` is sent to them: a function of a module, or a `partial` of one. `what` is said where it would be done
        at a URL, one of `urls`, that other processes do not see.
        """
        if self.workers == 1:
            return None
        unseen = [url for url in urls if not is_shared(url)]
        if unseen:
            self.alone(f"{what} at {unseen[0]}, which only this process sees")
            return None
        return Crew(self.workers, partial(_in_worker, self.study.path, self.study.settings, open))

    def alone(self, what: str) -> None:
        """Say of something that no workers are used for it, where some were asked for."""
        if self.workers > 1:
            self.say(f"{what}: done without workers")

    def plan(self, model: str) -> Plan:
        """The frozen plan of a model."""
        return Plan.load(self.artifact("plan", model).path)

    def model(self, name: str, *, until: str | None = None) -> LanguageModel:
        """Load a model as its plan says, with the layers up to `until` only where that is enough.

        One model is held at a time. Raises `UsageError` where its weights are not those of the plan.
        """
        if (name, until) not in self._models:
            self._models.clear()
            plan = self.plan(name)
            self.use_threads(plan)
            model = load_model(self, name, dtype=plan.dtype, device=self._device(plan), until=until)
            if model.hash != plan.model_hash:
                raise UsageError(
                    f"the weights of models.{name} are not those that this study began with; "
                    f"give back the old ones, or make another study for the new ones"
                )
            self._models[name, until] = model
        return self._models[name, until]

    def sae(self, name: str) -> SAE:
        """A trained SAE, where those of its model are worked with."""
        return SAE.load(
            self.artifact("sae", name).path, device=self.sae_device(self.asked.saes[name].place.model)
        )

    def sae_device(self, model: str) -> torch.device:
        """Where SAEs of a model are trained and encode: on a CUDA device if the model runs on one."""
        return step_device(self._device(self.plan(model)))

    def use_threads(self, plan: Plan) -> None:
        """Work with the threads of a plan, a worker with its share of them."""
        torch.set_num_threads(max(1, plan.threads // (1 if self._seat is None else self._seat.of)))

    def _device(self, plan: Plan) -> str:
        """Where models run: that of the plan; of several CUDA devices each worker has the next."""
        if self._seat is None or torch.device(plan.device).type != "cuda":
            return plan.device
        return f"cuda:{self._seat.number % torch.cuda.device_count()}"

    def source(self, name: str) -> str:
        """Source of `[models.NAME]`; a relative path counts from the study's folder."""
        return self._inside(self.asked.models[name].source)

    def adapter(self, name: str) -> str | None:
        """Adapter of `[models.NAME]`; a relative path counts from the study's folder."""
        adapter = self.asked.models[name].adapter
        return None if adapter is None else self._inside(adapter)

    def _inside(self, path: str) -> str:
        inside = self.study.path / path
        return str(inside) if inside.exists() else path

    def budget(self, model: str) -> Budget | None:
        """What fits the minutes of the study, as the plan of a model froze it; None where it has none."""
        return None if self.asked.minutes is None else self.plan(model).budget

    def corpus(self, tokens: str) -> CorpusSettings:
        """Settings behind tokens: rows no longer than their model can see, open tokens as the budget has them."""
        corpus, model = names_of_tokens(tokens)
        settings, budget = self.asked.corpora[corpus], self.budget(model)
        return replace(
            settings,
            context=min(settings.context, self.plan(model).context),
            tokens=budget.tokens if settings.tokens is None and budget else settings.tokens,
        )

    def d_sae(self, name: str) -> int:
        """Number of features of `[saes.NAME]`: as asked, or of the budget, or the default."""
        place = self.asked.saes[name].place
        if place.d_sae is not None:
            return place.d_sae
        budget = self.budget(place.model)
        return D_SAE if budget is None else budget.d_sae

    def tokens(self, name: str) -> Tokens:
        """The tokens `CORPUS.MODEL`."""
        return Tokens(self.artifact("tokens", name).path, verify=False)

    def text_digest(self, corpus: str) -> str:
        """Identity of a corpus's text. Where its files are gone, that of the tokens that were made from it."""
        if corpus not in self._digests:
            settings = self.asked.corpora[corpus]
            found = digest_sources(settings, self.study.path)
            self._digests[corpus] = found if found else self._digest_of_tokens(corpus)
        return self._digests[corpus]

    def given_digest(self, name: str, given: Given) -> str:
        """Identity of the files of an SAE that is given. Where they are gone, that of those that were taken over."""
        return self._sae_digest(name, given.path, "file")

    def start_digest(self, name: str, start: Path) -> str:
        """Identity of the files that training starts from; where they are gone, of those that it started from."""
        return self._sae_digest(name, start, "start")

    def _sae_digest(self, name: str, path: Path, key: str) -> str:
        at = f"sae/{name}"
        if at not in self._digests:
            gone = not path.exists()
            made = self.artifact("sae", name, verify=False).manifest.asked.get(key, "") if gone else ""
            self._digests[at] = str(made) if gone else digest_of(path)
        return self._digests[at]

    def _digest_of_tokens(self, corpus: str) -> str:
        for manifest in self.study.path.glob(f"tokens/{corpus}.*/{MANIFEST}"):
            return str(read_json(manifest)["asked"]["text"])
        return ""  # making the tokens will say which source is missing


def _in_worker(path: Path, settings: dict[str, Any], open: Callable[[Work], S], seat: Seat) -> S:
    """What `open` gives in a worker, by the settings that the parent read."""
    study = Study(path)
    study.settings = settings
    return open(Work(study, seat=seat))


def names_of_tokens(name: str) -> tuple[str, str]:
    """Corpus and model of the tokens `CORPUS.MODEL`; neither name has a dot."""
    corpus, _, model = name.partition(".")
    return corpus, model


def load_model(
    work: Work, name: str, *, dtype: str | None = None, device: str | None = None, until: str | None = None
) -> LanguageModel:
    """Load `[models.NAME]`; what the plan froze comes before what the settings leave open."""
    settings = work.asked.models[name]
    return LanguageModel.load(
        work.source(name),
        dtype=dtype or settings.dtype,
        device=device or settings.device,
        adapter=work.adapter(name),
        device_map=settings.device_map,
        other=None if settings.other is None else work._inside(settings.other),
        until=until,
    )
