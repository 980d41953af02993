"""How long until an SAE explains as much as SAELens's, from text, one SAE and eight?

    python -m benchmarks.equal_fvu --json --peer folder-to-keep

SAELens trains one TopK SAE on one pass over the text: with its defaults, and with our batch, learning rate, warm-up and
decay, and the scaling that its documentation proposes. We train with our defaults, which keep activations and pass them
four times, on an eighth to all of as much text, each a training of its own, until the variance left unexplained (FVU)
is at most theirs. All are measured on the same held-out positions, massive ones left out.

equal_fvu_over_ours          seconds of the better of SAELens's two over ours of the first training that is as good
equal_fvu_default_over_ours  the same for SAELens's defaults
equal_fvu_eight_over_ours    eight times the better one's over ours for eight SAEs on one stream, all as good

Seconds are from the first text that the model reads to the trained SAE, in one process each, with kept memory.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.harness import arguments, report, with_kept_memory
from benchmarks.harvest import STORE
from benchmarks.our_text import MEASURED, Text
from benchmarks.peers import PINS, Peer, peer_python
from benchmarks.peers_text import (
    CONTEXT,
    D_SAE,
    LAYER,
    SAES,
    K,
    asked,
    write_part,
    write_text,
)
from benchmarks.train_step import THREADS
from monosema.activations import StoreStream, harvest_to_disk, plan_harvest
from monosema.sae import SAE, TopK
from monosema.training import Job, TrainSettings, make_plan, train_together
from monosema.training.plan import default_lr

HOOK = f"resid_post.{LAYER}"
ROWS = 8
"""Rows that either tool gives the model at a time: two cores are busy from there on."""
PARTS = (1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1.0)
HELD_OUT_TOKENS = 20_000
OURS = TrainSettings()
TARGETS = {"equal_fvu_over_ours": (">=", 2.5)}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One training, or several on one stream."""

    what: str
    positions: int
    """Of text."""
    seconds: float
    fvu: float
    """Variance left unexplained on the held-out positions; the largest of several."""


def unexplained(sae: SAE, x: Float[Tensor, "n d_model"]) -> float:
    """FVU on positions [n, d_model]."""
    error = torch.cat([part - sae.reconstruct(part) for part in x.split(2048)])
    return float(error.square().sum() / (x - x.mean(0)).square().sum())


class Ours:
    """Our trainings from text."""

    def __init__(self, wish: dict[str, Any], scratch: Path) -> None:
        self.text, self.scratch = Text(wish), scratch

    def held_out(self) -> Float[Tensor, "n d_model"]:
        """Activations of positions that nobody was trained on, massive ones left out."""
        tokens = write_part(self.scratch / "held-out", HELD_OUT_TOKENS, held_out=True)
        found = [
            self.text.model.capture(one.ids, [HOOK], one.real)[HOOK][one.real].float()
            for one in tokens.batches("train", ROWS * CONTEXT)
        ]
        x = torch.cat(found)
        return x[torch.linalg.vector_norm(x, dim=1) <= self.text.stats.massive_threshold]

    def train(self, positions: int, saes: int, x: Float[Tensor, "n d_model"]) -> Outcome:
        """Train so many SAEs of different seeds with our defaults, on text of so many positions."""
        model = self.text.model
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            tokens = write_part(Path(folder) / "tokens", positions)
            start = time.perf_counter()
            plan = plan_harvest(model.d_model, model.dtype, tokens_per_batch=ROWS * CONTEXT)
            store = harvest_to_disk(model, tokens, {HOOK: Path(folder)}, plan)[HOOK]
            stream = StoreStream(store, store.stats, seed=0)
            made = [self.text.sae(seed, D_SAE, K, store.stats) for seed in range(saes)]
            train_together([self._job(sae, stream.total) for sae in made], stream)
            seconds = time.perf_counter() - start
        worst = max(unexplained(sae, x) for sae in made)
        return Outcome(what=f"ours, {saes}", positions=positions, seconds=seconds, fvu=worst)

    def _job(self, sae: SAE, positions: int) -> Job:
        return Job(
            sae=sae, plan=make_plan(OURS, sae.config, positions=positions, encoder_gemm=self.text.gemm)
        )


def theirs(python: Path, wish: dict[str, Any], scratch: Path, positions: int, x: Tensor) -> list[Outcome]:
    """SAELens's two trainings."""
    tool = Peer([python, STORE], wish)
    common = {"positions": positions, "hook": HOOK, "rows": ROWS}
    sae = {"d_sae": D_SAE, "k": K}
    lr = default_lr(TopK(k=K), D_SAE, positions // OURS.batch)
    ways: dict[str, dict[str, Any]] = {
        "defaults": {"sae": sae, "batch": 4096, "lr_warmup": 0, "lr_decay": 0, "trainer": {"lr_end": 3e-5}},
        "as ours": {
            "sae": sae | {"normalize_activations": "expected_average_only_in"},
            "batch": OURS.batch,
            "lr_warmup": OURS.lr_warmup,
            "lr_decay": OURS.lr_decay,
            "trainer": {
                "lr": lr,
                "lr_end": lr / 10,
                "n_batches_for_norm_estimate": MEASURED // OURS.batch,  # as many positions as we measure
            },
        },
    }
    found = []
    for way, settings in ways.items():
        file, made = scratch / f"{way}.json", scratch / f"sae-lens {way}"
        file.write_text(json.dumps(common | settings | {"out": str(made)}))
        seconds = float(tool.ask("fit", file))
        fvu = unexplained(SAE.load(made, format="saelens", hook=HOOK), x)
        found.append(Outcome(what=way, positions=positions, seconds=seconds, fvu=fvu))
        said(found[-1])
    tool.close()
    return found


def said(outcome: Outcome) -> Outcome:
    """The outcome, told to who waits."""
    print(
        f"{outcome.what}: {outcome.positions} positions, {outcome.seconds:.1f} s, FVU {outcome.fvu:.4f}",
        file=sys.stderr,
        flush=True,
    )
    return outcome


def first_as_good(ours: Sequence[Outcome], fvu: float) -> Outcome | None:
    """The shortest training that leaves no more unexplained."""
    return min((one for one in ours if one.fvu <= fvu), key=lambda one: one.seconds, default=None)


def compare(
    ours: Ours, peers: Sequence[Outcome], positions: int, x: Tensor
) -> tuple[dict[str, float], list[Outcome]]:
    """Figures, and our trainings."""
    default, best = peers[0], min(peers, key=lambda one: one.fvu)
    made: list[Outcome] = []
    for part in PARTS:
        made.append(said(ours.train(round(part * positions), 1, x)))
        if made[-1].fvu <= best.fvu:
            break
    figures: dict[str, float] = {}
    for name, peer in (("equal_fvu", best), ("equal_fvu_default", default)):
        if as_good := first_as_good(made, peer.fvu):
            figures[f"{name}_over_ours"] = peer.seconds / as_good.seconds
    if as_good := first_as_good(made, best.fvu):
        eight = said(ours.train(as_good.positions, SAES, x))
        made.append(eight)
        if eight.fvu <= best.fvu:
            figures["equal_fvu_eight_over_ours"] = SAES * best.seconds / eight.seconds
    return figures, made


def main() -> None:
    """Parse, measure, print."""
    parser = arguments(__doc__)
    parser.add_argument("--positions", type=int, default=1 << 18, help="that SAELens is trained on")
    parser.add_argument("--peer", type=Path, help="folder of the peer's environment, kept")
    options = parser.parse_args()
    with_kept_memory("benchmarks.equal_fvu")
    torch.set_num_threads(THREADS)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        python = peer_python((options.peer or scratch / "peers").absolute() / "sae-lens", PINS["sae-lens"])
        dataset = write_text(scratch, round(1.2 * options.positions))
        our_wish, their_wish = asked(scratch, dataset, THREADS, 1)
        ours = Ours(our_wish, scratch)
        x = ours.held_out()
        peers = theirs(python, their_wish, scratch, options.positions, x)
        figures, made = compare(ours, peers, options.positions, x)
    report(
        "equal_fvu",
        {name: round(value, 3) for name, value in figures.items()},
        TARGETS,
        time.perf_counter() - start,
        as_json=options.json,
        details={"saelens": [vars(one) for one in peers], "ours": [vars(one) for one in made]},
    )


if __name__ == "__main__":
    main()
