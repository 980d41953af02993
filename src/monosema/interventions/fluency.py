"""Is a continuation still language? Measured against what the plain model writes to the same prompts (metrics.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from monosema.models import LanguageModel

LOSS_BAND = math.log(3)
BIGRAM_SHARE = 0.8


@dataclass(frozen=True)
class Fluency:
    """What plain continuations are like."""

    loss: float
    """Mean over them of the mean loss of their tokens, nats."""
    bigrams: float
    """Mean share of distinct bigrams of tokens."""

    @classmethod
    def of(
        cls, model: LanguageModel, prompts: Sequence[Sequence[int]], plain: Sequence[Sequence[int]]
    ) -> Fluency:
        """Measure plain continuations; empty ones do not count."""
        written = [(prompt, new) for prompt, new in zip(prompts, plain, strict=True) if new]
        losses = mean_losses(model, [prompt for prompt, _ in written], [new for _, new in written])
        return cls(fmean(losses), fmean(distinct_bigrams(new) for _, new in written))

    def judge(
        self, model: LanguageModel, prompts: Sequence[Sequence[int]], written: Sequence[Sequence[int]]
    ) -> list[bool]:
        """Whether each continuation is fluent: its loss within log 3 of plain ones, enough distinct bigrams."""
        varied = [bool(new) and distinct_bigrams(new) >= BIGRAM_SHARE * self.bigrams for new in written]
        told = [number for number, one in enumerate(varied) if one]  # of the others the loss is not asked
        losses = iter(mean_losses(model, [prompts[n] for n in told], [written[n] for n in told]))
        return [one and abs(next(losses) - self.loss) <= LOSS_BAND for one in varied]


def distinct_bigrams(tokens: Sequence[int]) -> float:
    """Share of the pairs of neighbouring tokens that are different ones; 1 for fewer than two tokens."""
    pairs = list(pairwise(tokens))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def mean_losses(
    model: LanguageModel, prompts: Sequence[Sequence[int]], written: Sequence[Sequence[int]]
) -> list[float]:
    """Mean loss under the plain model of each continuation's tokens after its prompt; infinite for an empty one."""
    told = [number for number, new in enumerate(written) if new]
    losses = model.continued_losses([prompts[n] for n in told], [written[n] for n in told])
    found = [math.inf] * len(prompts)
    for number, each in zip(told, losses, strict=True):
        found[number] = float(each.mean())
    return found
