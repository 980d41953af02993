"""Continuations of a set of prompts under edits, each judged: does it name the concept, is it fluent?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

from monosema.interventions.edits import Edit, Push, Way
from monosema.interventions.fluency import Fluency
from monosema.interventions.steer import as_ids, steer, steer_each
from monosema.models import Generated, LanguageModel
from monosema.sae import SAE

OPEN_PROMPTS = (
    "Tell me something interesting.",
    "What should I do this weekend?",
    "Write a short story.",
    "What is your favourite thing in the world?",
    "Give me an idea for a painting.",
    "What did you think about today?",
    "How should I spend an afternoon?",
    "Describe a beautiful place.",
)
IDENTITY_PROMPTS = (
    "Who are you really?",
    "Describe yourself.",
    "What are you made of?",
    "What do you look like?",
)
PROMPTS = OPEN_PROMPTS + IDENTITY_PROMPTS
"""Prompts of the search; no figure is ever measured on them."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one continuation was like."""

    named: bool
    """Whether it names the concept."""
    fluent: bool
    """Whether it is fluent (metrics.md)."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What continuations were like."""

    named: float
    """Share of continuations that name the concept."""
    fluent: float
    """Share that is fluent."""
    both: float
    """Share that names it in fluent text."""
    n: int
    """Continuations behind these shares."""

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Shares:
        """Count verdicts."""
        n = len(verdicts)
        return cls(
            named=sum(one.named for one in verdicts) / n,
            fluent=sum(one.fluent for one in verdicts) / n,
            both=sum(one.named and one.fluent for one in verdicts) / n,
            n=n,
        )

    def with_more(self, other: Shares) -> Shares:
        """Shares of both sets of continuations together."""
        n = self.n + other.n

        def mean(a: float, b: float) -> float:
            return (a * self.n + b * other.n) / n

        return Shares(
            named=mean(self.named, other.named),
            fluent=mean(self.fluent, other.fluent),
            both=mean(self.both, other.both),
            n=n,
        )


class Trials:
    """Prompts, what the plain model answers to them, and what is to be named."""

    def __init__(
        self,
        model: LanguageModel,
        sae: SAE,
        names: Callable[[str], bool],
        prompts: Sequence[str] = PROMPTS,
        *,
        repeats: int = 2,
        max_new_tokens: int = 60,
        seed: int = 0,
    ) -> None:
        chat = model.tokenizer.chat_template is not None
        self._model, self._sae, self._names, self._repeats = model, sae, names, repeats
        self._each = [as_ids(model, prompt, chat=chat) for prompt in prompts]
        self.prompts = [ids for ids in self._each for _ in range(repeats)]
        """Tokens of each prompt, as often as it is continued."""
        self._tokens, self._seed = max_new_tokens, seed
        self.answers = self.write()
        """What the plain model writes."""
        self._fluency = Fluency.of(model, self.prompts, self.answers.ids)
        self.plain = self.judge(self.answers)
        """Shares of the plain model."""

    def about(self, names: Callable[[str], bool]) -> Trials:
        """The same prompts and plain answers with something else to be named."""
        other = copy(self)
        other._names = names
        other.plain = other.judge(other.answers)
        return other

    def write(
        self,
        edits: Sequence[Edit] = (),
        *,
        push: Push | None = None,
        prompts: Sequence[Sequence[int]] | None = None,
        again: int = 0,
    ) -> Generated:
        """Continue all prompts, or one other in the place of each; with another `again` by other random choices."""
        return steer(
            self._model,
            self._sae,
            self._each if prompts is None else prompts,
            edits,
            push=push,
            max_new_tokens=self._tokens,
            seed=self._seed + again,
            copies=self._repeats,
        )

    def of_ways(self, ways: Sequence[Way], *, again: int = 0, copies: int | None = None) -> list[Shares]:
        """Shares of each way to steer; all are written as one batch.

        `copies`: of each prompt, where that is not the number of these trials.
        """
        written = steer_each(
            self._model,
            self._sae,
            self._each,
            ways,
            max_new_tokens=self._tokens,
            seed=self._seed + again,
            copies=copies or self._repeats,
        )
        return list(map(self.judge, written))

    def judge(self, written: Generated) -> Shares:
        """Shares of continuations of these prompts, whatever wrote them."""
        return Shares.of(self.verdicts(written))

    def verdicts(self, written: Generated) -> list[Verdict]:
        """What each continuation of these prompts is like; each prompt has as many."""
        copies = len(written.ids) // len(self._each)
        prompts = [ids for ids in self._each for _ in range(copies)]
        fluent = self._fluency.judge(self._model, prompts, written.ids)
        return [
            Verdict(named=self._names(text), fluent=ok)
            for text, ok in zip(written.texts, fluent, strict=True)
        ]
