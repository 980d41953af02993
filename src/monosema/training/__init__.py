"""Training of SAEs: settings, plan, step, trainer."""

from __future__ import annotations

from monosema.training.checkpoint import Checkpoint, steps_done
from monosema.training.job import Job, TrainResult
from monosema.training.machine import faster_gemm, step_device
from monosema.training.metrics import read_metrics
from monosema.training.plan import TrainPlan, default_lr, make_plan
from monosema.training.settings import DATA, RANDOM, TrainSettings
from monosema.training.step import Step, StepConfig, StepReport
from monosema.training.trainer import train, train_together

__all__ = [
    "DATA",
    "RANDOM",
    "Checkpoint",
    "Job",
    "Step",
    "StepConfig",
    "StepReport",
    "TrainPlan",
    "TrainResult",
    "TrainSettings",
    "default_lr",
    "faster_gemm",
    "make_plan",
    "read_metrics",
    "step_device",
    "steps_done",
    "train",
    "train_together",
]
