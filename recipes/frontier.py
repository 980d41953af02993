"""Which layer, width, sparsity and text steer best: every SAE of a study, by the dose search on a few concepts.

python recipes/frontier.py STUDY [CONCEPT ...]

The study's study.toml names the SAEs to compare; train and index them first (`monosema index STUDY`). Doses are kept in
the study, so that a stopped run goes on. Prints a table in Markdown: shares of continuations that name the concept in
fluent text (metrics.md), of the best set and of the best single feature, each at its own best dose, mean over concepts.
They are shares on the prompts of the search, of the best points of many: they compare SAEs and measure nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import mean

from monosema import pipeline
from monosema.errors import UsageError
from monosema.pipeline import OpenStudy

CONCEPTS = ("golden_gate_bridge", "albert_einstein", "chocolate", "basketball", "human_brain", "paris")
COLUMNS = ("SAE", "hook", "features", "L0", "alive", "FVU", "mentions", "set", "single", "by concept")


def shares(study: OpenStudy, sae: str, concept: str) -> tuple[float, float]:
    """Fluent naming by the best set and by the best single feature; 0 where no feature fires near the concept."""
    try:
        curve = pipeline.dose(study, concept, sae=sae)
    except UsageError:
        return 0.0, 0.0
    return curve.best.both, curve.single.both


def row(study: OpenStudy, sae: str, concepts: list[str]) -> list[str]:
    """One line of the table."""
    index, autoencoder = study.index(sae), study.sae(sae)
    spans = index.tokens.spans().tag
    named = [sum(tag == concept for tag in spans) for concept in concepts]
    each = [shares(study, sae, concept) for concept in concepts]
    explained = study.open("sae", sae, verify=False).manifest.measured["variance_explained"]
    count = index.table["count"]
    return [
        sae, autoencoder.output, str(autoencoder.d_sae), f"{count.sum() / index.positions:.1f}",
        f"{(count > 0).mean():.3f}", f"{1 - explained:.3f}",
        " ".join(map(str, named)), f"**{mean(a for a, _ in each):.2f}**", f"{mean(b for _, b in each):.2f}",
        " ".join(f"{a:.2f}" for a, _ in each),
    ]  # fmt: skip


def main() -> None:
    """Search what is missing, print the table."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    study = pipeline.open_study(Path(sys.argv[1]))
    concepts = sys.argv[2:] or list(CONCEPTS)
    print(f"{', '.join(concepts)}\n\n| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for sae in study.sae_names:
        if (study.place("index", sae) / "manifest.json").is_file():
            print(f"| {' | '.join(row(study, sae, concepts))} |", flush=True)


if __name__ == "__main__":
    main()
