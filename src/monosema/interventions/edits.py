"""Edits of feature activations inside a running model (C11).

Only the difference that an edit makes is added to the residual stream: x' = x + Σ (a'_i - a_i)·(d_i/‖d_i‖)/s. So what
the SAE does not explain (the error) stays, an edit that changes no activation changes no bit, and massive positions
are not touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monosema.errors import UsageError, lookup
from monosema.models import EditFn, HookPoint, deepest, points_of
from monosema.sae import SAE

Positions = Literal["all", "prompt", "answer", "fading"]
PLACES: tuple[Positions, ...] = get_args(Positions)
"""All of them."""
SHARES: Mapping[Positions, tuple[float, float]] = {
    "all": (1.0, 1.0),
    "prompt": (1.0, 0.0),
    "answer": (0.0, 1.0),
    "fading": (1.0, 1 / 3),
}
"""How much of an edit's value acts in the prompt, and how much at the answer. The position that predicts the first new
token is part of both and takes the larger share."""
_Act = Float[Tensor, " n"]

OPERATIONS: Mapping[str, Callable[[_Act, _Act], _Act]] = {
    "clamp": lambda a, value: value,
    "raise": torch.maximum,
    "add": lambda a, value: a + value,
    "scale": lambda a, value: a * value,
}
"""What an edit makes of a feature's activations: put them at a value, lift them to at least it, add it, multiply."""
LARGEST = 1e6


@dataclass(frozen=True, eq=False)
class Push:
    """A vector that is added without asking any feature, such as a mean difference."""

    vector: Float[Tensor, " d_model"]
    """In the model's own units."""
    positions: Positions = "all"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One feature, one operation. Raises `UsageError` for an unknown operation and a value that overflows."""

    feature: int
    operation: str
    """Row of `OPERATIONS`."""
    value: float
    """In the units of a (metrics.md), or a factor for `scale`."""
    positions: Positions = "all"
    """Where: everywhere, in the prompt only, from the position on that predicts the first new token, or everywhere
    with a third of the value once the prompt is read (`SHARES`)."""

    def __post_init__(self) -> None:
        lookup(OPERATIONS, self.operation, "operation")
        if self.operation == "scale" and self.positions == "fading":
            raise UsageError(
                f"scale of feature {self.feature} cannot fade: a third of a factor means nothing; take other positions"
            )
        if not math.isfinite(self.value) or abs(self.value) > LARGEST:
            raise UsageError(
                f"{self.operation} of feature {self.feature} is {self.value:g}; expected at most {LARGEST:g}: "
                "lower the dose"
            )
        if self.positions not in PLACES:
            raise UsageError(
                f"positions is {self.positions!r}; expected {', '.join(PLACES[:-1])} or {PLACES[-1]}"
            )


def clamp(feature: int, value: float, positions: Positions = "all") -> Edit:
    """Put a feature at a value wherever it fires or not."""
    return Edit(feature=feature, operation="clamp", value=value, positions=positions)


def raise_to(feature: int, value: float, positions: Positions = "all") -> Edit:
    """Lift a feature to at least a value; never lower it."""
    return Edit(feature=feature, operation="raise", value=value, positions=positions)


def add(feature: int, value: float, positions: Positions = "all") -> Edit:
    """Add to a feature's activation."""
    return Edit(feature=feature, operation="add", value=value, positions=positions)


def scale(feature: int, factor: float, positions: Positions = "all") -> Edit:
    """Multiply a feature's activation."""
    return Edit(feature=feature, operation="scale", value=factor, positions=positions)


def ablate(feature: int, positions: Positions = "all") -> Edit:
    """Take a feature out."""
    return clamp(feature, 0.0, positions)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to steer: edits of features, a push, or both; neither leaves the model plain."""

    edits: Sequence[Edit] = ()
    push: Push | None = None


class Steering:
    """A way to steer as a function on activations, for `LanguageModel.edit` at `sae.place`. It counts calls: make a new
    one for each run.

    The first call is the prompt (or a whole text), each later one a new token. It gets rows and gives what stands where
    the SAE writes.
    """

    def __init__(self, sae: SAE, edits: Sequence[Edit], push: Push | None = None) -> None:
        """`push` acts at usual positions, like edits."""
        for edit in edits:
            if not 0 <= edit.feature < sae.d_sae:
                raise UsageError(f"there is no feature {edit.feature}; this SAE has 0 to {sae.d_sae - 1}")
        only_adds = all(edit.operation == "add" for edit in edits)
        if sae.config.blocks > 1 and (push is not None or not only_adds):
            raise UsageError(
                f"this crosscoder's features are known only after {deepest(sae.input)}, where its other hook points "
                "are past; what is added needs no activation: use add"
            )
        self._sae, self._calls = sae, 0
        # what is added is the same whatever stands there, so that nothing need be encoded
        self._edits = () if only_adds else tuple(edits)
        self._vectors = _summed(sae, edits if only_adds else (), push)
        self._features = torch.tensor(sorted({edit.feature for edit in self._edits}), dtype=torch.int64)
        self._column = {int(feature): column for column, feature in enumerate(self._features)}
        self._directions = sae.directions(self._features.to(sae.W_dec.device))  # [f, d_model]

    @property
    def hooks(self) -> dict[HookPoint | str, EditFn]:
        """What to do where, for `LanguageModel.edit`; nothing anywhere where there is nothing to do."""
        return self.everywhere if self._edits or self._vectors else {}

    @property
    def everywhere(self) -> dict[HookPoint | str, EditFn]:
        """What to do at each hook point where the SAE writes: of a crosscoder each one of the model gets its part."""
        if self._sae.config.blocks == 1:
            return {self._sae.place: self}
        points = enumerate(points_of(self._sae.output))
        return {point: self._adding(number) for number, point in points if not point.other}

    def __call__(self, x: Float[Tensor, "b s row"]) -> Float[Tensor, "b s d_model"]:
        """What the edits make of activations."""
        if self._sae.config.blocks > 1:
            raise UsageError("a crosscoder is steered at each of its hook points: use Steering.hooks")
        first, self._calls = self._calls == 0, self._calls + 1
        usual = ~self._sae.massive_mask(x.reshape(-1, x.shape[-1]).float())  # [n]
        return self._added(self._edited(x, usual, first), usual, first)

    def _adding(self, number: int) -> EditFn:
        """What is added at one of several hook points."""
        width = self._sae.d_model // self._sae.config.blocks
        part = slice(number * width, (number + 1) * width)
        calls = 0

        def act(x: Float[Tensor, "b s width"]) -> Float[Tensor, "b s width"]:
            nonlocal calls
            first, calls = calls == 0, calls + 1
            usual = torch.linalg.vector_norm(x.float(), dim=2).reshape(-1) <= self._sae.massive  # [n]
            return self._added(x, usual, first, part)

        return act

    def _added(
        self, y: Float[Tensor, "b s width"], usual: Bool[Tensor, " n"], first: bool, part: slice = slice(None)
    ) -> Float[Tensor, "b s width"]:
        for positions, vector in self._vectors.items():
            if _acts(positions, first):
                share = (usual * _share(positions, y, first)).view(*y.shape[:2], 1)
                y = torch.where(share > 0, (y + share * vector[part].to(y.device)).to(y.dtype), y)
        return y

    def _edited(
        self, x: Float[Tensor, "b s row"], usual: Bool[Tensor, " n"], first: bool
    ) -> Float[Tensor, "b s d_model"]:
        edits = [edit for edit in self._edits if _acts(edit.positions, first)]
        y = self._sae.target(x)
        if not edits:
            return y
        a = self._activations(x.reshape(-1, x.shape[-1]).float())  # [n, f]
        new = a.clone()
        for edit in edits:
            column, share = new[:, self._column[edit.feature]], _share(edit.positions, x, first)
            changed = OPERATIONS[edit.operation](column, edit.value * share)
            column.copy_(torch.where(share > 0, changed, column))
        new = torch.where(usual[:, None], new, a)
        return y + ((new - a) @ self._directions.to(a.device)).reshape(y.shape).to(y.dtype)

    def _activations(self, flat: Float[Tensor, "n row"]) -> Float[Tensor, "n f"]:
        acts = self._sae.encode(flat).to(flat.device)
        out = flat.new_zeros(len(flat), len(self._features))
        features = self._features.to(flat.device)
        column = torch.searchsorted(features, acts.indices).clamp_max(len(features) - 1)
        mine = features[column] == acts.indices
        out[acts.rows()[mine], column[mine]] = acts.values[mine]
        return out


def _summed(sae: SAE, added: Sequence[Edit], push: Push | None) -> dict[Positions, Float[Tensor, " d_model"]]:
    """What is added in all, by where it acts."""
    sums: dict[Positions, Tensor] = {} if push is None else {push.positions: push.vector.float()}
    features = torch.tensor([edit.feature for edit in added], dtype=torch.int64)
    for edit, direction in zip(added, sae.directions(features.to(sae.W_dec.device)), strict=True):
        sums[edit.positions] = edit.value * direction.float().cpu() + sums.get(edit.positions, 0)
    return sums


def _acts(positions: Positions, first: bool) -> bool:
    """Whether anything is done in the pass of the prompt, or in a later one."""
    return first or SHARES[positions][1] > 0


def _share(positions: Positions, x: Float[Tensor, "b s row"], first: bool) -> Float[Tensor, " n"]:
    """The part of an edit's value that acts at each position."""
    prompt, answer = SHARES[positions]
    share = torch.full(x.shape[:2], prompt if first else answer, device=x.device)
    if first:
        share[:, -1] = max(prompt, answer)
    return share.reshape(-1)
