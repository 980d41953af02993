"""How fast is text composed and tokenised, on one core? And with a study: how many of its concepts have a feature?

    python -m benchmarks.world --json
    python -m benchmarks.world --json --study my-study

`tokens_per_minute`: documents of the grammar made and encoded with the model's tokenizer, tokens over wall time.

With `--study` ground truth is made there, or read where it is fresh:

concepts_with_feature         share of the concepts seen more often than 1 / (features alive) that a feature shows
f1_unnamed_KIND_p10 ... p90   deciles over concepts, where no name stands in the last 8 tokens, of the feature (sae)
                              and of every baseline; `f1_inside_KIND`, `f1_described_KIND` and
                              `f1_inside_described_KIND` are medians
concepts_unscorable           concepts seen that often which too few held-out documents are about
f1_transfer                   median on descriptions, of feature and threshold as chosen on the text
facts_known, facts_swapped    share of facts that the model itself knows, and its floor
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["RAYON_NUM_THREADS"] = "1"  # before the tokenizer starts its threads

import numpy as np

from benchmarks.harness import arguments, report
from monosema import pipeline
from monosema.cli.output import reporter
from monosema.corpora import Document, Encoder, Span
from monosema.models import load_tokenizer
from monosema.world import Catalogue
from monosema.world.grammar import Composed, compose

TARGETS: dict[str, tuple[str, float]] = {"tokens_per_minute": (">=", 3_000_000)}
OF_A_STUDY = {"concepts_with_feature": (">=", 0.5)}
AT_ONCE = 256


def as_document(number: int, one: Composed) -> Document:
    """A composed document as corpora know it."""
    return Document(id=str(number), text=one.text, spans=tuple(Span(*span) for span in one.spans))


def grammar_figures(model: str, documents: int) -> dict[str, float]:
    """Compose, encode, count."""
    encoder, catalogue = Encoder(load_tokenizer(model)), Catalogue.load()
    list(compose(catalogue, seed=0, documents=16))  # prepares every maker
    start, tokens = time.perf_counter(), 0
    for begin in range(0, documents, AT_ONCE):
        made = compose(catalogue, seed=0, documents=min(AT_ONCE, documents - begin), start=begin)
        some = [as_document(begin + number, one) for number, one in enumerate(made)]
        tokens += sum(len(one.ids) for one in encoder.encode(some))
    seconds = time.perf_counter() - start
    return {"tokens": tokens, "tokens_per_minute": round(60 * tokens / seconds)}


def study_figures(record: Mapping[str, Any]) -> dict[str, float]:
    """Figures of a record of ground truth; those that it has nothing for are absent."""
    figures: dict[str, float] = {
        "concepts": len(f1_of(record, "unnamed").get("sae", ())),
        "concepts_seen_often": record["seen_often"],
        "concepts_unscorable": record["seen_unscorable"],
    }
    if record["concepts_with_feature"] is not None:
        figures["concepts_with_feature"] = record["concepts_with_feature"]["value"]
    for kind, values in f1_of(record, "unnamed").items():
        tenths = np.quantile(values, np.arange(1, 10) / 10)
        figures |= {f"f1_unnamed_{kind}_p{10 * n}": float(tenth) for n, tenth in enumerate(tenths, 1)}
    for condition in ("inside", "described", "inside_described"):
        for kind, values in f1_of(record, condition).items():
            figures[f"f1_{condition}_{kind}"] = float(np.median(values))
    moved = [one["transfer"]["f1"]["value"] for one in record["records"] if one["transfer"] is not None]
    if moved:
        figures["f1_transfer"] = float(np.median(moved))
    facts = record["facts"]
    if facts is not None:
        figures["facts_known"] = facts["known"]["value"]
        if facts["swapped"] is not None:
            figures["facts_swapped"] = facts["swapped"]
    return figures


def f1_of(record: Mapping[str, Any], condition: str) -> dict[str, Sequence[float]]:
    """F1 of all concepts under a condition, by kind."""
    found: dict[str, list[float]] = {}
    for one in record["records"]:
        if one["condition"] == condition:
            for kind, score in {"sae": one["score"], **one["baselines"]}.items():
                found.setdefault(kind, []).append(score["f1"]["value"])
    return dict(found)


def main() -> None:
    """Measure the grammar and, where one is given, a study."""
    parser = arguments(__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--study", type=Path, help="folder of a study with a trained SAE")
    parser.add_argument("--sae", default="main", help="which SAE of the study")
    options = parser.parse_args()
    start = time.perf_counter()
    figures, targets = grammar_figures(options.model, options.documents), dict(TARGETS)
    notes: dict[str, str] = {}
    if options.study is not None:
        record = pipeline.groundtruth(
            pipeline.open_study(options.study), sae=options.sae, reporter=reporter(as_json=False)
        )
        figures |= study_figures(record)
        targets |= OF_A_STUDY
        if record["concepts_with_feature"] is None:
            notes["concepts_with_feature"] = "no concept with marked names is seen more often than 1 / alive"
    seconds = time.perf_counter() - start
    report("world", figures, targets, seconds, as_json=options.json, notes=notes)


if __name__ == "__main__":
    main()
