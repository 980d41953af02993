"""One short forward pass through the first blocks of a model just loaded: does it fit what the table says of it?

Many families share the common pattern's names and yet do more with what a module gives before it is added to the
residual stream: Granite multiplies it, others norm it. Where the sum does not come out, `attn_out` and `mlp_out`
would not mean what they are documented to mean, so they are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monosema.errors import UsageError
from monosema.models.families import find
from monosema.models.hooks import HookPoint
from monosema.models.patches import EditFn, hooked

ADDED = ("attn_out", "mlp_out")
"""Hook points that claim to be what is added to the residual stream."""
SUM = ("resid_pre", *ADDED, "resid_post")
TOLERANCE = 0.05
"""Most that the sum may be off, as a share of what is added, beyond what the number format rounds away."""
PROBED = 8
"""Tokens of the pass."""


class _Seen(Exception):  # noqa: N818 (no error: the block was seen)
    pass


@dataclass(frozen=True)
class Probe:
    """What was seen."""

    tuples: bool
    """Whether blocks give their output inside a tuple."""
    adds_up: bool
    """Whether resid_pre + attn_out + mlp_out = resid_post, so that `ADDED` may be offered."""

    def check(self, hook: HookPoint, model_type: str) -> None:
        """Raise `UsageError` for a hook point that is not what its name says in this model."""
        if hook.kind in ADDED and not self.adds_up:
            raise UsageError(
                f"{model_type} has no hook point {hook}: what its attention and MLP give is not what is added to the "
                f"residual stream; use resid_pre.{hook.layer} or resid_post.{hook.layer}"
            )


def _places(blocks: nn.ModuleList, model_type: str) -> tuple[int, Mapping[str, tuple[nn.Module, Any]]]:
    """The first block that has all terms of the sum (hybrid models have several kinds), and where they are."""
    for layer, block in enumerate(blocks):
        with suppress(UsageError):
            return layer, {kind: find(block, HookPoint(kind, layer), model_type) for kind in SUM}
    return 0, {}


@torch.inference_mode()
def probe(base: nn.Module, blocks: nn.ModuleList, model_type: str, device: torch.device) -> Probe:
    """Run a few tokens up to the first block that can be checked."""
    found: dict[str, Tensor] = {}
    kinds: list[type] = []
    layer, places = _places(blocks, model_type)

    def keep(kind: str) -> EditFn:
        def read(x: Tensor) -> Tensor:
            found[kind] = x.clone()
            return x

        return read

    def stop(module: nn.Module, args: Any, out: Any) -> None:
        kinds.append(type(out))
        raise _Seen

    with ExitStack() as stack:
        for kind, (module, side) in places.items():
            stack.enter_context(hooked(blocks[layer], module, side, keep(kind)))
        stack.callback(blocks[layer].register_forward_hook(stop).remove)
        with suppress(_Seen):
            base(input_ids=torch.arange(PROBED, device=device)[None], use_cache=False)
    return Probe(issubclass(kinds[0], tuple), len(found) == len(SUM) and _adds_up(found))


def _adds_up(found: Mapping[str, Float[Tensor, "b s d_model"]]) -> bool:
    rounding = torch.finfo(found["resid_post"].dtype).eps
    pre, attn, mlp, post = (found[kind].float().cpu() for kind in SUM)
    off, added = (pre + attn + mlp - post).norm(), (attn + mlp).norm()
    return bool(off <= TOLERANCE * added + 2 * rounding * (pre.norm() + post.norm()))
