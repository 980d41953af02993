"""Where the hook points live in each family of models: a common pattern, and a row for each that differs.

A place is a module's path inside a block (empty: the block itself) and whether its input or its output is meant.
Families that fit the common pattern need no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from monosema.errors import UsageError
from monosema.models.hooks import HookPoint

Side = Literal["input", "output"]


@dataclass(frozen=True)
class Place:
    """A module inside a block, and which side of it."""

    path: str
    side: Side


@dataclass(frozen=True)
class Family:
    """How one family of models is built."""

    blocks: tuple[str, ...] = ("layers",)
    """Paths, from the base model, at which the list of blocks may stand."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where it differs from the common pattern."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Hook points that it does not have, and why."""


COMMON: Mapping[str, Place] = {
    "resid_pre": Place("", "input"),
    "resid_post": Place("", "output"),
    "attn_out": Place("self_attn", "output"),
    "mlp_in": Place("mlp", "input"),
    "mlp_out": Place("mlp", "output"),
    "mlp_act": Place("mlp.down_proj", "input"),
    "z": Place("self_attn.o_proj", "input"),
}
# the norms after attention and MLP are part of what is added to the residual stream
POST_NORMS = {
    "attn_out": Place("post_attention_layernorm", "output"),
    "mlp_out": Place("post_feedforward_layernorm", "output"),
}
STRAIGHT = ("resid_pre", "attn_out", "mlp_out", "resid_post")
"""Hook points in the residual stream, or of what is added to it as it is."""
PROJECTED = {"z": "attn_out", "mlp_act": "mlp_out"}
"""Hook points before a projection, and the one of what it adds to the residual stream."""
EXPERTS = {"mlp_act": "its neurons lie in experts of which each position uses a few; use mlp_out"}

FAMILIES: Mapping[str, Family] = {
    "gpt2": Family(
        ("h",),
        {
            "attn_out": Place("attn", "output"),
            "z": Place("attn.c_proj", "input"),
            "mlp_act": Place("mlp.c_proj", "input"),
        },
    ),
    "gpt_neo": Family(
        ("h",),
        {
            "attn_out": Place("attn", "output"),
            "z": Place("attn.attention.out_proj", "input"),
            "mlp_act": Place("mlp.c_proj", "input"),
        },
    ),
    "gptj": Family(
        ("h",),
        {
            "attn_out": Place("attn", "output"),
            "z": Place("attn.out_proj", "input"),
            "mlp_act": Place("mlp.fc_out", "input"),
        },
    ),
    "gpt_neox": Family(
        places={
            "attn_out": Place("attention", "output"),
            "z": Place("attention.dense", "input"),
            "mlp_act": Place("mlp.dense_4h_to_h", "input"),
        }
    ),
    "opt": Family(
        ("decoder.layers",),
        {
            "z": Place("self_attn.out_proj", "input"),
            "mlp_in": Place("fc1", "input"),
            "mlp_act": Place("fc2", "input"),
            "mlp_out": Place("fc2", "output"),
        },
    ),
    "phi": Family(
        places={"z": Place("self_attn.dense", "input"), "mlp_act": Place("mlp.fc2", "input")},
    ),
    "mixtral": Family(refused=EXPERTS),
    "qwen2_moe": Family(refused=EXPERTS),
    "qwen3_moe": Family(refused=EXPERTS),
    "olmoe": Family(refused=EXPERTS),
    "gemma2": Family(places=POST_NORMS),
    "gemma3_text": Family(places=POST_NORMS),
    "gemma3": Family(("language_model.layers", "layers"), POST_NORMS),
    "olmo2": Family(places=POST_NORMS),
    "olmo3": Family(places=POST_NORMS),
}
"""By `model_type` of the configuration."""


def family_of(model_type: str) -> Family:
    """The family's row, or the common pattern."""
    return FAMILIES.get(model_type, Family())


def _inside(module: nn.Module, path: str) -> nn.Module | None:
    at: Any = module
    for name in path.split(".") if path else ():
        at = getattr(at, name, None)
    return at


def blocks_of(base: nn.Module, model_type: str) -> nn.ModuleList:
    """The list of blocks of a model without its head; raise `UsageError` where none is found."""
    family = family_of(model_type)
    for path in family.blocks:
        found = _inside(base, path)
        if isinstance(found, nn.ModuleList):
            return found
    raise UsageError(
        f"models of type {model_type} are built in a way that is not known here (no {' or '.join(family.blocks)}); "
        f"known besides the common pattern: {', '.join(FAMILIES)}"
    )


def find(block: nn.Module, hook: HookPoint, model_type: str) -> tuple[nn.Module, Side]:
    """The module and side of a hook point in its block; raise `UsageError` where the family has none."""
    family = family_of(model_type)
    if hook.kind in family.refused:
        raise UsageError(f"{model_type} has no hook point {hook}: {family.refused[hook.kind]}")
    place = family.places.get(hook.kind, COMMON[hook.kind])
    module = _inside(block, place.path)
    if module is None:
        raise UsageError(f"{model_type} has no hook point {hook}: its blocks hold no {place.path}")
    return module, place.side


def way_to_stream(block: nn.Module, hook: HookPoint, model_type: str) -> tuple[nn.Module, ...] | None:
    """The modules between a hook point and the residual stream, none where it stands there; None: no linear way.

    The output projection of attention or MLP, and where the family has one (Gemma 2, OLMo 2) the norm after it.
    Raises `UsageError` where the family has no such hook point.
    """
    if hook.kind in STRAIGHT:
        return ()
    if hook.kind not in PROJECTED:
        return None
    projection, _ = find(block, hook, model_type)
    added, _ = find(block, HookPoint(PROJECTED[hook.kind], hook.layer), model_type)
    return (projection,) if projection in added.modules() else (projection, added)
