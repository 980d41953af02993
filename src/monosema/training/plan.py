"""From settings and facts to a plan: every number that training goes by, shown before it starts and saved.

A resume goes by the saved plan, never by settings or defaults that may have changed since.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from monosema.errors import UsageError, lookup
from monosema.sae import Kind, SAEConfig
from monosema.training.objectives import OBJECTIVES
from monosema.training.settings import TrainSettings
from monosema.training.step import CHUNK_NUMBERS, MOST_ROWS, SPARSE_BELOW

PASSES = 4
L1_STEPS = 200_000  # the length for which C3 gives its learning rate
LR_AT_8192 = 1.3e-3
HIGHEST_LR = 2.5e-3
HIGHEST_L1_LR = 3e-3
SHORT_RUN = 20_000  # steps below which C3's warm-up is too short


@dataclass(frozen=True, kw_only=True)
class TrainPlan:
    """What the trainer does, in steps and positions."""

    d_model: int
    """Width of the activations."""
    d_sae: int
    """Number of features."""
    steps: int
    """Steps in all."""
    batch: int
    """Positions a step."""
    lr: float
    """Learning rate between warm-up and decay."""
    lr_warmup: int
    """Steps over which the learning rate rises to `lr`."""
    lr_decay: int
    """Steps at the end over which it falls to zero."""
    l1: float
    """λ after its warm-up; 0 for kinds without a penalty."""
    l1_warmup: int
    """Steps over which λ rises from zero."""
    clip: float
    """Largest norm of the gradient."""
    dead_after: int
    """Positions without an activation after which a feature is reported as dead, unless fewer were seen."""
    aux_dead_after: int
    """Positions without an activation after which the auxiliary loss takes up a feature."""
    checkpoint_steps: int
    """Steps between checkpoints."""
    metrics_every: int
    """Steps between lines of metrics."""
    k: int | None
    """Features that a position may have; None: as many as are above 0."""
    encoder_gemm: str
    """How the encoder's product is made: a row of `ENCODERS` in step.py."""
    resample: int = 0
    """Times at which dead features begin anew (resample.py)."""

    @property
    def positions(self) -> int:
        """Positions that training sees, each counted as often as it is seen."""
        return self.steps * self.batch

    def memory_bytes(self, kind: Kind) -> int:
        """Estimate of the most that training of this kind holds, the stream and the model not counted.

        F = d_sae, d = d_model, B = batch. 34·F·d for weights (8), Adam (16), gradients (8) and the encoder's bf16
        shadow (2); 20·B·d for batches, inputs, residual and read-out; 80 for each active pair, of which a position has
        k, or F/16 at most while ReLU is sparse. What a kind holds for each entry of a chunk, each weight and each
        number of a batch besides, its objective says (`Objective.held`).
        """
        held = lookup(OBJECTIVES, kind.name, "kind of SAE").held(kind, self.d_model, self.d_sae)
        rows = min(self.batch, MOST_ROWS, max(1, CHUNK_NUMBERS // self.d_sae))
        pairs = self.batch * (self.k if self.k is not None else int(SPARSE_BELOW * self.d_sae))
        weights, numbers = self.d_sae * self.d_model, self.batch * self.d_model
        chunk = held.entry * self.d_sae * rows
        return (34 + held.weight) * weights + chunk + (20 + held.number) * numbers + 80 * pairs


def default_lr(kind: Kind, d_sae: int, steps: int) -> float:
    """The learning rate when none is asked for.

    Kinds with decoder rows of norm 1: 1.3e-3 at 8,192 features, falling with the root of their number, at most 2.5e-3
    (docs/log.md, batch and learning rate).
    Others, as L1: 5e-5 at 200,000 steps (C3), rising as steps^-0.7 up to 3e-3, which is what 300 to 700 steps need
    (docs/log.md, short-run recipe).
    """
    if steps < 1:
        raise UsageError(f"{steps} steps; expected 1 or more")
    if kind.unit_decoder:
        return min(HIGHEST_LR, LR_AT_8192 * math.sqrt(8192 / d_sae))
    return min(HIGHEST_L1_LR, 5e-5 * max(1.0, L1_STEPS / steps) ** 0.7)


def default_l1_warmup(steps: int) -> float:
    """Share of the steps over which λ rises: .05 (C3), or .3 in a short run, whose ReLU is dense at first."""
    return 0.05 if steps >= SHORT_RUN else 0.3


def make_plan(
    settings: TrainSettings, sae: SAEConfig, *, positions: int, encoder_gemm: str = "fp32"
) -> TrainPlan:
    """Return the plan for an SAE on a stream of `positions` positions a pass.

    `encoder_gemm` is what `faster_gemm` says of this machine. A batch never exceeds one pass. Raises
    `UsageError` where there are no positions.
    """
    if positions < 1:
        raise UsageError(f"{positions} positions to train on; expected 1 or more: give more text")
    batch = min(settings.batch, positions)
    tokens = PASSES * positions if settings.tokens is None else settings.tokens
    steps = max(1, tokens // batch)
    lr = default_lr(sae.kind, sae.d_sae, steps) if settings.lr is None else settings.lr
    l1_warmup = default_l1_warmup(steps) if settings.l1_warmup is None else settings.l1_warmup
    return TrainPlan(
        d_model=sae.d_model,
        d_sae=sae.d_sae,
        steps=steps,
        batch=batch,
        lr=lr,
        lr_warmup=round(settings.lr_warmup * steps),
        lr_decay=round(settings.lr_decay * steps),
        l1=sae.kind.penalty,
        l1_warmup=round(l1_warmup * steps),
        clip=settings.clip,
        dead_after=settings.dead_after,
        aux_dead_after=min(settings.dead_after, max(10 * batch, steps * batch // 10)),
        checkpoint_steps=settings.checkpoint_steps,
        metrics_every=settings.metrics_every,
        k=sae.kind.k,
        encoder_gemm=encoder_gemm,
        resample=settings.resample,
    )
