"""A network with hook points: capture activations and edit them.

Padding: `real` [b, s] says which positions are tokens. Rows padded on the right need no mask, because a causal model's
tokens never see what comes after them; rows padded on the left get a mask and positions of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from monosema.errors import UsageError
from monosema.models.families import blocks_of, find
from monosema.models.hooks import HookPoint, canonical_name, deepest, points_of
from monosema.models.patches import EditFn, hooked
from monosema.models.quiet import memory
from monosema.models.rows import right_padded


class _Reached(Exception):  # noqa: N818 (no error: the deepest hook point was reached)
    pass


class HookedNetwork:
    """A loaded causal network."""

    name: str
    """Source that it was loaded from, a folder's name only."""
    other: HookedNetwork | None = None
    """A second model that reads the same tokens; what is captured at its hook points can stand beside this one's."""

    def __init__(self, network: Any, config: Any, *, name: str, whole: bool) -> None:
        """`whole`: with its head; otherwise it can only capture."""
        self._network, self._config, self._whole, self.name = network, config, whole, name
        self._text = config.get_text_config()
        self._base: nn.Module = network.base_model if whole else network
        self._blocks = blocks_of(self._base, self._text.model_type)
        self._real: Bool[Tensor, "b s"] | None = None

    @property
    def n_layers(self) -> int:
        """Blocks that are loaded."""
        return len(self._blocks)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self._text.hidden_size)

    @property
    def vocabulary(self) -> int:
        """Rows of the token embedding."""
        return int(self._text.vocab_size)

    @property
    def context(self) -> int:
        """Most positions that the model can see."""
        return int(getattr(self._text, "max_position_embeddings", None) or 2048)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return next(self._network.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the embedding lies."""
        return next(self._network.parameters()).device

    def weight_bytes(self, until: HookPoint | None = None) -> int:
        """Bytes of the weights that are loaded; with `until`, of those among them that `load` would then load."""
        of = self._network if until is None else self._base
        layers = self.n_layers if until is None else until.layer + 1
        unread = {id(weight) for block in list(self._blocks)[layers:] for weight in block.parameters()}
        return sum(one.numel() * one.element_size() for one in of.parameters() if id(one) not in unread)

    def _captured(
        self, ids: Int[Tensor, "b s"], hooks: Sequence[HookPoint | str], real: Bool[Tensor, "b s"] | None
    ) -> dict[str, Float[Tensor, "b s width"]]:
        """Activations by canonical names; those of hook points side by side are joined."""
        asked = {canonical_name(hook): self._points(hook) for hook in hooks}
        wanted = [point for points in asked.values() for point in points]
        own = [point for point in wanted if not point.other]
        found = self._each_captured(ids, own, real) if own else {}
        if self.other is not None and len(own) < len(wanted):
            theirs = [replace(point, other=False) for point in wanted if point.other]
            captured = self.other._each_captured(ids, theirs, real)
            found |= {replace(point, other=True): x.to(self.device) for point, x in captured.items()}
        return {
            name: found[points[0]] if len(points) == 1 else torch.cat([found[one] for one in points], dim=-1)
            for name, points in asked.items()
        }

    def _each_captured(
        self, ids: Int[Tensor, "b s"], hooks: Sequence[HookPoint], real: Bool[Tensor, "b s"] | None
    ) -> dict[HookPoint, Float[Tensor, "b s width"]]:
        wanted = list(dict.fromkeys(hooks))
        found: dict[HookPoint, Tensor] = {}

        def keep(hook: HookPoint) -> EditFn:
            def read(x: Tensor) -> Tensor:
                found[hook] = x.clone()
                if len(found) == len(wanted):
                    raise _Reached
                return x

            return read

        with ExitStack() as stack:
            for hook in wanted:
                stack.enter_context(self._hooked(hook, keep(hook)))
            with suppress(_Reached):
                self._run(self._base, ids, real)
        return found

    @contextmanager
    def edit(self, edits: Mapping[HookPoint | str, EditFn]) -> Iterator[None]:
        """Within the block, activations at these hook points are what the functions make of them.

        A function gets x [b, s, width] and gives the same shape. It acts on real positions only: padding stays.
        In `generate` it is called for the prompt and then for each new token. At several hook points side by side it
        gets all of them once the last is reached, and gives what that one becomes: the others are past.
        """
        with ExitStack() as stack:
            for hook, fn in edits.items():
                for point, act in self._acting(hook, fn):
                    stack.enter_context(self._hooked(point, act))
            yield

    def _acting(self, hook: HookPoint | str, fn: EditFn) -> Iterator[tuple[HookPoint, EditFn]]:
        """What to do at each hook point of a name."""
        points = self._points(hook)
        if any(point.other for point in points):
            raise UsageError(f"{hook} is not of {self.name} alone; edits act in one model")
        if len(points) == 1:
            yield points[0], self._on_real(fn)
            return
        seen: dict[HookPoint, Tensor] = {}
        last = deepest(hook)

        def remember(point: HookPoint, x: Tensor) -> Tensor:
            seen[point] = x
            return x

        def act(x: Tensor) -> Tensor:
            return fn(torch.cat([x if point == last else seen[point] for point in points], dim=-1))

        for point in points:
            yield point, self._on_real(act) if point == last else partial(remember, point)

    def _points(self, hook: HookPoint | str) -> tuple[HookPoint, ...]:
        """The hook points of a name, each one that the model, or the second one, has."""
        points = points_of(hook)
        for point in points:
            if point.other and self.other is None:
                raise UsageError(f"{point} is of a second model, and {self.name} has none: say which (other)")
            of = self.other if point.other and self.other is not None else self
            point.check(of.n_layers)
        return points

    def _on_real(self, fn: EditFn) -> EditFn:
        def act(x: Tensor) -> Tensor:
            new = fn(x).to(x.dtype)
            if new.shape != x.shape:
                raise UsageError(
                    f"an edit made {tuple(new.shape)} of activations {tuple(x.shape)}; keep the shape"
                )
            if self._real is None or self._real.shape[1] != x.shape[1] or bool(self._real.all()):
                return new
            return torch.where(self._real.to(x.device)[:, :, None], new, x)

        return act

    def _hooked(self, hook: HookPoint, act: EditFn) -> AbstractContextManager[None]:
        block = self._blocks[hook.layer]
        return hooked(block, *find(block, hook, self._text.model_type), act)

    @contextmanager
    def _padding(self, real: Tensor | None) -> Iterator[None]:
        before, self._real = self._real, real
        try:
            yield
        finally:
            self._real = before

    def _run(self, module: nn.Module, ids: Tensor, real: Tensor | None, **more: Any) -> Any:
        inputs: dict[str, Any] = {"input_ids": ids.to(self.device), "use_cache": False} | more
        if real is not None and not right_padded(real):
            inputs["attention_mask"] = real.long().to(self.device)
            inputs["position_ids"] = (real.long().cumsum(1) - 1).clamp_min(0).to(self.device)
        self._check_rows(ids.shape[1])
        with self._padding(real), self._memory(ids):
            return module(**inputs)

    def _check_rows(self, tokens: int) -> None:
        if tokens > self.context:
            raise UsageError(f"rows have {tokens} tokens; {self.name} sees at most {self.context}")

    def _memory(self, ids: Tensor) -> AbstractContextManager[None]:
        return memory(f"out of memory in a forward pass of {tuple(ids.shape)} tokens; lower tokens_per_batch")
