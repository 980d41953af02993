"""Device and number format: measured, not guessed, so that a study's plan can freeze the choice."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import torch

from monosema.errors import UsageError
from monosema.kernels import has_bf16_units

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}
FASTER = 1.3
"""bf16 is taken on a processor where its product is at least so many times faster than that in fp32."""


@dataclass(frozen=True)
class DtypeChoice:
    """What was chosen, why, and what was measured."""

    dtype: str
    reason: str
    bf16_over_fp32: float | None = None
    """Speed of a bf16 product over the same in fp32; None where it was not timed."""

    def to_dict(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)


def choose_device(name: str | None) -> torch.device:
    """The device asked for, or the first accelerator, or the processor; raise `UsageError` for one not here."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"device {name} cannot be used here ({first}); try device = cpu") from None
    return device


def parse_dtype(name: str) -> torch.dtype:
    """A number format by name; raise `UsageError` for an unknown one."""
    if name.removeprefix("torch.") not in DTYPES:
        raise UsageError(f"dtype is {name!r}; expected one of {', '.join(DTYPES)}")
    return DTYPES[name.removeprefix("torch.")]


def _seconds(dtype: torch.dtype) -> float:
    a, b = torch.ones(512, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
    out = torch.empty(512, 1536, dtype=dtype)
    times = []
    for _ in range(6):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def measure_dtype(device: torch.device) -> DtypeChoice:
    """Choose the number format for a device: bf16 on an accelerator, on a processor only where it is faster."""
    if device.type == "cuda":
        return DtypeChoice("bfloat16" if torch.cuda.is_bf16_supported() else "float16", "an accelerator")
    if device.type != "cpu":
        return DtypeChoice("float32", "safe on this accelerator")
    if not has_bf16_units() and "SVE" not in torch.backends.cpu.get_cpu_capability():
        return DtypeChoice("float32", "this processor has no bf16 units")
    ratio = round(_seconds(torch.float32) / _seconds(torch.bfloat16), 2)
    if ratio >= FASTER:
        return DtypeChoice("bfloat16", f"a bf16 product is {ratio} times as fast as one in fp32", ratio)
    return DtypeChoice("float32", f"a bf16 product is only {ratio} times as fast as one in fp32", ratio)
