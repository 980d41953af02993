"""A network with hook points: capture activations, edit them, and go on from them.

Knows tokens only; `model.py` loads networks and adds text. Padding: `real` [b, s] says which positions are tokens. Rows
padded on the right need no mask, because a causal model's tokens never see what comes after them; rows padded on the
left get a mask and positions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from monosema.errors import UsageError
from monosema.models.continued import continued_losses, only_last
from monosema.models.families import blocks_of, find, way_to_stream
from monosema.models.hooks import HookPoint, canonical_name, deepest, first, points_of
from monosema.models.patches import EditFn, hooked, returns_tuples, skipping
from monosema.models.quiet import memory
from monosema.models.rows import padded, right_padded

LOGIT_BYTES = 256 << 20
"""Most bytes of logits that `losses` holds at once."""


class _Reached(Exception):  # noqa: N818 (no error: the deepest hook point was reached)
    pass


def _in_its_place(x: Tensor, _: Tensor) -> Tensor:
    return x


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

    @torch.inference_mode()
    def logits(
        self, ids: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None = None
    ) -> Float[Tensor, "b s vocabulary"]:
        """Next-token logits at every position."""
        self._need_head()
        logits: Tensor = self._run(self._network, ids, real).logits
        return logits

    @torch.inference_mode()
    def next_logits(self, ids: Int[Tensor, "1 s"]) -> Float[Tensor, " vocabulary"]:
        """Logits of the token after the last one."""
        self._need_head()
        return self._last_logits(ids, None, 1)[0, 0]

    @torch.inference_mode()
    def resume(
        self,
        hook: HookPoint | str,
        x: Float[Tensor, "b s width"],
        ids: Int[Tensor, "b s"],
        real: Bool[Tensor, "b s"] | None = None,
        *,
        last: int | None = None,
    ) -> Float[Tensor, "b s_or_last vocabulary"]:
        """Logits when the activations at a hook point are x; layers before a residual hook point do not run.

        Of several hook points side by side, equally wide, each has its part of x. With `last`, those of so many last
        positions only.
        """
        return self._resumed(hook, x, ids, real, last)

    def gradient(
        self,
        hook: HookPoint | str,
        x: Float[Tensor, "b s width"],
        ids: Int[Tensor, "b s"],
        real: Bool[Tensor, "b s"] | None,
        loss: Callable[[Float[Tensor, "b s_or_last vocabulary"]], Float[Tensor, ""]],
        *,
        last: int | None = None,
    ) -> tuple[float, Float[Tensor, "b s width"]]:
        """A loss of the logits when the activations at a hook point are x, and its gradient by x.

        With `last`, the loss is given the logits of so many last positions only.
        """
        with torch.inference_mode(mode=False), torch.enable_grad():
            leaf = x.to(self.device, self.dtype).clone().requires_grad_()
            known = None if real is None else real.clone()
            value = loss(self._resumed(hook, leaf, ids.clone(), known, last))
            (found,) = torch.autograd.grad(value, leaf)
        return float(value.detach()), found

    def _resumed(
        self, hook: HookPoint | str, x: Tensor, ids: Tensor, real: Tensor | None, last: int | None
    ) -> Float[Tensor, "b s_or_last vocabulary"]:
        self._need_head()
        points = self._points(hook)
        parts = dict(zip(points, x.to(self.device, self.dtype).chunk(len(points), dim=-1), strict=True))
        parts = {point: part for point, part in parts.items() if not point.other}  # nothing here reads others
        begin = first(hook)
        if begin.other:
            raise UsageError(f"{hook} is of {self.name}'s second model; name a hook point of this one")
        skipped = {"resid_post": begin.layer + 1, "resid_pre": begin.layer}.get(begin.kind, 0)
        with ExitStack() as stack:
            if skipped:
                start = parts.pop(begin)
                stack.enter_context(
                    skipping(list(self._blocks)[:skipped], start, tuples=self._blocks_return_tuples)
                )
            for point, part in parts.items():
                stack.enter_context(self._hooked(point, partial(_in_its_place, part)))
            return self._last_logits(ids, real, last)

    def _last_logits(
        self, ids: Tensor, real: Tensor | None, last: int | None
    ) -> Float[Tensor, "b s_or_last vocabulary"]:
        """Logits of the last positions; those of the others are not made where the family can leave them."""
        logits: Tensor = self._run(self._network, ids, real, **only_last(self._network, last)).logits
        return logits if last is None else logits[:, -last:]

    @torch.inference_mode()
    def into_stream(
        self, hook: HookPoint | str, x: Float[Tensor, "n width"]
    ) -> Float[Tensor, "n d_model"] | None:
        """What x, added at one hook point of this model, adds to the residual stream of its block.

        Through the output projection at `z` and `mlp_act`, without its bias; x itself elsewhere. A norm after the
        projection (Gemma 2) is applied to x's part alone: that has the direction, not the length, of what x adds.
        None where no linear map leads there: at `mlp_in` and in a second model. Raises `UsageError` for a hook point
        that the model does not have, and for several side by side.
        """
        point = HookPoint.parse(str(hook))
        if point.other:
            return None
        point.check(self.n_layers)
        way = way_to_stream(self._blocks[point.layer], point, self._text.model_type)
        if way is None:
            return None
        x = x.to(self.device, self.dtype)
        for module in way:
            x = module(x) - module(torch.zeros_like(x))
        return x

    @torch.inference_mode()
    def losses(
        self, ids: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None = None
    ) -> Float[Tensor, "b s_less_1"]:
        """Loss of each next token in nats, float32; column j is that of predicting token j + 1."""
        rows = max(1, LOGIT_BYTES // (4 * ids.shape[1] * self.vocabulary))
        parts = []
        for begin in range(0, len(ids), rows):
            some = slice(begin, begin + rows)
            logits = self.logits(ids[some], None if real is None else real[some])[:, :-1].float()
            targets = ids[some, 1:].to(logits.device)
            parts.append(nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").cpu())
        return torch.cat(parts)

    @torch.inference_mode()
    def continued_losses(
        self, prompts: Sequence[Sequence[int]], written: Sequence[Sequence[int]]
    ) -> list[Float[Tensor, " t"]]:
        """Loss of each token of continuations in nats, float32; equal prompts are read once.

        Raises `UsageError` for an empty prompt or continuation, and for more tokens than the model can see.
        """
        self._need_head()
        if not written:
            return []
        self._check_rows(max(len(p) + len(new) for p, new in zip(prompts, written, strict=True)))
        if self._network._is_stateful:  # a recurrent state cannot be copied
            ids, real = padded([[*p, *new] for p, new in zip(prompts, written, strict=True)], left=False)
            parts = zip(self.losses(ids, real), prompts, written, strict=True)
            return [losses[len(p) - 1 :][: len(new)] for losses, p, new in parts]
        with memory("out of memory while continuations are read; give fewer at once"):
            return continued_losses(self._network, prompts, written, logit_bytes=LOGIT_BYTES)

    @cached_property
    def _blocks_return_tuples(self) -> bool:
        one = torch.zeros(1, 1, dtype=torch.int64)
        return returns_tuples(self._blocks[0], lambda: self._run(self._base, one, None))

    def _points(self, hook: HookPoint | str) -> tuple[HookPoint, ...]:
        """The hook points of a name, each one that the model, or the second one, has."""
        points = points_of(hook)
        for point in points:
            if point.other and self.other is None:
                raise UsageError(f"{point} is of a second model, and {self.name} has none: say which (other)")
            of = self.other if point.other and self.other is not None else self
            point.check(of.n_layers)
        return points

    def _need_head(self) -> None:
        if not self._whole:
            raise UsageError("this model was loaded up to a hook point only; load it whole to get logits")

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
