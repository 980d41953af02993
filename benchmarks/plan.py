"""Does a run take the seconds and the memory that `monosema plan` says of it?

    python -m benchmarks.plan --json
    python -m benchmarks.plan --json --study folder-to-keep
    python -m benchmarks.plan --runs 1

Settings are drawn by `--seed`: hook point of SmolLM2, kind, number of features, k, tokens of the library, how many
SAEs stand on one stream. Each draw becomes a study, of which `monosema plan` is asked before `monosema run` makes it
from scratch, each in a process of its own. The smallest comes first, so that `--runs 1` is short. What was told and
taken of a run is kept in FOLDER: a benchmark that was stopped goes on with the next run.

seconds_within        the largest factor, either way, by which seconds told and taken of a whole run differ
memory_within         the same of the largest resident memory
STAGE_seconds_within  the same of the seconds of one stage

The details hold all of it, by run and stage. A stage's memory is looked at 50 times a second, where the system shows
that of another process (/proc); that of a whole run is what the system counted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomlkit

from benchmarks import serving
from benchmarks.harness import report, study_arguments, study_folder
from benchmarks.real_model import monosema
from monosema.files import read_json, write_json
from monosema.sae import KINDS

SEED = 20261121
RUNS = 5
TARGETS = {"seconds_within": ("<=", 1.3), "memory_within": ("<=", 1.3)}
GB = 1e9  # as `monosema plan` counts

HOOKS = ("resid_post", "mlp_out")
LAYERS = range(7)
"""Early ones: passes up to a hook point are most of a short run, and cost alike in each layer."""
SAE_KINDS = ("topk", "batchtopk", "matryoshka", "jumprelu", "l1", "gated")
FEATURES = (2048, 16384)
"""Fewest, and most of all SAEs of a study together."""
K = (16, 32, 64)
TOKENS = (30_000, 200_000)
SAES = (1, 1, 1, 2, 3)
CE_POSITIONS = 500
STAGES = {"activations": "harvest", "sae": "train", "evaluation": "evaluate", "index": "index"}
"""Kinds of artifact in their order, and what a plan calls their stages; all before them is "prepare"."""
EVERY = 0.02
"""Seconds between two looks at a run's memory."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Settings of one study."""

    hook: str
    kind: str
    d_sae: tuple[int, ...]
    """Of each SAE on the stream."""
    k: int | None
    """None where the kind has none."""
    tokens: int

    @property
    def size(self) -> int:
        """What the length of a run grows with."""
        return self.tokens * sum(self.d_sae)

    def toml(self) -> str:
        """The study.toml."""
        sae: dict[str, Any] = {"hook": self.hook, "kind": self.kind, "d_sae": list(self.d_sae)}
        return tomlkit.dumps(
            {
                "models": {"main": {"source": "smollm2"}},
                "corpora": {
                    "main": {"sources": ["world:library"], "concepts": "world", "tokens": self.tokens}
                },
                "evaluation": {"ce_positions": CE_POSITIONS},
                "saes": {"main": sae | ({} if self.k is None else {"k": self.k})},
            }
        )


def drawn(seed: int) -> list[Drawn]:
    """The settings that belong to a seed, smallest first."""
    rng = random.Random(seed)

    def between(least: int, most: int, step: int) -> int:
        return step * round(math.exp(rng.uniform(math.log(least), math.log(most))) / step)

    found = []
    for _ in range(RUNS):
        kind = rng.choice(SAE_KINDS)
        saes = rng.choice(SAES)
        found.append(
            Drawn(
                hook=f"{rng.choice(HOOKS)}.{rng.choice(LAYERS)}",
                kind=kind,
                d_sae=tuple(sorted({between(FEATURES[0], FEATURES[1] // saes, 64) for _ in range(saes)})),
                k=None if KINDS[kind]().k is None else rng.choice(K),
                tokens=between(*TOKENS, 1000),
            )
        )
    return sorted(found, key=lambda one: one.size)


def compared(asked: Drawn, study: Path) -> dict[str, Any]:
    """Make the study, ask its plan and run it; what was told and taken of each stage and in all."""
    if study.exists():
        shutil.rmtree(study)  # of a try that was stopped: a run counts only whole
    study.mkdir(parents=True)
    (study / "study.toml").write_text(asked.toml())
    told = json.loads(monosema("plan", str(study), "--json"))
    seconds, memory = taken(study)
    stages = {
        one["stage"]: {
            "told_s": one["seconds"],
            "took_s": seconds[one["stage"]],
            "told_gb": one["memory_gb"],
            "took_gb": memory.get(one["stage"]),
        }
        for one in told["stages"]
    }
    in_all = {
        "told_s": told["seconds"],
        "took_s": seconds["all"],
        "told_gb": told["memory_gb"],
        "took_gb": memory["all"],
    }
    return {"asked": asdict(asked), "stages": stages, "all": in_all}


def taken(study: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Run a study that is new: seconds and peak GB of each stage and, as `all`, of the whole process."""
    start = time.monotonic()
    memory = _peaks(study)
    whole = time.monotonic() - start
    seconds = dict.fromkeys(STAGES.values(), 0.0)
    for line in map(json.loads, (study / "log.jsonl").read_text().splitlines()):
        kind = line["made"].partition("/")[0]
        if kind in STAGES:
            seconds[STAGES[kind]] += line["seconds"]
    seconds |= {"prepare": whole - sum(seconds.values()), "all": whole}
    return {name: round(value, 1) for name, value in seconds.items()}, memory


def _peaks(study: Path) -> dict[str, float]:
    """Run a study in a process of its own and watch its memory: GB by stage, and of the whole run."""
    process = serving.monosema("run", str(study), "--json", stdout=subprocess.DEVNULL)
    seen: dict[str, int] = {}
    while True:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        stage = stage_of(study)
        seen[stage] = max(seen.get(stage, 0), _resident(process.pid))
        time.sleep(EVERY)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = {stage: size for stage, size in seen.items() if size} | {"all": usage.ru_maxrss * unit}
    return {stage: round(size / GB, 2) for stage, size in peaks.items()}


def stage_of(study: Path) -> str:
    """The stage that a run has come to: that of the last kind of artifact that has a folder."""
    begun = [stage for kind, stage in STAGES.items() if (study / kind).is_dir()]
    return begun[-1] if begun else "prepare"


def _resident(pid: int) -> int:
    """Bytes of a process that are in memory; 0 where the system does not show them, or the process has just ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def factor(told: float, took: float) -> float:
    """By how much two figures differ, whichever is the larger; at least a tenth is taken of each."""
    ratio = max(told, 0.1) / max(took, 0.1)
    return round(max(ratio, 1 / ratio), 3)


def figures_of(outcomes: list[dict[str, Any]]) -> dict[str, float]:
    """The largest factors over all runs."""
    wholes = [one["all"] for one in outcomes]
    found = {
        "seconds_within": max(factor(one["told_s"], one["took_s"]) for one in wholes),
        "memory_within": max(factor(one["told_gb"], one["took_gb"]) for one in wholes),
    }
    for stage in outcomes[0]["stages"]:
        each = [one["stages"][stage] for one in outcomes]
        found[f"{stage}_seconds_within"] = max(factor(one["told_s"], one["took_s"]) for one in each)
    return found


def run(options: argparse.Namespace, folder: Path) -> None:
    """Compare what is missing, report all."""
    start = time.monotonic()
    outcomes = []
    for number, asked in enumerate(drawn(options.seed)[: options.runs]):
        name = f"{options.seed}-{number}"
        kept = folder / f"{name}.json"
        if not kept.exists():
            write_json(kept, compared(asked, folder / name))
        outcomes.append(read_json(kept))
        print(json.dumps(outcomes[-1]), file=sys.stderr, flush=True)
    report(
        "plan",
        figures_of(outcomes),
        TARGETS,
        time.monotonic() - start,
        as_json=options.json,
        details={"seed": options.seed, "runs": outcomes},
    )


def main() -> None:
    """Read the arguments."""
    parser = study_arguments(__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--runs", type=int, default=RUNS, choices=range(1, RUNS + 1))
    options = parser.parse_args()
    with study_folder(options.study) as folder:
        run(options, folder)


if __name__ == "__main__":
    main()
