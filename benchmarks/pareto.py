"""What does a kind of SAE give for its sparsity, and does it give less than SAELens's?

    python -m benchmarks.pareto --json --study FOLDER
    python -m benchmarks.pareto --json --study FOLDER --kinds topk,jumprelu --seeds 1 --peer folder-to-keep

On SmolLM2, at two layers: every kind at five sparsities and three seeds, trained together on one stream of each layer's
activations, and SAELens's same kinds on the same activations for as many positions, in a process of its own. All are
then evaluated and scored alike, on documents that none of them saw. Everything stays in FOLDER: a run that was stopped
goes on, SAE by SAE.

below_saelens_LAYER_KIND_WHAT  how far ours lies below theirs at most, over their SAEs, where ours is read off the line
                               through our means at their L0, less the spread of our seeds (at most 0). WHAT: variance
                               (explained), ce_recovered, f1. Notes say at which L0, and how many of theirs lie outside
KIND_LAYER_variance            mean of ours over its five sparsities at the L0 that all kinds have in common

The details hold a table of L0, variance explained, CE recovered and F1 of concepts (mean over concepts, where no name
stands in the last 8 tokens) of each SAE; `pareto.png` in FOLDER shows them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl
import numpy as np
import tomlkit
import torch
from matplotlib import pyplot as plt
from safetensors.torch import save_file

from benchmarks.harness import arguments, report
from benchmarks.peers import PINS, peer_python
from benchmarks.world import f1_of
from monosema import pipeline
from monosema.activations import ActivationStats, ActivationStore, StoreStream
from monosema.cli.output import reporter
from monosema.errors import RefusedError
from monosema.pipeline.given import CHECKED_POSITIONS, check_sense, measure
from monosema.sae import SAE

SCRIPT = Path(__file__).with_name("pareto_peer.py")
LAYERS = (12, 19)
GRID: dict[str, tuple[str, tuple[float, ...]]] = {
    "topk": ("k", (8, 16, 32, 64, 128)),
    "batchtopk": ("k", (8, 16, 32, 64, 128)),
    "matryoshka": ("k", (8, 16, 32, 64, 128)),
    "matryoshka_topk": ("k", (8, 16, 32, 64, 128)),
    "jumprelu": ("target_l0", (8.0, 16.0, 32.0, 64.0, 128.0)),
    "l1": ("l1_coefficient", (0.5, 1.0, 2.0, 4.0, 8.0)),
    "gated": ("l1_coefficient", (1.5, 2.0, 3.0, 5.0, 8.0)),
    "tanh": ("sparsity_coefficient", (0.1, 0.15, 0.25, 0.4, 0.6)),
}
"""Of each kind the setting that makes it sparse, and its values."""
PEERS: dict[str, tuple[str, tuple[float, ...]]] = {
    "topk": ("k", (8, 16, 32, 64, 128)),
    "batchtopk": ("k", (8, 16, 32, 64, 128)),
    "matryoshka": ("k", (8, 16, 32, 64, 128)),
    "l1": ("l1_coefficient", (0.5, 1.0, 2.0, 4.0, 8.0)),
    "jumprelu": ("l0_coefficient", (0.1, 0.3, 1.0, 3.0, 10.0)),
    "gated": ("l1_coefficient", (0.5, 1.0, 2.0, 4.0, 8.0)),
}
"""SAELens's kinds under our names, by its own settings."""
THEIRS = "saelens"
SHOWN = ("variance", "ce_recovered", "f1")
"""Figures of a point that are held against its L0."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One SAE."""

    name: str
    who: str
    kind: str
    layer: int
    seed: int
    l0: float
    variance: float
    """Variance explained."""
    ce_recovered: float
    f1: float


def asked(options: argparse.Namespace) -> str:
    """The study.toml: our SAEs as sweeps, a table for each kind and layer."""
    saes: dict[str, Any] = {}
    for layer in options.layers:
        for kind in options.kinds:
            key, values = GRID[kind]
            saes[f"{kind}_{layer}"] = {
                "hook": f"resid_post.{layer}",
                "kind": kind,
                "d_sae": options.d_sae,
                key: list(values),
                "seed": list(range(options.seeds)),  # last, so that names end in it
            }
    text: dict[str, Any] = {
        "models": {"main": {"source": "smollm2"}},
        "corpora": {"main": {"sources": ["world:library"], "concepts": "world", "tokens": options.tokens}},
        "evaluation": {"baselines": False, "ce_positions": options.ce_positions},
        "saes": saes,
    }
    return tomlkit.dumps(text)


def train_theirs(study: pipeline.OpenStudy, options: argparse.Namespace) -> None:
    """Let SAELens train what is missing; write its SAEs into study.toml as given ones."""
    python = peer_python(options.peer / "sae-lens", PINS["sae-lens"])
    text = tomlkit.parse(study.toml.read_text())
    saes: Any = text["saes"]
    for layer in options.layers:
        ours = f"resid_post.{layer}"
        folder = study.path / "activations" / f"main.main.{ours}"
        plan = json.loads(next(study.path.glob(f"sae/*_{layer}-*/plan.json")).read_text())
        length = {"steps": plan["steps"], "batch": plan["batch"]}
        for kind in set(options.kinds) & PEERS.keys():
            key, values = PEERS[kind]
            for seed in range(options.peer_seeds or options.seeds):
                for value in values:
                    name = f"{THEIRS}_{kind}_{layer}-{key}{value:g}-seed{seed}".replace(".", "_")
                    made = study.path / THEIRS / name
                    if not (made / "cfg.json").exists():
                        case = {"kind": kind, "settings": {key: value}, "seed": seed, "hook": ours}
                        _train_one(python, folder, made, case | {"d_sae": options.d_sae} | length)
                    if makes_sense(made, folder, ours):
                        saes[name] = {"file": f"{THEIRS}/{name}", "hook": ours}
    study.toml.write_text(tomlkit.dumps(text))


def _train_one(python: Path, folder: Path, made: Path, case: Mapping[str, Any]) -> None:
    stats = ActivationStats.load(folder)
    stream = StoreStream(ActivationStore(folder), stats, seed=int(case["seed"]))
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "x.safetensors"
        save_file({"x": stream.next(stream.total).to(torch.float32)}, data)
        subprocess.run(
            [python, SCRIPT, json.dumps({**case, "data": str(data), "out": str(made)})], check=True
        )


def makes_sense(made: Path, folder: Path, hook: str) -> bool:
    """Whether a study would take this SAE: most features of every position, or none, are no code (said on stderr)."""
    stats = ActivationStats.load(folder)
    rows = StoreStream(ActivationStore(folder), stats, seed=0).next(CHECKED_POSITIONS).to(torch.float32)
    sae = SAE.load(made, format="saelens", hook=hook)
    try:
        check_sense(made, hook, sae.d_sae, measure(sae, rows))
    except RefusedError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    return True


def points(study: pipeline.OpenStudy) -> Iterator[Point]:
    """The figures of all SAEs that were evaluated."""
    records = pipeline.figures(study)
    truths = pipeline.groundtruth_each(study, list(records), reporter=reporter(as_json=False))
    for name, record in records.items():
        figures = record["figures"]
        truth = f1_of(truths[name], "unnamed").get("sae", [])
        yield Point(
            name=name,
            **read_name(name),
            l0=figures["l0"],
            variance=1 - figures["fvu"],
            ce_recovered=figures["ce_recovered_mean"],
            f1=mean(truth) if truth else 0.0,
        )


def read_name(name: str) -> dict[str, Any]:
    """Who trained an SAE of this name, its kind, layer and seed."""
    kind, _, layer = name.split("-", maxsplit=1)[0].removeprefix(f"{THEIRS}_").rpartition("_")
    who = THEIRS if name.startswith(f"{THEIRS}_") else "ours"
    return {"who": who, "kind": kind, "layer": int(layer), "seed": int(name.rpartition("seed")[2])}


def line(some: Sequence[Point], what: str) -> tuple[list[float], list[float], float]:
    """Mean L0 and mean of a figure of each sparsity, by L0, and the largest spread of that figure over seeds."""
    groups: dict[str, list[Point]] = {}
    for one in some:
        groups.setdefault(one.name.rpartition("seed")[0], []).append(one)
    values = [[getattr(one, what) for one in group] for group in groups.values()]
    at = [mean(one.l0 for one in group) for group in groups.values()]
    means = sorted(zip(at, map(mean, values), strict=True))
    spread = max(max(of_seeds) - min(of_seeds) for of_seeds in values)
    return [l0 for l0, _ in means], [value for _, value in means], spread


def below(ours: Sequence[Point], theirs: Sequence[Point], what: str) -> tuple[float | None, str]:
    """How far ours lies below theirs at most, None where no L0 is in common; and what was compared."""
    l0, values, spread = line(ours, what)
    within = [one for one in theirs if l0[0] <= one.l0 <= l0[-1]]
    left_out = sorted(one.l0 for one in theirs if one not in within)
    note = f"at L0 {l0[0]:.3g} to {l0[-1]:.3g}: {len(within)} of {len(theirs)} of theirs"
    note += f"; left out at L0 {', '.join(f'{one:.3g}' for one in left_out)}" if left_out else ""
    gaps = [getattr(one, what) - float(np.interp(one.l0, l0, values)) - spread for one in within]
    return (round(max(gaps), 4) if gaps else None), note


def compared(found: Sequence[Point]) -> tuple[dict[str, float], dict[str, str]]:
    """How far below the peer, by layer, kind and figure, and of each what was compared."""
    figures: dict[str, float] = {}
    notes: dict[str, str] = {}
    for layer, kind in sorted({(one.layer, one.kind) for one in found if one.who == THEIRS}):
        ours, theirs = (
            [one for one in found if (one.layer, one.kind, one.who) == (layer, kind, who)]
            for who in ("ours", THEIRS)
        )
        for what in SHOWN if ours else ():
            name = f"below_saelens_{layer}_{kind}_{what}"
            gap, notes[name] = below(ours, theirs, what)
            if gap is not None:
                figures[name] = gap
    return figures, notes


def means_in_common(found: Sequence[Point]) -> dict[str, float]:
    """Mean variance of each kind of ours, by layer, over the L0 that all kinds have in common."""
    figures: dict[str, float] = {}
    ours = [one for one in found if one.who == "ours"]
    for layer in sorted({one.layer for one in ours}):
        here = [one for one in ours if one.layer == layer]
        kinds = [kind for kind in GRID if any(one.kind == kind for one in here)]
        lines = {kind: line([one for one in here if one.kind == kind], "variance") for kind in kinds}
        low = max(l0[0] for l0, _, _ in lines.values())
        high = min(l0[-1] for l0, _, _ in lines.values())
        if low < high:
            at = np.linspace(low, high, 20)
            for kind, (l0, variance, _) in lines.items():
                figures[f"{kind}_{layer}_variance"] = round(float(np.interp(at, l0, variance).mean()), 4)
    return figures


def draw(found: Sequence[Point], path: Path) -> None:
    """Variance explained, CE recovered and F1 against L0, a row for each layer."""
    mpl.use("Agg")
    layers = sorted({one.layer for one in found})
    figure, axes = plt.subplots(len(layers), len(SHOWN), figsize=(15, 4.5 * len(layers)), squeeze=False)
    colours = {kind: f"C{number}" for number, kind in enumerate(GRID)}
    for row, layer in zip(axes, layers, strict=True):
        for axis, what in zip(row, SHOWN, strict=True):
            for one in found:
                if one.layer == layer:
                    marker = "o" if one.who == "ours" else "x"
                    axis.plot(one.l0, getattr(one, what), marker, color=colours[one.kind], alpha=0.7)
            axis.set(xscale="log", xlabel="L0", title=f"{what}, resid_post.{layer}")
    for kind, colour in colours.items():
        axes[0][0].plot([], [], "o", color=colour, label=kind)
    axes[0][0].plot([], [], "kx", label="SAELens, same colours")
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Train, evaluate, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--study", type=Path, required=True, help="folder to keep")
    parser.add_argument("--peer", type=Path, help="folder of the peers' environments; without it ours alone")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(GRID))
    parser.add_argument(
        "--layers", type=lambda text: [int(one) for one in text.split(",")], default=list(LAYERS)
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--peer-seeds", type=int, help="seeds of theirs, whose steps take longer; as many as ours"
    )
    parser.add_argument("--d-sae", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=600_000)
    parser.add_argument("--ce-positions", type=int, default=2000)
    options = parser.parse_args()
    start = time.monotonic()
    if not (options.study / "study.toml").exists():
        options.study.mkdir(parents=True, exist_ok=True)
        (options.study / "study.toml").write_text(asked(options))
    study = pipeline.open_study(options.study)
    pipeline.run(study, goal="evaluation", reporter=reporter(as_json=False))
    if options.peer is not None:
        train_theirs(study, options)
        study = pipeline.open_study(options.study)
        pipeline.run(study, goal="evaluation", reporter=reporter(as_json=False))
    found = list(points(study))
    draw(found, options.study / "pareto.png")
    gaps, notes = compared(found)
    report(
        "pareto",
        gaps | means_in_common(found),
        dict.fromkeys(gaps, ("<=", 0.0)),
        time.monotonic() - start,
        as_json=options.json,
        notes=notes,
        details={"saes": [asdict(one) for one in found]},
    )


if __name__ == "__main__":
    main()
