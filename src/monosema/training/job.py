"""The training of one SAE: its step, its metrics, and the way back from a checkpoint."""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.activations import derive_seed
from monosema.errors import ActivationError, MonosemaError, UsageError
from monosema.sae import SAE
from monosema.training.checkpoint import Checkpoint
from monosema.training.metrics import MetricParts
from monosema.training.plan import TrainPlan
from monosema.training.resample import dead_for, is_due, resample
from monosema.training.schedule import l1_at, lr_at
from monosema.training.step import Step, StepConfig, StepReport

RECENT = 64  # losses whose median an explosion is measured against
EXPLODED = 100  # times that median


@runtime_checkable
class Stream(Protocol):
    """What the trainer reads: raw fp32 activations of kept, unmassive positions, without end."""

    def next(self, n: int) -> Float[Tensor, "n d_model"]:
        """The next n positions."""

    def state(self) -> dict[str, Tensor]:
        """All that it needs to go on to the bit."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One SAE that is to be trained."""

    sae: SAE
    """Trained in place."""
    plan: TrainPlan
    checkpoint: Path | None = None
    """File that is written every `plan.checkpoint_steps` steps and gone on from where it exists."""
    metrics: Path | None = None
    """Folder of numbered parts of metrics."""
    name: str = ""
    """What errors call it; empty where it is the only one."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How training ended; figures are those of the last step's batch, in scaled units, before its update."""

    steps: int
    """Steps done, those before a resume included."""
    positions: int
    """Positions seen."""
    resumed_from: int
    """Step of the checkpoint that this run went on from; 0: it began at the start."""
    loss: float
    """Loss, penalty and auxiliary loss included."""
    mse: float
    """Mean over positions of ‖s·x − s·x̂‖²."""
    l0: float
    """Mean number of active features a position."""
    variance_explained: float
    """1 − FVU of the batch."""
    dead: int
    """Features without an activation in the last `dead_after` positions, or in all if fewer."""
    dead_share: float
    """`dead` over d_sae."""
    fallback_share: float
    """Share of all positions whose fp32 row was computed, because the shortlist's proof did not cover them."""


class Run:
    """What a job needs while it is worked on: the step, the metrics and the way back from a checkpoint.

    The step works on `device`, on a copy of the SAE where that lies elsewhere.
    """

    def __init__(self, job: Job, stream: Stream, device: torch.device | str) -> None:
        _check(job.sae, job.plan)
        sae, plan, checkpoint = job.sae.to(device), job.plan, job.checkpoint
        self.sae, self.plan, self.path, self.name = sae, plan, checkpoint, job.name
        self._given = job.sae
        self.stream = stream
        config = asdict(sae.config) | {"kind": {"name": sae.config.kind.name} | asdict(sae.config.kind)}
        self.asked = {"plan": asdict(plan), "sae": config, "scale": sae.scale}
        if sae.balance:
            self.asked["balance"] = list(sae.balance)
        self.step = Step(
            *(sae.encoder, sae.W_dec, sae.b_enc, sae.b_dec),
            _step_config(sae, plan),
            plan.batch,
            threshold=sae.threshold,
        )
        found = Checkpoint.load(checkpoint) if checkpoint and checkpoint.exists() else None
        counters: dict[str, Any] = {
            "steps": 0, "part": 0, "pending": [], "recent": [], "last": {}, "fallback_rows": 0
        }  # fmt: skip
        if found and checkpoint:
            found.check(self.asked, checkpoint)
            counters |= found.counters  # those of older versions lack the last one
            for (
                name,
                tensor,
            ) in sae.tensors().items():  # after the step was made, which may change where it starts
                tensor.copy_(found.weights[name])
            self.step.load(dict(found.step))
        self._stream_then = dict(found.stream) if found else None
        self.resumed_from: int = counters["steps"]
        self.recent: deque[float] = deque(counters["recent"], maxlen=RECENT)
        self.last: dict[str, float] = counters["last"]
        self.fallback_rows: int = counters["fallback_rows"]
        self.parts = MetricParts(job.metrics, part=counters["part"], pending=counters["pending"])

    def rewind(self) -> None:
        """Put the stream where it stood at this job's checkpoint."""
        if self._stream_then is not None:
            self.stream.load(self._stream_then)

    def advance(self, number: int, x: Float[Tensor, "n d_model"]) -> StepReport:
        """Take one step on raw rows; write metrics and checkpoint where they are due."""
        plan, config = self.plan, self.sae.config
        rows = self.checked(number, self.sae.scaled(x))
        x, target = rows[:, : config.d_model].contiguous(), self.sae.target(rows).contiguous()
        aim = target if config.transcodes else None
        report = self.step.step(
            x, aim, lr=lr_at(plan, number), l1=l1_at(plan, number), progress=number / plan.steps
        )
        self.watch(number, report)
        self.fallback_rows += report.fallback_rows
        done = number + 1
        if plan.resample and is_due(plan, done):
            dead = (self.step.silent >= dead_for(plan)).nonzero().flatten()
            seed = derive_seed(self.sae.config.seed, f"resample/{done}")
            resample(self.step, x, dead, torch.Generator().manual_seed(seed), target=aim)
        if done % plan.metrics_every == 0 or done == plan.steps:
            self.note(number, report, target)
        if done % plan.checkpoint_steps == 0 or done == plan.steps:
            self.parts.close_part()
            self.save(done)
        return report

    def leave(self, steps: int) -> None:
        """Write a checkpoint, unless what there is lies further on."""
        if self.resumed_from < steps < self.plan.steps:
            self.save(steps)

    def checked(self, number: int, x: Float[Tensor, "n d_model"]) -> Float[Tensor, "n d_model"]:
        """The batch; raises `ActivationError` where it holds numbers that are not finite."""
        if not math.isfinite(float(x.sum())):
            bad = (~torch.isfinite(x)).any(1).nonzero().flatten()
            if len(bad):
                raise ActivationError(
                    f"{self._called}the batch of step {number + 1} holds NaN or infinite activations, "
                    f"first in its row {int(bad[0])} ({len(bad)} of {len(x)} rows); {self._kept(number)}; "
                    "make the activations again"
                )
        return x

    def watch(self, number: int, report: StepReport) -> None:
        """Raise `MonosemaError` where the loss is not finite or far above its recent median."""
        usual = statistics.median(self.recent) if self.recent else math.inf
        finite = math.isfinite(report.loss) and math.isfinite(report.grad_norm)
        if not finite or report.loss > EXPLODED * usual:
            raise MonosemaError(
                f"{self._called}training diverged at step {number + 1}: loss {report.loss:.4g}, usually {usual:.4g}; "
                f"{self._kept(number)}; lower lr (now {self.plan.lr:.3g})"
            )
        self.recent.append(report.loss)

    @property
    def _called(self) -> str:
        return f"{self.name}: " if self.name else ""

    def _kept(self, number: int) -> str:
        """What there is to go back to at a step."""
        every = self.plan.checkpoint_steps
        return f"the checkpoint of step {max(self.resumed_from, number // every * every)} is kept"

    def note(self, number: int, report: StepReport, x: Float[Tensor, "n d_model"]) -> None:
        """Add a line of metrics for this step."""
        variance = float((x - x.mean(0)).square().sum(1).mean())
        seen = (number + 1) * self.plan.batch
        dead = int((self.step.silent >= min(self.plan.dead_after, seen)).sum())
        self.last = {
            "step": number + 1,
            "positions": seen,
            "loss": report.loss,
            "mse": report.mse,
            "l0": report.l0,
            "variance_explained": 1 - report.mse / variance if variance > 0 else math.nan,
            "dead": dead,
            "dead_share": dead / self.plan.d_sae,
            "aux": report.aux,
            "grad_norm": report.grad_norm,
            "lr": lr_at(self.plan, number),
            "l1": l1_at(self.plan, number),
        }
        self.parts.add(self.last)

    @property
    def shown(self) -> dict[str, float]:
        """The figures of the last line that people see."""
        return {key: self.last[key] for key in ("variance_explained", "dead_share") if key in self.last}

    def save(self, steps: int) -> None:
        """Write a checkpoint after `steps` steps."""
        if self.path is None:
            return
        counters = {
            "steps": steps,
            "part": self.parts.part,
            "pending": self.parts.pending,
            "recent": list(self.recent),
            "last": self.last,
            "fallback_rows": self.fallback_rows,
        }
        Checkpoint(
            asked=self.asked,
            counters=counters,
            weights=self.sae.tensors(),
            step=self.step.state(),
            stream=self.stream.state(),
        ).save(self.path)

    def result(self) -> TrainResult:
        """Leave the weights as they are after training in the SAE that was given; the last line as a result."""
        trained = self.step.publish()
        if trained is not None and self.sae.threshold is not None:
            self.sae.threshold.copy_(trained)
        for given, own in zip(self._given.tensors().values(), self.sae.tensors().values(), strict=True):
            given.copy_(own)
        names = ("loss", "mse", "l0", "variance_explained", "dead_share")
        return TrainResult(
            steps=self.plan.steps,
            positions=self.plan.positions,
            resumed_from=self.resumed_from,
            dead=int(self.last["dead"]),
            fallback_share=self.fallback_rows / self.plan.positions,
            **{name: self.last[name] for name in names},
        )


def _check(sae: SAE, plan: TrainPlan) -> None:
    if (sae.d_model, sae.d_sae) != (plan.d_model, plan.d_sae):
        raise UsageError(
            f"the SAE is {sae.d_model} x {sae.d_sae}, the plan {plan.d_model} x {plan.d_sae} "
            "(d_model x d_sae); make the plan from the SAE's config"
        )
    if sae.config.kind.k != plan.k:
        raise UsageError(
            f"the SAE has k {sae.config.kind.k}, the plan {plan.k}; make the plan from the SAE's config"
        )
    fitted = sae.threshold is not None and sae.config.kind.thresholds != "trained"
    if sae.folded or fitted:
        raise UsageError(
            "an SAE with a folded scale or with fitted thresholds cannot be trained; take them off first"
        )


def _step_config(sae: SAE, plan: TrainPlan) -> StepConfig:
    return StepConfig(
        kind=sae.config.kind,
        blocks=sae.config.blocks,
        centred=sae.config.centred,
        dead_after=plan.aux_dead_after,
        clip=plan.clip,
        encoder_gemm=plan.encoder_gemm,
    )
