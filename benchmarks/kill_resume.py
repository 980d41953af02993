"""SIGKILL at random instants: does the study that was killed end with the same bytes, and what was done twice?

    python -m benchmarks.kill_resume --json

One study runs undisturbed. Its twin is killed at 20 instants: at least 8 inside training, 3 while a file is being
written, the rest spread over the other stages; after each kill it is started again. Then the sha256 of every
tensor and data file of both are compared (logs, manifests with their times, measured rates and scratch are not data).
`redone_share`: the most training steps that any kill cost, over one checkpoint interval.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import report
from benchmarks.serving import monosema

TARGETS = {"kills": (">=", 20), "mismatches": ("<=", 0), "redone_share": ("<=", 1)}
CHECKPOINT_STEPS = 40
BATCH = 256
STEPS = 1200
NOT_DATA = {"manifest.json", "log.jsonl", "lock", "study.toml"}
MEASURED = Path("plan")  # rates of this machine: the batch that they would decide is set in study.toml
PLACES = (
    ["plan"] * 2
    + ["tokens"] * 2
    + ["harvest"] * 3
    + ["write"] * 3
    + ["train"] * 8
    + ["baselines", "cross-entropy"]
)

TOML = """\
seed = 1
[models.main]
source = {model}
dtype = "float32"
tokens_per_batch = 2048
[corpora.main]
sources = {sources}
tokens = 24000
[saes.main]
hook = {hook}
d_sae = 1024
k = 16
batch = {batch}
tokens = {tokens}
checkpoint_steps = {checkpoint}
[evaluation]
max_positions = 2000
ce_positions = 500
"""


class Killed:
    """One start of `monosema run` that reads its progress lines and may be killed."""

    def __init__(self, study: Path) -> None:
        self.stage = "start"
        self.done: dict[str, int] = {}
        often = os.environ | {"MONOSEMA_PROGRESS_SECONDS": "0"}
        self._process = monosema("run", str(study), "--json", stdout=subprocess.PIPE, env=often)
        self._study = study
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            entry: dict[str, Any] = json.loads(line)
            if "stage" in entry:
                self.stage = entry["stage"]
                self.done[self.stage] = entry["done"]

    def over(self) -> bool:
        return self._process.poll() is not None

    def writing(self) -> bool:
        return any(self._study.rglob(".*.writing"))

    def wait_for(self, place: str, delay: float) -> bool:
        """Return whether the place was reached; then `delay` seconds of it have passed."""
        while not self.over():
            if place == "write" and self.stage in ("harvest", "train") and self.writing():
                return True
            if place == self.stage or (place == "plan" and self.stage == "start"):
                time.sleep(delay)
                return not self.over()
            time.sleep(0.0005)
        return False

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def finish(self) -> None:
        if self._process.wait():
            sys.exit(f"monosema run failed with {self._process.returncode}")


def digests(study: Path) -> dict[str, str]:
    """sha256 of every data file of a study."""
    found = {}
    for path in sorted(study.rglob("*")):
        inside = path.relative_to(study)
        skipped = path.name in NOT_DATA or {"logs", "old"} & set(inside.parts) or MEASURED in inside.parents
        if path.is_file() and not skipped:
            found[inside.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def rehearse(study: Path) -> float:
    """Run the study undisturbed; return the seconds that its training took."""
    run = Killed(study)
    start = end = 0.0
    while not run.over():
        if run.stage == "train":
            start = start or time.monotonic()
            end = time.monotonic()
        time.sleep(0.01)
    run.finish()
    return end - start


def torture(study: Path, train_seconds: float, rng: random.Random) -> tuple[list[str], list[int]]:
    """Kill the study at every place of PLACES; return where the kills landed and the steps that they cost."""
    landed, lost = [], []
    for place in PLACES:
        run = Killed(study)
        longest = train_seconds / 8 if place == "train" else 0.5
        if not run.wait_for(place, rng.uniform(0, longest)):
            break  # the study is finished: the count of kills says so
        reached = run.done.get("train", 0) // BATCH
        run.kill()
        landed.append(f"{place} (in {run.stage})")
        if run.stage == "train":
            lost.append(reached - checkpoint_step(study))
    Killed(study).finish()
    return landed, lost


def checkpoint_step(study: Path) -> int:
    """Step of the checkpoint that a resume will go on from; 0 where there is none yet."""
    from safetensors import safe_open

    found = list(study.glob("sae/.main.draft/scratch/*.safetensors"))
    if not found:
        return 0
    with safe_open(found[0], "pt") as file:
        return int(json.loads(file.metadata()["monosema"])["body"]["counters"]["steps"])


def run(options: argparse.Namespace, folder: Path) -> None:
    toml = TOML.format(
        model=json.dumps(options.model),
        sources=json.dumps(options.corpus),
        hook=json.dumps(options.hook),
        batch=BATCH,
        tokens=STEPS * BATCH,
        checkpoint=CHECKPOINT_STEPS,
    )
    for name in ("whole", "killed"):
        (folder / name).mkdir()
        (folder / name / "study.toml").write_text(toml)
    start = time.monotonic()
    train_seconds = rehearse(folder / "whole")
    landed, lost = torture(folder / "killed", train_seconds, random.Random(options.seed))
    whole, killed = digests(folder / "whole"), digests(folder / "killed")
    mismatches = [name for name in sorted({*whole, *killed}) if whole.get(name) != killed.get(name)]
    for place in landed:
        print(f"killed at: {place}", file=sys.stderr)
    for name in mismatches:
        print(f"differs: {name}", file=sys.stderr)
    figures = {
        "kills": len(landed),
        "kills_in_training": sum("(in train)" in place for place in landed),
        "kills_in_write": sum(place.startswith("write") for place in landed),
        "files": len(whole),
        "mismatches": len(mismatches),
        "redone_share": round(max(lost, default=0) / CHECKPOINT_STEPS, 3),
    }
    report("kill_resume", figures, TARGETS, time.monotonic() - start, as_json=options.json)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--corpus", nargs="*", default=["world:first_slice"])
    parser.add_argument("--hook", default="resid_post.2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.corpus = [str(Path(part).resolve()) if Path(part).exists() else part for part in options.corpus]
    folder = Path(tempfile.mkdtemp())
    try:
        run(options, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
