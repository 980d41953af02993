"""Learning rate and λ at each step (C3): pure functions of the plan."""

from __future__ import annotations

from monosema.training.plan import TrainPlan


def lr_at(plan: TrainPlan, step: int) -> float:
    """Learning rate of step `step`, from 0: up over the warm-up, constant, then linearly towards zero."""
    rise = (step + 1) / plan.lr_warmup if plan.lr_warmup else 1.0
    fall = (plan.steps - step) / plan.lr_decay if plan.lr_decay else 1.0
    return plan.lr * min(1.0, rise, fall)


def l1_at(plan: TrainPlan, step: int) -> float:
    """λ of step `step`, from 0: linearly up from zero over its warm-up, then constant."""
    return plan.l1 * min(1.0, step / plan.l1_warmup) if plan.l1_warmup else plan.l1
