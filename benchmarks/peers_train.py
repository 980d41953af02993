"""How long does a training step take in sae-lens, dictionary-learning and sparsify, as a multiple of ours?

    python -m benchmarks.peers_train --json
    python -m benchmarks.peers_train --json --peer folder-to-keep --parts steps --sizes s1

PEER_over_ours_SIZE        one TopK step of the peer over one of ours: same batch, same half-trained weights, same k
                           [sae-lens, dictionary-learning: its default; sparsify: the fastest of its exact settings]
l1_sae_lens_over_ours_SIZE the same for L1 SAEs at an L0 of about 60
step_over_gemm_SIZE        our whole TopK step over the fp32 product of batch and encoder, by a bf16 shortlist; where
                           there are no bf16 units, `_fp32`: by the fp32 product
eight_saes_over_ours       seconds for eight SAEs from text, harvest included, SAELens's one by one over ours on one
                           stream; `eight_saes_together`: SAELens's on one stream too

Each figure under glibc told to keep freed memory, for peers and us alike (details.malloc: page faults cost peers up to
2.5 x), and `as_shipped`, without that, again for both. Each variant of a peer is a process of its own, timed in turns
with our step and with the bare fp32 product of batch and encoder. Their first loss must be ours within a hundredth.
Peers are installed by pip into environments of their own, beside the torch that we run on; --peer keeps them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.harness import MALLOC, arguments, has_bf16_units, report, with_kept_memory
from benchmarks.peers import AS_SHIPPED, PINS, TUNED, Peer, PeerError, peer_python
from benchmarks.peers_text import Turns, compare
from benchmarks.train_step import L0, LAMBDA, SIZES, THREADS, Size, bound_for, make_data

SCRIPT = Path(__file__).with_name("peer_steps.py")
WARM_UP = 2
TEXT_ROUNDS = 3
"""Most rounds from text, whose turns are long."""
AGREE = 0.01
"""Largest difference between the first loss of a peer and ours, as a share of ours."""
NOT_EXACT = "autocast"
NO_BF16 = "not exact, and no bf16 units here: one such step takes minutes; left out"
VARIANTS = {
    "sae-lens": ("topk", "topk autocast", "l1", "l1 autocast"),
    "dictionary-learning": ("topk",),
    "eai-sparsify": ("topk", "topk adam", "topk fused adam"),
}
"""Variants by peer; the first is its default (sparsify's is signum)."""
FIGURES = {
    "sae_lens_over_ours": ("sae-lens", ("topk",)),
    "dictionary_learning_over_ours": ("dictionary-learning", ("topk",)),
    "sparsify_over_ours": ("eai-sparsify", VARIANTS["eai-sparsify"]),
    "l1_sae_lens_over_ours": ("sae-lens", ("l1",)),
    "sae_lens_autocast_over_ours": ("sae-lens", ("topk autocast",)),
}
"""Peer and the variants of which the fastest counts."""
TARGETS = {
    "sae_lens_over_ours_s1": (">=", 12.0),
    "sae_lens_over_ours_s2": (">=", 18.0),
    "dictionary_learning_over_ours_s1": (">=", 12.0),
    "dictionary_learning_over_ours_s2": (">=", 18.0),
    "sparsify_over_ours_s1": (">=", 4.5),
    "sparsify_over_ours_s2": (">=", 4.5),
    "step_over_gemm_s1": ("<=", 0.65),
    "step_over_gemm_s2": ("<=", 0.45),
    "step_over_gemm_s1_fp32": ("<=", 1.5),
    "step_over_gemm_s2_fp32": ("<=", 1.4),
    "eight_saes_over_ours": (">=", 6.0),
}
PARTS = ("steps", "text")
ENDINGS = {TUNED: "", AS_SHIPPED: "_as_shipped"}
"""What figures under a malloc setting end in."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One step of one tool."""

    seconds: float
    """Time that it took."""
    loss: float
    """Its loss, before its update."""
    l0: float
    """Active features a position."""


def stepped(tool: Peer) -> Answer:
    """Let a tool take one step."""
    seconds, loss, l0 = map(float, tool.ask("step").split())
    return Answer(seconds=seconds, loss=loss, l0=l0)


class Rounds:
    """Steps of all variants of one size under one malloc setting; `close` ends our processes."""

    def __init__(self, size: Size, data: Path, malloc: str, rounds: int) -> None:
        self.size, self.malloc, self.rounds = size, malloc, rounds
        tensors = load_file(data)
        self.product = torch.empty(size.batch, size.d_sae)
        self.gemm = partial(torch.mm, tensors["x"], tensors["rows"].T, out=self.product)
        self.asked = {
            "data": str(data),
            "k": size.k,
            "penalty": LAMBDA,
            "threads": THREADS,
            "gemm": "bf16" if has_bf16_units() else "fp32",
        }
        command = [sys.executable, "-m", "benchmarks.our_steps"]
        self._ours = {
            kind: Peer(command, self.asked | {"variant": kind}, malloc=malloc) for kind in ("topk", "l1")
        }
        self._first = {kind: stepped(ours).loss for kind, ours in self._ours.items()}

    def against(self, python: Path, peer: str, variant: str) -> dict[str, Any]:
        """What one variant took beside ours; raises `PeerError` where it fails."""
        kind = variant.partition(" ")[0]
        asked = self.asked | {"peer": peer, "variant": variant}
        theirs = Peer([python, SCRIPT], asked, malloc=self.malloc)
        try:
            return self._in_turns(kind, theirs, exact=not variant.endswith(NOT_EXACT))
        finally:
            theirs.close()

    @property
    def settings(self) -> str:
        """What else decides how long a step takes."""
        return f"{THREADS} threads, our encoder by the {self.asked['gemm']} product"

    def close(self) -> None:
        """End our processes."""
        for ours in self._ours.values():
            ours.close()

    def _in_turns(self, kind: str, theirs: Peer, *, exact: bool) -> dict[str, Any]:
        ours, expected = self._ours[kind], self._first[kind]
        gemm: list[float] = []
        mine: list[Answer] = []
        other: list[Answer] = []
        for _ in range(WARM_UP + self.rounds):
            start = time.perf_counter()
            self.gemm()
            gemm.append(time.perf_counter() - start)
            mine.append(stepped(ours))
            other.append(stepped(theirs))
        first = other[0].loss
        if exact and abs(first - expected) > AGREE * expected:
            sys.exit(
                f"the first loss of a peer is {first:.6g}, ours {expected:.6g}: not the same thing is timed"
            )
        floor = median(gemm[WARM_UP:])
        peers, own = (median(each.seconds for each in tool[WARM_UP:]) for tool in (other, mine))
        return {
            "exact": exact,
            "over_ours": peers / own,
            "over_gemm": peers / floor,
            "ours_over_gemm": own / floor,
            "ms": 1e3 * peers,
            "ours_ms": 1e3 * own,
            "tokens_per_second": self.size.batch / peers,
            "ours_tokens_per_second": self.size.batch / own,
            "peak_gb": float(theirs.ask("peak")),
            "ours_peak_gb": float(ours.ask("peak")),
            "first_loss": first,
            "ours_first_loss": expected,
            "l0_at_the_end": other[-1].l0,
            "ours_l0_at_the_end": mine[-1].l0,
        }


def rounded(found: dict[str, Any]) -> dict[str, Any]:
    """Six significant figures are enough for people."""
    return {key: float(f"{value:.6g}") if key != "exact" else value for key, value in found.items()}


def over_gemm(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> float | None:
    """Our TopK step over the fp32 product, the median of those beside each variant; None where none was timed."""
    own = [
        one["ours_over_gemm"]
        for variants in found.values()
        for variant, one in variants.items()
        if variant.startswith("topk")
    ]
    return median(own) if own else None


def write_data(size: Size, scratch: Path) -> Path:
    """Write what all are given."""
    x, rows = make_data(size)
    data = scratch / f"{size.d_sae}.safetensors"
    save_file({"x": x, "rows": rows, "bound": bound_for(L0, x, rows)}, data)
    return data


def steps(
    name: str, pythons: dict[str, Path], scratch: Path, rounds: int
) -> tuple[dict[str, float], dict[str, str], dict[str, Any]]:
    """Figures, notes and details of one size."""
    size = SIZES[name]
    data = write_data(size, scratch)
    figures: dict[str, float] = {}
    notes: dict[str, str] = {}
    details: dict[str, Any] = {}
    for malloc, ending in ENDINGS.items():
        found: dict[str, dict[str, dict[str, Any]]] = {peer: {} for peer in VARIANTS}
        with closing(Rounds(size, data, malloc, rounds)) as turns:
            for peer, variant in ((peer, each) for peer, variants in VARIANTS.items() for each in variants):
                if variant.endswith(NOT_EXACT) and not has_bf16_units():
                    notes[f"{peer}, {variant}"] = NO_BF16
                    continue
                try:
                    found[peer][variant] = turns.against(pythons[peer], peer, variant)
                except PeerError as error:
                    notes[f"{peer}, {variant}, {name}, {malloc}"] = f"fails: {error}"
        for figure, (peer, variants) in FIGURES.items():
            full = f"{figure}_{name}{ending}"
            ratios = {each: found[peer][each]["over_ours"] for each in variants if each in found[peer]}
            if ratios:
                best = min(ratios, key=lambda each: ratios[each])
                figures[full] = ratios[best]
                exact = "" if found[peer][best]["exact"] else " (bf16: not exact)"
                notes[full] = f"{peer}, {best}{exact}; malloc of both {malloc}; {turns.settings}"
        if own := over_gemm(found):
            product = "" if turns.asked["gemm"] == "bf16" else f"_{turns.asked['gemm']}"
            figures[f"step_over_gemm_{name}{product}{ending}"] = own
        details[malloc] = {
            peer: {variant: rounded(one) for variant, one in each.items()} for peer, each in found.items()
        }
    return figures, notes, details


def main() -> None:
    """Parse, measure, print."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", default="s1,s2", help=f"comma-separated: {', '.join(SIZES)}")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5, help=f"timed rounds, after {WARM_UP} that are not")
    parser.add_argument("--steps", type=int, default=12, help="steps of a turn from text")
    parser.add_argument(
        "--peer", type=Path, help=f"folder of environments, kept: {', '.join(PINS)}; default: a temporary one"
    )
    options = parser.parse_args()
    sizes, parts = options.sizes.split(","), options.parts.split(",")
    for given, known in ((sizes, tuple(SIZES)), (parts, PARTS)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"unknown {unknown[0]}; known: {', '.join(known)}")
    with_kept_memory("benchmarks.peers_train")
    torch.set_num_threads(THREADS)
    start = time.perf_counter()
    figures: dict[str, float] = {}
    notes: dict[str, str] = {}
    details: dict[str, Any] = {"pins": list(PINS.values()), "malloc": MALLOC}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        kept = (options.peer or scratch / "peers").absolute()
        pythons = {peer: peer_python(kept / peer, pin) for peer, pin in PINS.items()}
        outcomes = [
            (name, partial(steps, name, pythons, scratch, options.rounds))
            for name in sizes
            if "steps" in parts
        ]
        if "text" in parts:
            turns = Turns(steps=options.steps, rounds=min(options.rounds, TEXT_ROUNDS), threads=THREADS)
            outcomes.append(("text", partial(compare, turns, pythons["sae-lens"], scratch)))
        for name, measure in outcomes:
            found, said, more = measure()
            figures |= found
            notes |= said
            details[name] = more
            print(f"{name}: {json.dumps(found)}", file=sys.stderr)
    report(
        "peers_train",
        {key: round(value, 3) for key, value in figures.items()},
        TARGETS,
        time.perf_counter() - start,
        as_json=options.json,
        notes=notes,
        details=details,
    )


if __name__ == "__main__":
    main()
