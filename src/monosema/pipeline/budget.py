"""The time budget of a study: from minutes, and what each SAE costs on this machine, to tokens and features.

Everything here is arithmetic; rates.py measures. T: tokens of a corpus, n: those of split train, F: d_sae.

    activations   n passes of the model up to the hook point, once for all SAEs that read them
    sae           steps over 4 n positions (`PASSES`), shared out by position; a straight line in F. After them
                  thresholds, fitted on a sample, where the kind has some
    evaluation    passes up to the hook point, encodings, and runs of the layers above it: bounded by its settings
    index         n times encoding, sorting and reducing a position, a straight line in F; then a row of the table and
                  logits of each of the F directions, and cosines of all pairs of them

Where the disk has no room for activations, training and index pass the model again: each index for itself, training
once for all SAEs on one stream, for as long as the longest. It is an estimate, and a careful one: `RESERVE` of the time
is left for what is not counted (loading, text, writing, sums at the end, SAEs that wait for memory and another pass).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monosema.errors import UsageError
from monosema.evaluation import EvaluationSettings
from monosema.evaluation.baselines import PCA_POSITIONS
from monosema.evaluation.settings import CE_POSITIONS, MAX_POSITIONS
from monosema.study import TOML
from monosema.training.plan import PASSES

LADDER = (1024, 2048, 4096, 8192, 16384, 32768)
"""Sizes that a budget chooses d_sae from."""
POSITIONS_A_FEATURE = 64
"""Tokens of text that a feature should have at least, before an SAE is made larger."""
MOST_TOKENS = 1 << 40
"""More than any text has."""
RESERVE = 0.2
"""Share of the time that is left for what the estimate does not count."""
SHARED_RUNS = 3
"""Runs of the layers above the hook point that all SAEs there share: plain, mean and zero ablation."""
OWN_RUNS = 2
"""Those of each SAE: x̂, x̂ with massive positions."""
BASELINES = 3
"""Further ones of each where its untrained SAE, PCA and neurons are measured."""
FIDELITY_ENCODINGS = 2
"""What a position of the fidelity figures costs, in encodings; with baselines as many of the untrained SAE, too."""
THRESHOLD_POSITIONS = 50_000
"""Training positions on which inference thresholds are fitted."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What fits the time; frozen in the plan of a model."""

    minutes: float
    """Time that the model's part of the study may take."""
    tokens: int
    """Tokens of each corpus that leaves them open."""
    d_sae: int
    """Features of each SAE that leaves them open."""
    seconds: dict[str, float]
    """Estimate by kind of artifact."""


@dataclass(frozen=True)
class Line:
    """Seconds a position, as they grow with d_sae."""

    flat: float
    """Part that does not grow."""
    slope: float
    """Growth for each feature."""

    @classmethod
    def through(cls, small: tuple[int, float], large: tuple[int, float]) -> Line:
        """The line through two measured (d_sae, seconds); where it would fall, or start below 0, the safer one."""
        slope = max(0.0, (large[1] - small[1]) / (large[0] - small[0]))
        flat = large[1] - slope * large[0]
        return cls(flat, slope) if flat >= 0 else cls(0.0, large[1] / large[0])

    def at(self, d_sae: int) -> float:
        """Seconds a position with so many features."""
        return self.flat + self.slope * d_sae


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one SAE costs on this machine, and what study.toml fixes of it. All times are seconds a position."""

    activations: str
    """Name of the activations that it reads; SAEs that share them share one harvest."""
    stream: str | None
    """Name of the stream that it is trained on; SAEs that share it share its passes. None where nothing is trained."""
    measured_at: str
    """Name of where it is evaluated; SAEs that share it share passes and ablated runs."""
    tokens: int | None
    """Tokens of its corpus, where they are given."""
    d_sae: int | None
    """Its features, where they are given."""
    least_d_sae: int
    """Smallest size that its kind's settings allow, of the ladder."""
    trained: int | None
    """Positions to train on, where they are given; None: four passes."""
    train_share: float
    """Share of the tokens that is trained on."""
    held_share: float
    """Share of the tokens that is evaluated on."""
    storable: float
    """Positions whose activations may be kept on disk."""
    forward: float
    """A pass of the model up to the hook point."""
    step: Line
    """A training step, shared out over its positions."""
    encode: Line
    """Encoding."""
    index: Line
    """Encoding, sorting into a segment, and reducing it."""
    continuation: float
    """A run of the layers above the hook point, with its losses."""
    evaluation: EvaluationSettings
    """How much is evaluated."""
    context: int
    """Positions of a row: what is evaluated is whole rows."""
    untrained: Line
    """Encoding by an SAE as it is before training: dense where nothing but training makes it sparse."""
    fitting: Line
    """Fitting inference thresholds, a position of the sample; 0 where the kind fits none."""
    kept: float = 1.0
    """Share of the tokens whose positions are kept: trained on and indexed."""
    row: float = 0.0
    """Seconds a feature for its row of the index's table, and to rank its nearest ones."""
    logits: float = 0.0
    """Seconds a feature for the logits of its direction."""
    cosine: float = 0.0
    """Seconds a pair of features for their cosine."""

    def seconds(self, tokens: int, d_sae: int) -> dict[str, float]:
        """Estimate by kind of artifact, without `passes` and `shared_runs`; what study.toml fixes comes before the
        arguments."""
        tokens, d_sae = self.tokens or tokens, self.d_sae or d_sae
        kept = self._kept(tokens)
        again = self._again(kept)
        return {
            "activations": tokens * self.train_share * self.forward,
            "sae": self._training(kept, d_sae),
            "evaluation": self._evaluation(tokens, d_sae),
            "index": kept * (self.index.at(d_sae) + again)
            + d_sae * (self.row + self.logits + d_sae * self.cosine),
        }

    def passes(self, tokens: int) -> float:
        """Seconds that the model passes positions for its training: none where activations are kept."""
        kept = self._kept(self.tokens or tokens)
        return self._trained(kept) * self._again(kept)

    def _kept(self, tokens: int) -> float:
        """Positions in one pass."""
        return tokens * self.train_share * self.kept

    def _trained(self, kept: float) -> float:
        """Positions that training sees, each counted as often as it is seen."""
        return PASSES * kept if self.trained is None else self.trained

    def _training(self, kept: float, d_sae: int) -> float:
        """Steps and thresholds; nothing where nothing is trained."""
        if self.trained == 0:
            return 0.0
        sample = min(THRESHOLD_POSITIONS, kept)
        steps = self._trained(kept) * self.step.at(d_sae)
        return steps + sample * self.fitting.at(d_sae)

    def _again(self, kept: float) -> float:
        """Seconds for the activations of a position that are needed again after the harvest."""
        return 0.0 if kept <= self.storable else self.forward

    def microseconds(self, d_sae: int) -> dict[str, float]:
        """The measured rates at this size, for people."""
        lines = {"step": self.step, "encode": self.encode, "index": self.index}
        found = {name: line.at(self.d_sae or d_sae) for name, line in lines.items()}
        found |= {"forward": self.forward, "continuation": self.continuation}
        return {name: round(1e6 * value, 1) for name, value in found.items()}

    def shared_runs(self, tokens: int) -> float:
        """Seconds of an evaluation that SAEs at one place share: passes up to it, PCA's too, and ablated runs."""
        tokens = self.tokens or tokens
        held, ce = self._measured(tokens)
        fitted = min(PCA_POSITIONS, tokens * self.train_share) if self.evaluation.baselines else 0
        return (fitted + held + ce) * self.forward + ce * SHARED_RUNS * self.continuation

    def _evaluation(self, tokens: int, d_sae: int) -> float:
        held, ce = self._measured(tokens)
        baselines = self.evaluation.baselines
        encoding = self.encode.at(d_sae) + (self.untrained.at(d_sae) if baselines else 0.0)
        runs = OWN_RUNS + (BASELINES if baselines else 0)
        return held * FIDELITY_ENCODINGS * encoding + ce * runs * self.continuation

    def _measured(self, tokens: int) -> tuple[float, float]:
        """Positions of all figures but cross-entropy, and of that."""
        asked = self.evaluation
        held = min(asked.max_positions or MAX_POSITIONS, tokens * self.held_share)
        # the row that reaches the number is run whole: half a row more in the mean
        return held, min((asked.ce_positions or CE_POSITIONS) + self.context / 2, held)


def estimate(costs: Sequence[Cost], tokens: int, d_sae: int) -> dict[str, float]:
    """Seconds by kind of artifact of all SAEs of a model; what they share counts once."""
    total: dict[str, float] = {}
    harvested: set[str] = set()
    streams: dict[str | None, float] = {}
    places: dict[str, float] = {}
    for cost in costs:
        seconds = cost.seconds(tokens, d_sae)
        if cost.activations in harvested:
            del seconds["activations"]
        harvested.add(cost.activations)
        streams[cost.stream] = max(streams.get(cost.stream, 0.0), cost.passes(tokens))
        places[cost.measured_at] = cost.shared_runs(tokens)
        for stage, value in seconds.items():
            total[stage] = total.get(stage, 0.0) + value
    total["sae"] += sum(streams.values())
    total["evaluation"] += sum(places.values())
    return total


def fit(minutes: float, costs: Sequence[Cost], *, models: int = 1, planned: float = 0.0) -> Budget:
    """Return the largest d_sae of `LADDER` for which 64 tokens a feature fit the time, and the most tokens then.

    What `costs` fix is kept and only the rest is fitted. Each of the `models` of the study has an equal part of
    the minutes; planning took `planned` seconds of it. Raises `UsageError`, with the minutes that would do, where
    not even the smallest fits.
    """
    part = minutes / models
    limit = 60 * part * (1 - RESERVE) - planned
    sizes = _sizes(costs)
    fitting = [size for size in sizes if _total(costs, _least_tokens(costs, size), size) <= limit]
    if not fitting:
        tokens = _least_tokens(costs, sizes[0])
        needed = models * (planned + _total(costs, tokens, sizes[0])) / (1 - RESERVE) / 60
        raise UsageError(
            f"{TOML}: minutes is {minutes:g}; this machine needs about {_rounded_up(needed):g} for {tokens:,} tokens "
            f"and {sizes[0]:,} features; give that or more"
        )
    d_sae = max(fitting)
    tokens = _most_tokens(costs, d_sae, limit)
    seconds = {"plan": planned} | estimate(costs, tokens, d_sae)
    rounded = {stage: round(value, 1) for stage, value in seconds.items()}
    return Budget(minutes=part, tokens=tokens, d_sae=d_sae, seconds=rounded)


def _sizes(costs: Sequence[Cost]) -> list[int]:
    """Sizes to choose from, smallest first: where all are given, the largest of those."""
    if all(cost.d_sae for cost in costs):
        return [max(cost.d_sae or 0 for cost in costs)]
    open_ = [cost for cost in costs if cost.d_sae is None]
    least = max(cost.least_d_sae for cost in open_)
    texts = [cost.tokens for cost in open_ if cost.tokens is not None]
    # a given text that is too short for a size cannot be made longer by time
    most = max(least, min(texts, default=POSITIONS_A_FEATURE * LADDER[-1]) // POSITIONS_A_FEATURE)
    return [size for size in LADDER if least <= size <= most]


def _least_tokens(costs: Sequence[Cost], d_sae: int) -> int:
    """Tokens without which a size is not taken; where no corpus leaves them open, the most of those given."""
    open_ = [cost for cost in costs if cost.tokens is None]
    if not open_:
        return max(cost.tokens or 0 for cost in costs)
    needs = [d_sae if cost.d_sae is None else min(cost.d_sae, LADDER[0]) for cost in open_]
    return POSITIONS_A_FEATURE * max(needs)


def _most_tokens(costs: Sequence[Cost], d_sae: int, limit: float) -> int:
    """The most tokens that fit; those that a size needs do."""
    low = _least_tokens(costs, d_sae)
    if all(cost.tokens for cost in costs):
        return low
    high = 2 * low
    while high < MOST_TOKENS and _total(costs, high, d_sae) <= limit:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _total(costs, middle, d_sae) <= limit else (low, middle)
    return low


def _total(costs: Sequence[Cost], tokens: int, d_sae: int) -> float:
    return sum(estimate(costs, tokens, d_sae).values())


def _rounded_up(value: float) -> float:
    """Rounded up to two digits."""
    unit: float = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit
