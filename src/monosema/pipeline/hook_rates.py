"""What a position costs at a hook point of a real model: up to it, from it to the losses, and what lies there."""

from __future__ import annotations

import statistics as numbers
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.activations import ActivationStats, row_norms
from monosema.activations.massive import median_norm
from monosema.evaluation.crossentropy import LOGIT_BYTES, losses
from monosema.models import HookPoint, LanguageModel, points_of
from monosema.training import faster_gemm, step_device

MOST_TOKENS_TIMED = 4096
CONTINUED_TOKENS = 1024
DIRECTIONS = 256
"""Directions whose logits are timed."""
TIMES = 3


def seconds_of(act: Callable[[], Tensor], times: int = 1) -> float:
    """Median time of so many calls, each up to where its result can be read; no more of them after a second."""
    found: list[float] = []
    while len(found) < times and sum(found) < 1.0:
        start = time.perf_counter()
        float(act().flatten()[:1].sum())  # waits for the device
        found.append(time.perf_counter() - start)
    return numbers.median(found)


@dataclass(frozen=True)
class Place:
    """A hook point of the model, with rows of so many positions."""

    x: Float[Tensor, "n d_model"]
    """Raw activations, float32, on the CPU."""
    steps_on: torch.device
    """Where SAEs are trained on them."""
    stats: ActivationStats
    forward: float
    """Seconds a position, up to here."""
    continuation: float
    """Seconds a position, from here to the losses."""
    logits: float
    """Seconds a direction, through the unembedding."""
    encoder_gemm: str


def measure_place(model: LanguageModel, hook: str, length: int, *, tokens_per_batch: int) -> Place:
    """Time rows of `length` tokens, a batch of the plan's size at most, at a hook point that the model has."""
    rows = max(1, min(tokens_per_batch, MOST_TOKENS_TIMED) // length)
    ids = torch.arange(rows * length).remainder(model.vocabulary).view(rows, length)

    def capture() -> Tensor:
        return model.capture(ids, [hook])[hook]

    captured = capture()  # first use allocates
    forward = seconds_of(capture, TIMES) / ids.numel()
    few = max(1, min(LOGIT_BYTES // (4 * model.vocabulary), CONTINUED_TOKENS) // length)
    part = ids[:few]

    def go_on() -> Tensor:
        logits = model.resume(hook, captured[:few], part)
        places = torch.arange(part.numel(), device=logits.device)
        return losses(logits, places, part.flatten().to(logits.device))

    go_on()
    continuation = seconds_of(go_on) / part.numel()
    last = HookPoint("resid_post", model.n_layers - 1)
    directions = torch.ones(DIRECTIONS, 1, model.d_model)

    def read_out() -> Tensor:
        found = model.resume(last, directions, torch.zeros(DIRECTIONS, 1, dtype=torch.int64))
        rows = found[:, 0].float().cpu()
        return torch.cat([rows.topk(10, largest=largest).values for largest in (True, False)])

    logits = seconds_of(read_out, TIMES) / DIRECTIONS
    x = captured.flatten(0, 1).float().cpu()  # [rows * length, width]
    norms = row_norms(x)
    stats = ActivationStats.of(x, norms, median=median_norm(norms), places=len(points_of(hook)))
    steps_on = step_device(model.device)
    usual = x[norms <= stats.massive_threshold]
    return Place(usual, steps_on, stats, forward, continuation, logits, faster_gemm(steps_on))
