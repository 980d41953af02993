"""What the server serves: studies by name, and their models, each for one request at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from torch import Tensor

from monosema.errors import MonosemaError, UsageError
from monosema.files import seal
from monosema.models import EditFn, HookPoint, LanguageModel
from monosema.pipeline import OpenStudy, open_study
from monosema.server.errors import known
from monosema.server.pool import Pool
from monosema.server.presence import Caller
from monosema.server.served import ServedSAE
from monosema.server.shelf import Shelf, asked_of
from monosema.server.worker import Job
from monosema.study import TOML

T = TypeVar("T")


class Catalog:
    """Studies by the names of their folders, and the models that were asked for last."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders: dict[str, Path] = {}
        self._shelf = Shelf()
        for folder in folders:
            if not (folder / TOML).is_file():
                open_study(folder)  # it says what is missing
            name = folder.resolve().name
            if name in self._folders:
                raise UsageError(f'{folder} and {self._folders[name]} are both named "{name}"; rename one')
            self._folders[name] = folder
        self.models: Pool[LanguageModel] = Pool()
        """The models that are held."""

    @property
    def names(self) -> list[str]:
        """Names of the studies, as they were given."""
        return list(self._folders)

    def study(self, name: str) -> tuple[OpenStudy, Shelf]:
        """A study, and what of it is open; both new where study.toml was changed.

        Raises `NotFoundError`, and `UsageError` where study.toml is broken.
        """
        folder = known(self._folders, name, "study")
        return self._shelf.get(name, seal(folder / TOML), lambda: (open_study(folder), Shelf()))

    def sae(self, study: str, name: str) -> ServedSAE:
        """An SAE of a study. Raises `NotFoundError` with the nearest name."""
        opened, shelf = self.study(study)
        known(asked_of(opened).saes, name, "SAE")
        return ServedSAE(opened, name, shelf)

    def warm(self) -> None:
        """Open what the first page asks for, so that who comes first does not wait for it; what is broken is left."""
        for study in self.names:
            with suppress(MonosemaError, OSError):
                for name in asked_of(self.study(study)[0]).saes:
                    served = self.sae(study, name)
                    if served.settled and served.place is not None:
                        served.names()
                        served.text_of()
                        served.index().table["density"].max()

    def with_model(self, sae: ServedSAE, caller: Caller, work: Callable[[LanguageModel], T]) -> T:
        """What `work` makes with the whole model of an SAE, when its turn has come.

        Raises `BusyError` where too many wait, `GoneError` when the client goes and `LateError`.
        """
        job = self._put(sae, caller, lambda model, _: work(model))
        return job.result()

    def stream(
        self, sae: ServedSAE, caller: Caller, work: Callable[[LanguageModel], Generator[T]]
    ) -> Iterator[T]:
        """What `work` yields with the model, as it comes; it waits for its turn before it gives an iterator.

        The model never waits for the reader. Work ends early when the client goes. Raises as `with_model` does;
        from the iterator what the work raises.
        """
        made: SimpleQueue[T | _End] = SimpleQueue()

        def pump(model: LanguageModel, job: Job[None]) -> None:
            with closing(work(model)) as found:
                for one in found:
                    made.put(one)
                    job.check()

        job = self._put(sae, caller, pump)
        job.when_done(lambda error: made.put(_End(error)))
        job.await_turn()
        return _until_end(made)

    def _put(self, sae: ServedSAE, caller: Caller, work: Callable[[LanguageModel, Job[T]], T]) -> Job[T]:
        name, path = sae.asked.place.model, sae.study.path
        plan = sae.made("plan", name)

        def checked(model: LanguageModel, job: Job[T]) -> T:
            with _checked(model, job.check):
                return work(model, job)

        # a study holds the model that it has loaded: this one is let go of together with it
        job = self.models.put(
            (path, name),
            None if plan is None else plan.hash,
            lambda: open_study(path).model(name),
            caller.client,
            checked,
        )
        caller.presence.when_gone(job.cancel)
        return job


@contextmanager
def _checked(model: LanguageModel, check: Callable[[], None]) -> Iterator[None]:
    """Within, `check` is called whenever a forward pass comes to a block: one pass of a long prompt takes a while."""

    def seen(x: Tensor) -> Tensor:
        check()
        return x

    with ExitStack() as stack:
        for network in (model, model.other):
            if network is not None:
                hooks: dict[HookPoint | str, EditFn] = {
                    HookPoint("resid_pre", layer): seen for layer in range(network.n_layers)
                }
                stack.enter_context(network.edit(hooks))
        yield


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _until_end(made: SimpleQueue[T | _End]) -> Iterator[T]:
    while not isinstance(one := made.get(), _End):
        yield one
    if one.error is not None:
        raise one.error
