"""Hook points: where activations are read or edited."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monosema.errors import UsageError, lookup, nearest

KINDS = ("resid_pre", "resid_post", "attn_out", "mlp_in", "mlp_out", "mlp_act", "z")
"""Before and after a block; what attention and MLP add to the residual stream; the MLP's (normalised) input; its
neurons; the attention heads before the output projection, flattened."""

ORDER = ("resid_pre", "z", "attn_out", "mlp_in", "mlp_act", "mlp_out", "resid_post")
"""Kinds as a forward pass reaches them in a block."""
OTHER = "other."
"""Before a hook point of a second model that reads the same tokens (`LanguageModel.load(other=...)`)."""
_OWN = re.compile(r"(?P<kind>[a-z_]+)\.(?P<layer>\d+)")
_TRANSFORMER_LENS = re.compile(r"blocks\.(?P<layer>\d+)\.(?P<name>.+)")
TRANSFORMER_LENS = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "mlp.hook_post": "mlp_act",
    "attn.hook_z": "z",
}
REFUSED = {
    "ln2.hook_normalized": "TransformerLens reads it before the norm's gain; the nearest here is mlp_in.L",
    "hook_resid_mid": "the stream between attention and MLP is no hook point; use resid_pre, attn_out or resid_post",
}


BESIDE = "+"
"""Between hook points whose activations are wanted side by side in one row: `mlp_in.3+mlp_out.3`."""


@dataclass(frozen=True)
class HookPoint:
    """One place in one block."""

    kind: str
    """One of `KINDS`."""
    layer: int
    """Block, counted from 0."""
    other: bool = False
    """Whether it is one of a second model."""

    @classmethod
    def parse(cls, name: str) -> HookPoint:
        """Read `resid_post.16` or TransformerLens's `blocks.16.hook_resid_post`; raise `UsageError` for others.

        `other.resid_post.16` is that of a second model.
        """
        if name.startswith(OTHER):
            return replace(cls.parse(name.removeprefix(OTHER)), other=True)
        if match := _OWN.fullmatch(name):
            if match["kind"] in KINDS:
                return cls(match["kind"], int(match["layer"]))
        elif match := _TRANSFORMER_LENS.fullmatch(name):
            if match["name"] in REFUSED:
                raise UsageError(f"hook point {name} is not offered: {REFUSED[match['name']]}")
            return cls(lookup(TRANSFORMER_LENS, match["name"], f"hook point in {name}"), int(match["layer"]))
        kind = name.split(".", maxsplit=1)[0]
        raise UsageError(
            f'hook point "{name}" is unknown{nearest(kind, KINDS)}; expected KIND.LAYER with KIND one of '
            f"{', '.join(KINDS)}, such as resid_post.12"
        )

    def __str__(self) -> str:
        return f"{OTHER if self.other else ''}{self.kind}.{self.layer}"

    @property
    def reached(self) -> tuple[int, int]:
        """When a forward pass reaches it: larger is later."""
        return self.layer, ORDER.index(self.kind)

    def check(self, n_layers: int) -> None:
        """Raise `UsageError` where the model has no such block."""
        if not 0 <= self.layer < n_layers:
            raise UsageError(
                f"hook point {self} is outside the model, which has {n_layers} layers; expected {self.kind}.0 to "
                f"{self.kind}.{n_layers - 1}"
            )


def points_of(name: str | HookPoint) -> tuple[HookPoint, ...]:
    """The hook points of a name, one or several side by side; raise `UsageError` for an unknown or repeated one."""
    if isinstance(name, HookPoint):
        return (name,)
    points = tuple(HookPoint.parse(part) for part in name.split(BESIDE))
    if len(set(points)) < len(points):
        raise UsageError(f'hook point "{name}" names one place twice; name each once')
    return points


def canonical_name(name: str | HookPoint) -> str:
    """The canonical name of a hook point, or of several side by side."""
    return BESIDE.join(map(str, points_of(name)))


def deepest(name: str | HookPoint) -> HookPoint:
    """The last of the hook points of a name that a forward pass of the model reaches; a second model's do not count."""
    return max(_own(name), key=lambda point: point.reached)


def first(name: str | HookPoint) -> HookPoint:
    """The first of them."""
    return min(_own(name), key=lambda point: point.reached)


def _own(name: str | HookPoint) -> Sequence[HookPoint]:
    """Those of a name that are not a second model's, unless all are."""
    points = points_of(name)
    return [point for point in points if not point.other] or points
