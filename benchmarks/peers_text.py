"""Eight SAEs on one stream from text: ours, and SAELens's one by one and together. `peers_train` calls `compare`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from datasets import Dataset

from benchmarks.harvest import BUFFER_CONTEXTS, STORE, whole_rows
from benchmarks.our_text import BATCH
from benchmarks.peers import AS_SHIPPED, TUNED, Peer
from monosema.corpora import CorpusSettings, Tokens, read_documents, write_tokens
from monosema.models import load_tokenizer
from monosema.models.loading import folder_of

MODEL, CORPUS, LAYER, DTYPE = "smollm2", "world:library", 15, "float32"
D_MODEL, D_SAE, K, SAES = 576, 8192, 32, 8
TEXT_TOKENS, CONTEXT = 300_000, 256
ROWS = (4, 8, 16, 32)
"""Rows that the model is given at a time; each tool gets those at which it is fastest."""
CYCLE = BUFFER_CONTEXTS * CONTEXT // 2 // BATCH
"""Steps between two fillings of SAELens's buffer, which gives out half of itself: it pays for many steps at once."""
NAMES = {TUNED: "eight_saes", AS_SHIPPED: "eight_saes_as_shipped"}


@dataclass(frozen=True, kw_only=True)
class Turns:
    """How much is timed."""

    steps: int
    """Steps of a turn; rounded up to whole fillings of the peer's buffer."""
    rounds: int
    """Timed rounds."""
    threads: int
    """Threads of each tool."""

    @property
    def positions(self) -> int:
        """Activations of a turn."""
        return -(-self.steps // CYCLE) * CYCLE * BATCH


def compare(
    turns: Turns, python: Path, scratch: Path
) -> tuple[dict[str, float], dict[str, str], dict[str, Any]]:
    """Figures, how to read them, and the seconds that they came from; `python`: of SAELens's environment."""
    dataset = write_text(scratch)
    ours, theirs = asked(scratch, dataset, turns.threads, SAES)
    figures: dict[str, float] = {}
    details: dict[str, Any] = {"positions_a_turn": turns.positions}
    for malloc, name in NAMES.items():
        ours_now = Peer([sys.executable, "-m", "benchmarks.our_text"], ours, malloc=malloc)
        theirs_now = Peer([python, STORE], theirs, malloc=malloc)
        seconds, rows = in_turns(ours_now, theirs_now, turns)
        figures[f"{name}_over_ours"] = SAES * seconds["sae-lens, one SAE"] / seconds["ours"]
        figures[f"{name}_together_over_ours"] = seconds["sae-lens, all SAEs"] / seconds["ours"]
        details[malloc] = {
            "seconds": {case: round(value, 2) for case, value in seconds.items()},
            "rows": rows,
        }
    return figures, notes(turns), details


def asked(scratch: Path, dataset: Path, threads: int, saes: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What our process and the peer's are asked for, over the text of `write_text`."""
    common = {
        "dtype": DTYPE,
        "buffer_rows": BUFFER_CONTEXTS * CONTEXT,
        "saes": [{"d_sae": D_SAE, "k": K}] * saes,
        "threads": threads,
    }
    ours = common | {"model": MODEL, "tokens": str(scratch / "tokens"), "hook": f"resid_post.{LAYER}"}
    theirs = common | {
        "model": str(folder_of(MODEL)),
        "dataset": str(dataset),
        "layer": LAYER,
        "context": CONTEXT,
        "d_model": D_MODEL,
    }
    return ours, theirs


def notes(turns: Turns) -> dict[str, str]:
    """How the figures were made."""
    what = f"{turns.positions // BATCH} steps on {MODEL} {LAYER}, TopK k {K}, d_sae {D_SAE}, harvest included"
    found = {}
    for malloc, name in NAMES.items():
        found[f"{name}_over_ours"] = (
            f"{what}; {malloc}: {SAES} x the time of one SAE by SAELens (activation store + SAETrainer, run once for "
            f"each SAE; extrapolated from one) over {SAES} by our train_together"
        )
        found[f"{name}_together_over_ours"] = (
            f"{malloc}: the same {SAES} by SAELens on one stream, as its MultiSAETrainer does it, measured in full"
        )
    return found


def write_part(folder: Path, tokens: int, *, held_out: bool = False) -> Tokens:
    """Write so many tokens of the text for us: of every twentieth document where they are held out, else of others."""
    settings = CorpusSettings(sources=(CORPUS,), tokens=tokens, context=CONTEXT, shares=(1, 0, 0, 0))
    folder.mkdir()
    mine = (one for n, one in enumerate(read_documents(settings)) if (n % 20 == 0) == held_out)
    write_tokens(folder, mine, load_tokenizer(MODEL), settings)
    return Tokens(folder)


def write_text(scratch: Path, tokens: int = TEXT_TOKENS) -> Path:
    """Write the tokens for us, and the same text as whole rows for the peer; return the folder of the latter."""
    ours, dataset = write_part(scratch / "tokens", tokens), scratch / "rows"
    Dataset.from_dict({"tokens": whole_rows(ours).tolist()}).save_to_disk(str(dataset))
    return dataset


def in_turns(ours: Peer, theirs: Peer, turns: Turns) -> tuple[dict[str, float], dict[str, int]]:
    """Median seconds of a turn of each, and the rows that each gives the model at a time; ends both processes."""
    rows = {"ours": fastest_rows(ours), "sae-lens": fastest_rows(theirs)}

    def theirs_of(saes: int) -> Callable[[], float]:
        return lambda: seconds_of(lambda: theirs.ask(rows["sae-lens"], turns.positions, saes))

    cases: dict[str, Callable[[], float]] = {
        "ours": lambda: float(ours.ask(rows["ours"], turns.positions, SAES)),
        "sae-lens, one SAE": theirs_of(1),
        "sae-lens, all SAEs": theirs_of(SAES),
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    theirs.ask(rows["sae-lens"], CYCLE * BATCH, SAES)  # fills the buffer; first use allocates
    for _ in range(turns.rounds):
        for name, run in cases.items():
            found[name].append(run())
    ours.close()
    theirs.close()
    return {name: median(times) for name, times in found.items()}, rows


def fastest_rows(tool: Peer) -> int:
    """The rows at a time with which its buffer is filled soonest."""
    return min(ROWS, key=lambda rows: seconds_of(lambda: tool.ask(rows, BATCH)))


def seconds_of(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
