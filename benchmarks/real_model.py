"""From a model and text to an evaluated SAE, as a user runs it: `monosema init` and `monosema run`, timed whole.

    python -m benchmarks.real_model --model smollm2 --corpus PATH... --hook resid_post.16 --json

The floor is the issue's: what was reached by hand on two cores (docs/log.md). Everything but the options is the
default that a user gets. Peak memory is that of the process that did the work.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness import children_peak_gb, report, study_arguments, study_folder

TARGETS = {
    "ce_added": ("<=", 0.23),
    "ce_recovered_mean": (">=", 0.97),
    "l0": ("<=", 32),
    "fvu": ("<=", 0.155),
    "dead_share": ("<=", 0.02),
    "left_out": ("<=", 0.01),
    "seconds": ("<=", 480),
    "peak_gb": ("<=", 6),
}


def monosema(*arguments: str) -> str:
    """Run the command line in a process of its own; return what it printed; stop where it failed."""
    command = [sys.executable, "-m", "monosema", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def study_of(options: argparse.Namespace, folder: Path) -> None:
    """Write the study.toml, unless an earlier try left one there."""
    if (folder / "study.toml").exists():
        return
    sources = [part for path in options.corpus for part in ("--corpus", path)]
    monosema(
        *("init", str(folder), "--model", options.model, "--hook", options.hook, *sources),
        *("--tokens", str(options.tokens), "--d-sae", str(options.d_sae), "--k", str(options.k)),
    )


def run(options: argparse.Namespace, folder: Path) -> None:
    study_of(options, folder)
    start = time.monotonic()
    last = json.loads(monosema("run", str(folder), "--json").splitlines()[-1])
    seconds = time.monotonic() - start
    record = next(iter(last["figures"].values()))["figures"]
    figures = {
        name: record[name]
        for name in ("ce_added", "ce_recovered_mean", "l0", "fvu", "dead_share", "left_out")
    }
    figures |= {"seconds": round(seconds, 1), "peak_gb": children_peak_gb()}
    report("real_model", figures, TARGETS, seconds, as_json=options.json)


def main() -> None:
    parser = study_arguments(__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--corpus", nargs="*", default=[], help="files or folders; default: the bundled text")
    parser.add_argument("--hook", default="resid_post.16")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--d-sae", type=int, default=8192)
    parser.add_argument("--k", type=int, default=32)
    options = parser.parse_args()
    with study_folder(options.study) as folder:
        run(options, folder)


if __name__ == "__main__":
    main()
