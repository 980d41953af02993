"""Where steps are taken, and which product makes the encoder's shortlist fastest there (frozen in the plan)."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor

ROWS = 1024
TIMES = 3
WORTH = 0.5  # share of the fp32 product's time below which shortlist and proof pay for themselves


def step_device(device: torch.device | str) -> torch.device:
    """Where SAEs of a model on `device` are trained: there where it is CUDA, which can sum in float64, else here."""
    device = torch.device(device)
    return device if device.type == "cuda" else torch.device("cpu")


def faster_gemm(d_model: int, d_sae: int, *, device: torch.device | str = "cpu") -> str:
    """Return "bf16" where that product is quick enough beside the fp32 one, else "fp32".

    Both give the same features (kernels/certificate.py). Takes about eight encoder products of 1,024 positions.
    """
    x = torch.ones(ROWS, d_model, device=device)
    encoder = torch.ones(d_sae, d_model, device=device)
    wide, narrow = _seconds(x, encoder), _seconds(x.bfloat16(), encoder.bfloat16())
    return "bf16" if narrow < WORTH * wide else "fp32"


def _seconds(x: Tensor, encoder: Tensor) -> float:
    out = x.new_empty(len(x), len(encoder))
    times = []
    for _ in range(TIMES + 1):
        start = time.perf_counter()
        torch.mm(x, encoder.T, out=out)
        float(out[0, 0])  # waits for the device
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])  # the first one warms up
