"""Where steps are taken, and which product makes the encoder's shortlist there (frozen in the plan)."""

from __future__ import annotations

import torch

from monosema.kernels import has_bf16_units

AMPERE = (8, 0)
"""Compute capability from which on NVIDIA's GPUs multiply bf16."""


def step_device(device: torch.device | str) -> torch.device:
    """Where SAEs of a model on `device` are trained: there where it is CUDA, which can sum in float64, else here."""
    device = torch.device(device)
    return device if device.type == "cuda" else torch.device("cpu")


def faster_gemm(device: torch.device | str = "cpu") -> str:
    """Return "bf16" where steps are taken on units that multiply it, else "fp32".

    Both give the same features (kernels/certificate.py), whose values differ in their last bits. So it is the
    hardware that decides and not a clock, by which two runs on one machine could differ.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= AMPERE else "fp32"
    return "bf16" if has_bf16_units() else "fp32"
