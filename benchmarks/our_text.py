"""Several SAEs of ours on one stream from text, trained when asked, as sae_lens_store.py does it for SAELens.

    python -m benchmarks.our_text '{"tokens": FOLDER, "hook": ..., "saes": [{"d_sae": ..., "k": ...}], ...}'

Writes `ready`, then answers each line: `ROWS N` with the N activations that it took from a stream which gives the model
so many rows at a time, `ROWS N SAES` with the seconds of training so many SAEs on N activations, after a warm-up that
is not timed. A stream is kept until another number of rows is asked for.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from monosema.activations import ActivationStats, LiveStream, measure
from monosema.corpora import Tokens
from monosema.models import LanguageModel
from monosema.sae import SAE, SAEConfig, TopK
from monosema.training import Job, TrainSettings, faster_gemm, make_plan, train_together

BATCH = 4096
WARM_UP = 2
"""Steps of each training that are not timed: the first ones allocate."""
MEASURED = 1 << 14
"""Positions from which scale and mean are measured, before anything is timed."""


class Watched:
    """A stream that notes when each batch was asked for."""

    def __init__(self, stream: LiveStream) -> None:
        self.stream, self.asked = stream, list[float]()

    def next(self, n: int) -> Tensor:
        self.asked.append(time.perf_counter())
        return self.stream.next(n)

    def state(self) -> dict[str, Tensor]:
        return self.stream.state()

    def load(self, state: dict[str, Tensor]) -> None:
        self.stream.load(state)


class Text:
    """Model, text and SAEs."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked, self.tokens = asked, Tokens(Path(asked["tokens"]))
        self.model = LanguageModel.load(asked["model"], dtype=asked["dtype"], until=asked["hook"])
        self.stats = measure(
            self.model,
            self.tokens,
            [asked["hook"]],
            tokens_per_batch=BATCH,
            max_positions=min(MEASURED, self.tokens.count("train")),
        )[asked["hook"]]
        self.saes = [self.sae(seed, **sae) for seed, sae in enumerate(asked["saes"])]
        self.gemm = faster_gemm()

    def sae(self, seed: int, d_sae: int, k: int, stats: ActivationStats | None = None) -> SAE:
        """An untrained SAE; by default with what was measured at the start."""
        stats = stats or self.stats
        config = SAEConfig(
            kind=TopK(k=k),
            d_model=self.model.d_model,
            d_sae=d_sae,
            input=self.asked["hook"],
            output=self.asked["hook"],
            model=self.model.name,
            model_hash=self.model.hash,
            seed=seed,
        )
        return SAE.initialise(
            config,
            mean=stats.mean.float(),
            scale=stats.scale,
            massive=stats.massive_threshold,
        )

    def stream(self, rows: int) -> LiveStream:
        """The stream that gives the model so many rows at a time."""
        return LiveStream(
            self.model,
            self.tokens,
            self.asked["hook"],
            self.stats,
            tokens_per_batch=rows * self.tokens.context,
            buffer_rows=self.asked["buffer_rows"],
            seed=0,
        )

    def train(self, stream: LiveStream, n: int, saes: int) -> float:
        """Seconds in which so many SAEs are trained on n activations."""
        settings = TrainSettings(tokens=WARM_UP * BATCH + n, batch=BATCH)
        plans = [
            make_plan(settings, sae.config, positions=stream.total, encoder_gemm=self.gemm)
            for sae in self.saes[:saes]
        ]
        watched = Watched(stream)
        train_together(
            [Job(sae=sae, plan=plan) for sae, plan in zip(self.saes, plans, strict=False)], watched
        )
        return time.perf_counter() - watched.asked[WARM_UP]


def main() -> None:
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked["threads"])
    text = Text(asked)
    print("ready", flush=True)
    before, stream = 0, None
    for line in sys.stdin:
        rows, n, *saes = map(int, line.split())
        if stream is None or rows != before:
            before, stream = rows, text.stream(rows)
        print(text.train(stream, n, *saes) if saes else len(stream.next(n)), flush=True)


if __name__ == "__main__":
    main()
