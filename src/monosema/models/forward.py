"""What a network predicts, also when it goes on from activations at a hook point.

Knows tokens only; `model.py` loads networks and adds text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property, partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from monosema.errors import UsageError
from monosema.models.continued import continued_losses, only_last
from monosema.models.families import way_to_stream
from monosema.models.hooked import HookedNetwork
from monosema.models.hooks import HookPoint, first
from monosema.models.patches import returns_tuples, skipping
from monosema.models.quiet import memory
from monosema.models.rows import padded

LOGIT_BYTES = 256 << 20
"""Most bytes of logits that `losses` holds at once."""


def _in_its_place(x: Tensor, _: Tensor) -> Tensor:
    return x


class PredictingNetwork(HookedNetwork):
    """A network with hook points and, where it was loaded whole, the head that predicts."""

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

    def _need_head(self) -> None:
        if not self._whole:
            raise UsageError("this model was loaded up to a hook point only; load it whole to get logits")
