"""What all benchmarks share: timing in turns, the machine, and the one JSON object that each of them prints."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

LIBRARIES = ("monosema", "torch", "transformers", "numpy")
CAPABILITIES = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16", "bf16")
BF16_UNITS = {"avx512_bf16", "amx_bf16", "bf16"}  # "bf16" is what ARM calls its own
MEETS: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda seen, target: seen <= target,
    ">=": lambda seen, target: seen >= target,
}
MALLOC = {
    # glibc keeps freed memory, so that page faults of large temporaries weigh on nobody, peers least of all
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}


def machine() -> dict[str, Any]:
    """Processor, cores, threads in use and the units that decide how fast products are."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    split = (line.partition(":") for line in reversed(lines))
    fields = {key.strip(): value.strip() for key, _, value in split}
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "capabilities": [name for name in CAPABILITIES if name in flags],
        "system": platform.system(),
    }


def has_bf16_units() -> bool:
    """Whether a bf16 product can be faster than an fp32 one here."""
    return bool(BF16_UNITS.intersection(machine()["capabilities"]))


def versions() -> dict[str, str]:
    """Python and the libraries that a figure may depend on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def with_kept_memory(module: str) -> None:
    """Start the running benchmark again under `MALLOC`, once; allocators other than glibc's ignore it."""
    if all(os.environ.get(name) == value for name, value in MALLOC.items()):
        return
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], os.environ | MALLOC)


def children_peak_gb() -> float:
    """Peak memory of the largest process that this one started."""
    # ru_maxrss is in KiB on Linux and in bytes on macOS
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**30, 2)


def arguments(about: str | None) -> argparse.ArgumentParser:
    """What every benchmark is asked; `about` is printed as it stands."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def study_arguments(about: str | None) -> argparse.ArgumentParser:
    """What every benchmark is asked that makes studies of its own."""
    parser = arguments(about)
    parser.add_argument("--study", type=Path, help="folder to keep; default: a temporary one")
    return parser


@contextmanager
def study_folder(kept: Path | None) -> Iterator[Path]:
    """The folder to keep, or a temporary one."""
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "study"


def medians_in_turns(
    cases: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 2
) -> dict[str, float]:
    """Median milliseconds of each case; every round runs all of them, so that a slow minute meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(warm_up + rounds):
        for name, run in cases.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(each[warm_up:]) for name, each in times.items()}


def report(
    benchmark: str,
    figures: Mapping[str, float],
    targets: Mapping[str, tuple[str, float]],
    seconds: float,
    *,
    as_json: bool,
    notes: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Print a benchmark's outcome: one JSON object, or a table for people.

    `notes` says of a figure why it is missing or how to read it; `details` holds what the figures came from.
    """
    met = {name: MEETS[sign](figures[name], t) for name, (sign, t) in targets.items() if name in figures}
    if as_json:
        out = {
            "benchmark": benchmark,
            "figures": dict(figures),
            "targets": {name: list(target) for name, target in targets.items()},
            "met": met,
            "machine": machine(),
            "versions": versions(),
            "seconds": round(seconds, 1),
            "notes": dict(notes or {}),
            "details": dict(details or {}),
        }
        print(json.dumps(out))
        return
    print(f"{benchmark}: {seconds:.0f} s on {machine()['cpu']}, {machine()['threads']} threads")
    for name in dict.fromkeys([*figures, *targets, *(notes or {})]):
        seen = f"{figures[name]:g}" if name in figures else "-"
        sign, target = targets.get(name, ("", ""))
        verdict = {True: "met", False: "not met"}.get(met[name]) if name in met else ""
        print(
            f"  {name:28s} {seen:>10s}  {sign:2s} {target!s:6s} {verdict:8s} {(notes or {}).get(name, '')}".rstrip()
        )
    for name, value in (details or {}).items():
        print(f"  {name}: {value}")
