"""The hook points of a loaded model: found, read, edited, gone on from; and which positions a pass is at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from monosema.errors import UsageError
from monosema.models.families import find
from monosema.models.hooks import HookPoint
from monosema.models.patches import EditFn, hooked, skipping
from monosema.models.probe import Probe
from monosema.models.where import Passes, Where, counting


def skipped_before(hook: HookPoint) -> int:
    """Blocks that need not run where the activations at a hook point are given."""
    return {"resid_post": hook.layer + 1, "resid_pre": hook.layer}.get(hook.kind, 0)


class Sites:
    """What can be read and edited inside the blocks of one model."""

    def __init__(self, blocks: nn.ModuleList, model_type: str, probe: Probe) -> None:
        self._blocks, self._model_type, self._probe = blocks, model_type, probe
        self._passes: Passes | None = None
        self._resumed: HookPoint | None = None

    def parse(self, hook: HookPoint | str) -> HookPoint:
        """A hook point of this model; raise `UsageError` for one that it does not have."""
        point = hook if isinstance(hook, HookPoint) else HookPoint.parse(hook)
        point.check(len(self._blocks))
        self._probe.check(point, self._model_type)
        return point

    def hooked(self, hook: HookPoint, act: EditFn) -> AbstractContextManager[None]:
        """Within, what stands at a hook point is what `act` makes of it."""
        block = self._blocks[hook.layer]
        return hooked(block, *find(block, hook, self._model_type), act)

    @contextmanager
    def edited(self, edits: Mapping[HookPoint, EditFn]) -> Iterator[None]:
        """Within, edits act on real positions; padding stays what it was."""
        with ExitStack() as stack:
            for hook, fn in edits.items():
                stack.enter_context(self.hooked(hook, self._on_real(hook, fn)))
            yield

    def _on_real(self, hook: HookPoint, fn: EditFn) -> EditFn:
        def act(x: Tensor) -> Tensor:
            resumed = self._resumed
            if resumed is not None and (hook == resumed or hook.layer < skipped_before(resumed)):
                return x
            new = fn(x).to(x.dtype)
            if new.shape != x.shape:
                raise UsageError(
                    f"an edit made {tuple(new.shape)} of activations {tuple(x.shape)}; keep the shape"
                )
            real = self.where(torch.device("cpu")).real
            return new if bool(real.all()) else torch.where(real.to(x.device)[:, :, None], new, x)

        return act

    @contextmanager
    def resumed(self, hook: HookPoint, x: Float[Tensor, "b s width"]) -> Iterator[None]:
        """Within, a pass goes on from x at a hook point; blocks before a residual one do nothing."""
        skipped = skipped_before(hook)
        before, self._resumed = self._resumed, hook
        try:
            if skipped:
                with skipping(list(self._blocks)[:skipped], x, tuples=self._probe.tuples):
                    yield
            else:
                with self.hooked(hook, lambda _: x):
                    yield
        finally:
            self._resumed = before

    @contextmanager
    def passing(self, real: Bool[Tensor, "b s"], *, generating: bool = False) -> Iterator[None]:
        """Within, passes run over rows of which these positions are real."""
        before, self._passes = self._passes, Passes(real, generating=generating)
        try:
            with counting(self._blocks[0], self._passes):
                yield
        finally:
            self._passes = before

    def where(self, device: torch.device) -> Where:
        """The positions of the pass that runs; raise `UsageError` where none does."""
        if self._passes is None:
            raise UsageError("where is known only while a pass runs; ask for it in a function given to edit")
        return self._passes.where(device)
