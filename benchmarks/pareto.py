"""What does a kind of SAE give for its sparsity, and does it give less than SAELens's?

    python -m benchmarks.pareto --json --study FOLDER
    python -m benchmarks.pareto --json --study FOLDER --kinds topk,jumprelu --seeds 1 --peer folder-to-keep

On SmolLM2, at two layers: every kind at five sparsities and three seeds, trained together on one stream of each layer's
activations, and SAELens's same kinds on the same activations for as many positions, in a process of its own. All are
then evaluated and scored alike, on documents that none of them saw. Everything stays in FOLDER: a run that was stopped
goes on, SAE by SAE.

below_saelens_LAYER_KIND   how far our variance explained lies below theirs at most, over their SAEs, where ours is
                           read off the line through our means at their L0, less the spread of seeds (at most 0)
KIND_LAYER_variance        mean of ours over its five sparsities at the L0 that all kinds have in common

The details hold a table of L0, variance explained, CE recovered and F1 of concepts (mean over concepts, where no name
stands in the last 8 tokens) of each SAE; `pareto.png` in FOLDER shows them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
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

from benchmarks.harness import report
from benchmarks.peers import PINS, peer_python
from benchmarks.world import f1_of
from monosema import pipeline
from monosema.activations import ActivationStats, ActivationStore, StoreStream

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
                "seed": list(range(options.seeds)),
                key: list(values),
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
        steps = json.loads(next(study.path.glob(f"sae/*_{layer}-*/plan.json")).read_text())["steps"]
        for kind in set(options.kinds) & PEERS.keys():
            key, values = PEERS[kind]
            for seed in range(options.seeds):
                for value in values:
                    name = f"{THEIRS}_{kind}_{layer}-{key}{value:g}-seed{seed}".replace(".", "_")
                    made = study.path / THEIRS / name
                    if not (made / "cfg.json").exists():
                        case = {"kind": kind, "settings": {key: value}, "seed": seed, "hook": ours}
                        _train_one(python, folder, made, case | {"d_sae": options.d_sae, "steps": steps})
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


def points(study: pipeline.OpenStudy) -> Iterator[Point]:
    """The figures of all SAEs that were evaluated."""
    for name, record in pipeline.figures(study).items():
        figures = record["figures"]
        mine = not name.startswith(THEIRS)
        table = name.split("-")[0].removeprefix(f"{THEIRS}_")
        kind, _, layer = table.rpartition("_")
        truth = f1_of(pipeline.groundtruth(study, sae=name), "unnamed").get("sae", [])
        yield Point(
            name=name,
            who="ours" if mine else THEIRS,
            kind=kind,
            layer=int(layer),
            seed=int(name.rpartition("seed")[2]),
            l0=figures["l0"],
            variance=1 - figures["fvu"],
            ce_recovered=figures["ce_recovered_mean"],
            f1=mean(truth) if truth else 0.0,
        )


def line(some: Sequence[Point]) -> tuple[list[float], list[float], float]:
    """Mean L0 and variance of each sparsity, ascending, and the largest spread of seeds."""
    groups: dict[str, list[Point]] = {}
    for one in some:
        groups.setdefault(one.name.replace(f"seed{one.seed}", ""), []).append(one)
    means = sorted((mean(p.l0 for p in g), mean(p.variance for p in g)) for g in groups.values())
    spread = max(max(p.variance for p in g) - min(p.variance for p in g) for g in groups.values())
    return [l0 for l0, _ in means], [variance for _, variance in means], spread


def figures_of(found: Sequence[Point]) -> dict[str, float]:
    """How far below the peer, and the mean of each kind."""
    figures: dict[str, float] = {}
    for layer in sorted({one.layer for one in found}):
        here = [one for one in found if one.layer == layer]
        by_kind = {
            kind: [one for one in here if one.kind == kind and one.who == "ours"]
            for kind in GRID
            if any(one.kind == kind and one.who == "ours" for one in here)
        }
        lines = {kind: line(some) for kind, some in by_kind.items()}
        low = max(min(l0) for l0, _, _ in lines.values())
        high = min(max(l0) for l0, _, _ in lines.values())
        for kind, (l0, variance, spread) in lines.items():
            theirs = [one for one in here if one.kind == kind and one.who == THEIRS]
            within = [one for one in theirs if l0[0] <= one.l0 <= l0[-1]]
            if within:
                gaps = [one.variance - float(np.interp(one.l0, l0, variance)) - spread for one in within]
                figures[f"below_saelens_{layer}_{kind}"] = round(max(gaps), 4)
            if low < high:
                at = np.linspace(low, high, 20)
                figures[f"{kind}_{layer}_variance"] = round(float(np.interp(at, l0, variance).mean()), 4)
    return figures


def draw(found: Sequence[Point], path: Path) -> None:
    """Variance explained, CE recovered and F1 against L0, a row for each layer."""
    mpl.use("Agg")
    layers, shown = sorted({one.layer for one in found}), ("variance", "ce_recovered", "f1")
    figure, axes = plt.subplots(len(layers), len(shown), figsize=(15, 4.5 * len(layers)), squeeze=False)
    colours = {kind: f"C{number}" for number, kind in enumerate(GRID)}
    for row, layer in zip(axes, layers, strict=True):
        for axis, what in zip(row, shown, strict=True):
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", type=Path, required=True, help="folder to keep")
    parser.add_argument("--peer", type=Path, help="folder of the peers' environments; without it ours alone")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(GRID))
    parser.add_argument(
        "--layers", type=lambda text: [int(one) for one in text.split(",")], default=list(LAYERS)
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--d-sae", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=600_000)
    parser.add_argument("--ce-positions", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    start = time.monotonic()
    if not (options.study / "study.toml").exists():
        options.study.mkdir(parents=True, exist_ok=True)
        (options.study / "study.toml").write_text(asked(options))
    study = pipeline.open_study(options.study)
    pipeline.run(study, goal="evaluation")
    if options.peer is not None:
        train_theirs(study, options)
        study = pipeline.open_study(options.study)
        pipeline.run(study, goal="evaluation")
    found = list(points(study))
    draw(found, options.study / "pareto.png")
    figures = figures_of(found)
    targets = {name: ("<=", 0.0) for name in figures if name.startswith("below_saelens")}
    details = {"saes": [asdict(one) for one in found]}
    report("pareto", figures, targets, time.monotonic() - start, as_json=options.json, details=details)


if __name__ == "__main__":
    main()
