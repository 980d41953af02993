"""What does a feature index cost beside reading the activations, how much room does it take, how fast is a look-up?

    python -m benchmarks.index --json
    python -m benchmarks.index --json --tokens 500000 --study folder-to-keep
    python -m benchmarks.index --json --peers [folder-to-keep]

over_floor          positions a second of the whole index over those of harvest and one encoder product alone, both
                    timed before and after it, in the dtype of the harvest
memory_gb           most memory that is no file's (RssAnon) while indexing, beyond the loaded model and SAE
bytes_per_posting   the larger of the two directions, postings only; `by_feature` and `by_row` beside it, and
                    `segment_bytes_per_posting`: both directions and all else that a segment holds (sums, maxima, the
                    largest activations, tokens and places of rows)
lookup_p99_ms       a feature's record and its 20 top contexts as text, over random features
synthetic_*         a table of a million features: record p50 and p99, nearest of a million directions to one
over_sae_dashboard  seconds per token and feature of SAEDashboard over ours, with --peers (see sae_dashboard.py);
                    `over_sae_dashboard_wall`: those of a whole run, its declared features against all of ours
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import sae_dashboard
from benchmarks.harness import arguments, report, study_folder
from monosema import pipeline
from monosema.activations import LiveRows, harvest
from monosema.allocator import give_back_freed_memory
from monosema.corpora import Tokens
from monosema.index import FeatureIndex, make_index
from monosema.index.codes import PRECISION
from monosema.index.neighbours import nearest
from monosema.index.table import FeatureTable, features_file
from monosema.models import LanguageModel
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.work import Plan
from monosema.sae import SAE

TARGETS = {
    "over_floor": (">=", 0.7),
    "memory_gb": ("<=", 1.5),
    "bytes_per_posting": ("<=", 4.0),
    "lookup_p99_ms": ("<=", 5.0),
    "over_sae_dashboard": (">=", 20.0),
}
TRAINED = 200_000
"""Positions that the SAE is trained on: enough that densities are like those of a whole run."""
FLOOR_BATCHES = 12
SYNTHETIC_WIDTH = 512


def study_of(folder: Path, options: argparse.Namespace) -> OpenStudy:
    """A study whose SAE is trained on part of the text, going on with an earlier try."""
    if not (folder / "study.toml").exists():
        text = (
            f'[models.main]\nsource = "{options.model}"\n'
            f'[corpora.main]\nsources = ["world:library", "world:composed"]\nconcepts = "world"\n'
            f"tokens = {options.tokens}\n"
            f'[saes.main]\nhook = "{options.hook}"\nd_sae = {options.d_sae}\nstore = false\ntokens = {TRAINED}\n'
        )
        OpenStudy.create(folder, text)
    study = pipeline.open_study(folder)
    pipeline.run(study, goal="sae")
    return study


def floor(model: LanguageModel, sae: SAE, tokens: Tokens, tokens_per_batch: int, start: int) -> float:
    """Seconds a position of harvest and one encoder product."""
    W = sae.encoder.T.contiguous().to(model.dtype)  # [d_model, d_sae]
    batches = islice(tokens.batches("train", tokens_per_batch, start=start), FLOOR_BATCHES)
    begun, positions = time.perf_counter(), 0
    for found in harvest(model, batches, [sae.input]):
        x = found[sae.input].x
        torch.mm(x.to(W.dtype), W)
        positions += len(x)
    return (time.perf_counter() - begun) / positions


@contextmanager
def anonymous_memory() -> Iterator[list[float]]:
    """Memory that is no file's, in GB: at the beginning, and at most, once the block has ended."""

    def now() -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 2**20

    give_back_freed_memory()  # else what was freed before would be taken for held, and be used again for nothing
    seen, done = [now()], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            seen[1:] = [max(now(), *seen)]

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def lookups(index: FeatureIndex, n: int) -> dict[str, float]:
    """Milliseconds of whole records of random features."""
    rng, times = np.random.default_rng(0), []
    for feature in rng.integers(0, index.d_sae, n).tolist():
        start = time.perf_counter()
        index.feature(feature)
        index.top(feature, 20)
        times.append(1e3 * (time.perf_counter() - start))
    return {"lookup_p50_ms": float(np.median(times)), "lookup_p99_ms": float(np.quantile(times, 0.99))}


def synthetic(features: int) -> dict[str, float]:
    """Look-ups in a table of so many features, and the nearest of so many directions to one."""
    rng = np.random.default_rng(0)

    def parts() -> Iterator[dict[str, np.ndarray]]:
        for begin in range(0, features, 1 << 14):
            n = min(1 << 14, features - begin)
            rows = rng.integers(0, 1 << 30, (n, 115))
            yield {
                "feature": np.arange(begin, begin + n, dtype=np.int32),
                **{name: rng.random(n) for name in ("density", "mean", "maximum")},
                "histogram": rng.integers(0, 1 << 12, (n, 32)),
                "top_rows": rows[:, :20],
                "sample_rows": rows[:, 20:70],
                "quantile_rows": rows[:, 70:95],
                "values": rng.random((n, 95), dtype=np.float32),
                "tokens": rng.integers(0, 1 << 16, (n, 50), dtype=np.int32),
            }

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with features_file(folder) as file:
            for part in parts():
                file.add(part)
        table, times = FeatureTable(folder), []
        size = (folder / "features.parquet").stat().st_size
        for feature in rng.integers(0, features, 2000).tolist():
            start = time.perf_counter()
            table.row(feature)
            times.append(1e3 * (time.perf_counter() - start))
    W = torch.randn(features, SYNTHETIC_WIDTH, generator=torch.Generator().manual_seed(0))
    start = time.perf_counter()
    nearest(W[:1], W)
    return {
        "synthetic_features": features,
        "synthetic_bytes_a_feature": size / features,
        "synthetic_record_p50_ms": float(np.median(times)),
        "synthetic_record_p99_ms": float(np.quantile(times, 0.99)),
        "synthetic_nearest_s": time.perf_counter() - start,
    }


def run(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """All figures."""
    study = study_of(folder, options)
    model, sae, tokens = study.model(), study.sae(), study.tokens()
    batch = Plan.load(study.open("plan", "main").path).tokens_per_batch
    source = LiveRows(model, tokens, sae.input, split="train", tokens_per_batch=batch)
    before = floor(model, sae, tokens, batch, 0)
    place = folder / "benchmark-index"
    place.mkdir()
    start = time.perf_counter()
    with anonymous_memory() as memory:
        sizes = make_index(place, model, sae, tokens, source, seed=0)
    seconds = time.perf_counter() - start
    after = floor(model, sae, tokens, batch, FLOOR_BATCHES)
    index = FeatureIndex(place, tokens, model.tokenizer.decode)
    return {
        "positions": sizes["positions"],
        "positions_per_second": sizes["positions"] / seconds,
        "over_floor": (before + after) / 2 * sizes["positions"] / seconds,
        "memory_gb": memory[-1] - memory[0],
        "bytes_per_posting": max(sizes["bytes_by_feature"], sizes["bytes_by_row"]),
        "bytes_by_feature": sizes["bytes_by_feature"],
        "bytes_by_row": sizes["bytes_by_row"],
        "segment_bytes_per_posting": sum(one.record.bytes for one in index.segments) / sizes["postings"],
        "value_precision": PRECISION,
        **lookups(index, options.lookups),
    }


def peers(options: argparse.Namespace) -> tuple[dict[str, float], dict[str, str], dict[str, Any]]:
    """Figures against other tools, with notes and details; a note alone where they were not asked for."""
    if options.peers is None:
        return {}, {"over_sae_dashboard": "left out; --peers compares with SAEDashboard"}, {}
    size = sae_dashboard.Size(tokens=options.peer_tokens, features=options.peer_features)
    kept = None if options.peers == Path() else options.peers
    figures, notes, details = sae_dashboard.compare(size, kept)
    return figures, notes, {"sae_dashboard": details}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--hook", default="resid_post.19")
    parser.add_argument("--tokens", type=int, default=5_000_000)
    parser.add_argument("--d-sae", type=int, default=16_384)
    parser.add_argument("--lookups", type=int, default=10_000)
    parser.add_argument("--synthetic", type=int, default=1_000_000, help="features; 0 leaves it out")
    parser.add_argument("--study", type=Path, help="folder to keep; default: a temporary one")
    parser.add_argument(
        "--peers",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FOLDER",
        help="also compare with SAEDashboard, whose environment is made in this folder; default: a temporary one",
    )
    parser.add_argument("--peer-tokens", type=int, default=sae_dashboard.Size.tokens)
    parser.add_argument("--peer-features", type=int, default=sae_dashboard.Size.features)
    options = parser.parse_args()
    start = time.monotonic()
    with study_folder(options.study) as folder:
        figures = run(folder, options)
    if options.synthetic:
        figures |= synthetic(options.synthetic)
    of_peers, notes, details = peers(options)
    report(
        "index",
        figures | of_peers,
        TARGETS,
        time.monotonic() - start,
        as_json=options.json,
        notes=notes,
        details=details,
    )


if __name__ == "__main__":
    main()
