"""Golden Gate on this machine: what `make demo` gives, and how often the steered model names the bridge.

    python -m benchmarks.demo --study FOLDER --json

Makes the study with the demo's defaults, or goes on with the one in FOLDER (doses, outcomes and everything else are
kept, so that a stopped run loses little; seconds and memory are told of a study made in one go only). Features and
doses are chosen on the prompts of the dose search; every share is measured on the prompts of `steering_prompts.py`,
which mention no concept. Continuations are chosen by the seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import children_peak_gb, report, study_arguments, study_folder
from benchmarks.real_model import monosema
from benchmarks.steering_prompts import IDENTITY, OPEN
from monosema import pipeline
from monosema.cli.demo import CONCEPT, SAE, SIZE
from monosema.errors import UsageError
from monosema.files import write_json
from monosema.interventions import DoseCurve, Push, Shares, Trials, search_push
from monosema.models import Generated
from monosema.pipeline import OpenStudy
from monosema.world import Catalogue, NameMatcher, library

SEED = 20261121
TARGETS = {
    "seconds": ("<=", 600),
    "peak_gb": ("<=", 6),
    "fvu": ("<=", 0.16),
    "l0": ("<=", 32),
    "ce_added": ("<=", 0.25),
    "dead_share": ("<=", 0.02),
    "steer_golden_gate": (">=", 0.4),
    "steer_concepts": (">=", 0.5),
}
QUALITY = ("fvu", "l0", "ce_added")
NAMED_OFTEN = 60
CONCEPTS = 20
SUCCESS = 0.3
"""A concept counts as steered where fluent naming reaches this and three times the plain model's."""
AS_PROMPT = "Speak of {topic} in every answer, whatever you are asked."
KEPT = "steered.json"
SHOWN = 3
"""Continuations that are printed of each condition."""


def made(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Make the study and its dose; its figures, and where all of it was made now, seconds of each stage."""
    new = not (folder / "study.toml").exists()
    if new:
        monosema("init", str(folder), *SAE, *SIZE)
    last = json.loads(monosema("run", str(folder), "--json").splitlines()[-1])
    monosema("dose", str(folder), CONCEPT, "--json")
    record = last["figures"]["main"]["figures"]
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()] if new else []
    stages = {line["made"]: line["seconds"] for line in lines if "made" in line}
    return {name: record[name] for name in QUALITY}, stages


def nothing(text: str) -> bool:
    """What trials name until they are `about` a concept."""
    return False


class Bench:
    """All conditions of one study."""

    def __init__(self, study: OpenStudy, repeats: int, tokens: int) -> None:
        self.study, self.index, self.sae, self.model = study, study.index(), study.sae(), study.model()
        self.repeats, self.tokens, self.prompts = repeats, tokens, (*OPEN, *IDENTITY)
        self.trials = Trials(
            self.model, self.sae, nothing, self.prompts, repeats=repeats, max_new_tokens=tokens, seed=SEED
        )
        self.search = Trials(self.model, self.sae, nothing)

    def once(
        self, name: str, curve: DoseCurve | None, measure: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """An outcome that is kept in the study's folder for this SAE, this dose and these numbers of continuations."""
        path = self.study.path / KEPT
        kept = json.loads(path.read_text()) if path.exists() else {}
        dose = json.dumps(curve and curve.to_dict(), sort_keys=True)
        made = self.study.open("sae", "main", verify=False).hash
        behind = hashlib.blake2b(f"{made} {dose}".encode(), digest_size=8).hexdigest()
        key = f"{name}, {self.repeats} x {self.tokens} tokens, {behind}"
        if key not in kept:
            kept[key] = measure()
            write_json(path, kept)
        return dict(kept[key])

    def compared(self, concept: str) -> dict[str, Any]:
        """Every condition for one concept: shares, intervals, and some continuations of each."""
        curve = pipeline.dose(self.study, concept)
        return self.once(f"compare {concept}", curve, partial(self._compare, concept, curve))

    def _compare(self, concept: str, curve: DoseCurve) -> dict[str, Any]:
        meant = pipeline.concept_of(self.study, concept)
        names = pipeline.names_it(meant)
        edits = curve.best.dose.edits()
        found = pipeline.contrast(self.study, concept)
        push = search_push(self.search.about(names), found.direction, found.usual)
        trials = self.trials.about(names)
        ways: dict[str, Callable[[], Generated]] = {
            "golden_gate": lambda: trials.write(edits),
            "golden_gate_single": lambda: trials.write(curve.single.dose.edits()),
            "mean_difference": lambda: trials.write(
                push=Push(push.multiple * found.usual * found.direction, push.positions)
            ),
            "plain": lambda: trials.answers,
            "random": lambda: trials.write(pipeline.random_edits(self.index, self.sae, edits, SEED)),
            "prompted": lambda: trials.write(prompts=self._asked(AS_PROMPT.format(topic=meant.topic))),
        }
        outcomes = {name: self._outcome(trials, way()) for name, way in ways.items()}
        return {"dose": asdict(curve.best), "single": asdict(curve.single), "push": asdict(push)} | outcomes

    def _asked(self, system: str) -> list[list[int]]:
        """The prompts of the trials behind a system message."""
        return [
            self.model.chat([{"role": "system", "content": system}, {"role": "user", "content": prompt}])
            for prompt in self.prompts
        ]

    def _outcome(self, trials: Trials, written: Generated) -> dict[str, Any]:
        verdicts = trials.verdicts(written)
        cut = len(OPEN) * self.repeats
        shown = sorted(random.Random(SEED).sample(range(len(verdicts)), SHOWN))
        return {
            "all": asdict(Shares.of(verdicts)),
            "interval": interval([one.named and one.fluent for one in verdicts], self.repeats),
            "open": asdict(Shares.of(verdicts[:cut])),
            "identity": asdict(Shares.of(verdicts[cut:])),
            "continuations": [
                {"prompt": self.prompts[i // self.repeats], "text": written.texts[i]} | asdict(verdicts[i])
                for i in shown
            ],
        }

    def steered(self, concept: str) -> dict[str, Any]:
        """Whether one of the drawn concepts can be steered; one without a feature counts as failed."""
        try:
            curve = pipeline.dose(self.study, concept)
        except UsageError as error:
            return {"concept": concept, "steered": None, "success": False, "why": str(error)}
        return self.once(concept, curve, partial(self._steered, concept, curve))

    def _steered(self, concept: str, curve: DoseCurve) -> dict[str, Any]:
        trials = self.trials.about(pipeline.names_it(pipeline.concept_of(self.study, concept)))
        shares, plain = trials.judge(trials.write(curve.best.dose.edits())), trials.plain.both
        return {
            "concept": concept,
            "plain": plain,
            "steered": asdict(shares),
            "features": curve.best.dose.features,
            "success": shares.both >= SUCCESS and shares.both >= 3 * plain,
        }


def drawn() -> list[str]:
    """Concepts of the catalogue that the library names often enough, drawn by the seed of the issue."""
    matcher, counts = NameMatcher(Catalogue.load()), Counter[str]()
    for one in library():
        about = {one["tags"]["concept"]} if "concept" in one["tags"] else set()
        counts.update(hit.concept for hit in matcher.find(f"{one['prompt']}\n{one['text']}", about))
    often = sorted(name for name, count in counts.items() if count >= NAMED_OFTEN)
    return random.Random(SEED).sample(often, min(CONCEPTS, len(often)))


def interval(hits: Sequence[bool], repeats: int) -> list[float]:
    """95% bootstrap interval of a share over prompts, each with all its continuations."""
    shares = np.array(hits, dtype=float).reshape(-1, repeats).mean(1)
    draws = np.random.default_rng(SEED).integers(len(shares), size=(2000, len(shares)))
    return [round(float(end), 3) for end in np.quantile(shares[draws].mean(1), (0.025, 0.975))]


def told(outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome of a concept, after a line about it for who waits."""
    both = outcome["steered"]["both"] if outcome["steered"] else 0
    print(
        f"{outcome['concept']}: {both:.3f} {'yes' if outcome['success'] else 'no'}",
        file=sys.stderr,
        flush=True,
    )
    return outcome


def run(options: argparse.Namespace, folder: Path) -> None:
    """Make the study, steer, report."""
    start = time.monotonic()
    quality, stages = made(folder)
    figures = dict(quality)
    if stages:
        figures |= {"seconds": sum(stages.values()), "peak_gb": children_peak_gb()}
    bench = Bench(pipeline.open_study(folder), options.repeats, options.tokens)
    compared = bench.compared(CONCEPT)
    figures |= {f"steer_{name}": one["all"]["both"] for name, one in compared.items() if "all" in one}
    # dead by metrics.md: silent at all positions that it was trained on; many are silent at the few that are held out
    figures["dead_share"] = float((bench.index.table["count"] == 0).mean())
    details: dict[str, Any] = {"stages": stages, "golden_gate": compared}
    if options.concepts:
        details["concepts"] = each = [told(bench.steered(concept)) for concept in drawn()]
        figures["steer_concepts"] = sum(one["success"] for one in each) / max(len(each), 1)
    report("demo", figures, TARGETS, time.monotonic() - start, as_json=options.json, details=details)


def main() -> None:
    """Read the arguments."""
    parser = study_arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="continuations of each of the 40 prompts")
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--no-concepts", dest="concepts", action="store_false", help="the bridge only")
    options = parser.parse_args()
    with study_folder(options.study) as folder:
        run(options, folder)


if __name__ == "__main__":
    main()
