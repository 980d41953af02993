"""Builds the kernels in C++ into the package; run by `make` and by the wheel's build hook.

    python native/build_native.py

It needs a C++ compiler with OpenMP (CXX, else c++, g++ or clang++). What was built is used again for as long as no
source changed. Without a compiler torch does the same work, slower.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "src" / "monosema" / "kernels" / "built"
STAMP = "built-from.txt"
"""In `OUT`: the hash of the sources and the levels that were built."""
FLAGS = (
    "-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", "-fopenmp",
    "-fvisibility=hidden", "-Wall", "-Wextra",
)  # fmt: skip
X86 = {"v4": "-march=x86-64-v4", "v3": "-march=x86-64-v3", "base": "-march=x86-64"}
LEVELS = {"x86_64": X86, "amd64": X86}
"""Flags of each level of the instruction set, by machine; elsewhere (NEON is part of arm64) one is enough."""


class NotBuiltError(Exception):
    """The kernels could not be built; the message says why in one line."""


def sources() -> list[Path]:
    """The files that are compiled."""
    return sorted(HERE.glob("*.cpp"))


def sources_hash() -> str:
    """BLAKE2 over all sources and the flags."""
    total = hashlib.blake2b(repr((FLAGS, _levels())).encode(), digest_size=16)
    for path in [*sources(), *sorted(HERE.glob("*.hpp"))]:
        total.update(path.read_bytes())
    return total.hexdigest()


def library(level: str) -> Path:
    """Where the library of a level lies; kernels/native.py looks for the same name."""
    return OUT / f"kernels-{level}.so"


def is_current() -> bool:
    """Whether the libraries of all levels are there, built from the sources as they are."""
    stamp = OUT / STAMP
    stamped = stamp.is_file() and stamp.read_text().strip() == sources_hash()
    return stamped and all(library(level).is_file() for level in _levels())


def find_compiler() -> str | None:
    """The compiler that is asked for, or the first that is there."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["c++", "g++", "clang++"]
    return next((path for path in map(shutil.which, names) if path), None)


def build() -> bool:
    """Build the libraries unless they are current; whether it did.

    Raises:
        NotBuiltError: There is no compiler, or it failed.
    """
    if is_current():
        return False
    compiler = find_compiler()
    if compiler is None:
        raise NotBuiltError("there is no C++ compiler (c++, g++ or clang++)")
    OUT.mkdir(exist_ok=True)
    for level, flag in _levels().items():
        _compile(compiler, [flag] if flag else [], library(level))
    (OUT / STAMP).write_text(sources_hash() + "\n")
    return True


def _levels() -> dict[str, str]:
    return LEVELS.get(platform.machine().lower(), {"base": ""})


def _compile(compiler: str, flags: list[str], out: Path) -> None:
    """Compile beside the old library and put it in its place, which a running program may still use."""
    unfinished = out.with_suffix(".new")
    command = [compiler, *FLAGS, *flags, "-o", str(unfinished), *map(str, sources())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        unfinished.unlink(missing_ok=True)
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise NotBuiltError(f"{compiler} failed: {lines[0] if lines else f'exit code {done.returncode}'}")
    unfinished.replace(out)


def main() -> int:
    """Build; one line on what came of it."""
    try:
        if build():
            print(f"kernels: built ({', '.join(_levels())})")
    except NotBuiltError as error:
        print(
            f"kernels: not built: {error}. All works without them, slower; try again with: make native",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
