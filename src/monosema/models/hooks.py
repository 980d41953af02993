"""Hook points: where activations are read or edited."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monosema.errors import UsageError, lookup, nearest

KINDS = ("resid_pre", "resid_post", "attn_out", "mlp_in", "mlp_out", "mlp_act", "z")
"""Before and after a block; what attention and MLP add to the residual stream; the MLP's (normalised) input; its
neurons; the attention heads before the output projection, flattened."""

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


@dataclass(frozen=True)
class HookPoint:
    """One place in one block."""

    kind: str
    """One of `KINDS`."""
    layer: int
    """Block, counted from 0."""

    @classmethod
    def parse(cls, name: str) -> HookPoint:
        """Read `resid_post.16` or TransformerLens's `blocks.16.hook_resid_post`; raise `UsageError` for others."""
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
        return f"{self.kind}.{self.layer}"

    def check(self, n_layers: int) -> None:
        """Raise `UsageError` where the model has no such block."""
        if not 0 <= self.layer < n_layers:
            raise UsageError(
                f"hook point {self} is outside the model, which has {n_layers} layers; expected {self.kind}.0 to "
                f"{self.kind}.{n_layers - 1}"
            )
