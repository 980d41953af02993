"""What an edit does to the model's next words, without sampling: does it say the thing, and can it still speak?

Features that fire near a concept need not make the model say it. So the thing to say is put behind the beginnings of
plain answers and two losses are read from one forward pass, with and without the edit:

    gain   by how much likelier the thing becomes, nats in all (an "output score": Arad, Mueller, Belinkov 2025)
    harm   by how much less likely the plain answers' own words become, nats a token

Activations at the SAE's hook point are captured once; only the layers above it run again for each edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from monosema.interventions.edits import Edit, Steering
from monosema.models import LanguageModel
from monosema.sae import SAE

CUTS = (1, 12)
"""After so many tokens of a plain answer the thing is put; later prompts take the later cut."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an edit does."""

    gain: float
    """By how much likelier the thing to say becomes, nats, mean over prompts."""
    harm: float
    """By how much less likely the plain answers become, nats a token."""


class Saying:
    """Beginnings of plain answers with a thing to say behind each, ready to be run on from an SAE's hook point.

    Memory: activations of the rows, and their logits while an edit is tried: 4 bytes x positions x vocabulary.
    """

    def __init__(
        self,
        model: LanguageModel,
        sae: SAE,
        prompts: Sequence[Sequence[int]],
        answers: Sequence[Sequence[int]],
        thing: Sequence[int],
    ) -> None:
        self._model, self._sae = model, sae
        cuts = [CUTS[number % len(CUTS)] for number in range(len(prompts))]
        rows = [[*p, *a[:cut], *thing] for p, a, cut in zip(prompts, answers, cuts, strict=True)]
        self._ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)  # [b, s]
        self._real = torch.zeros_like(self._ids, dtype=torch.bool)
        self._thing, self._answer = (
            self._real.clone(),
            self._real.clone(),
        )  # where its tokens, and plain ones, stand
        for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
            end = len(row) - len(thing)
            self._ids[number, : len(row)], self._real[number, : len(row)] = torch.tensor(row), True
            self._thing[number, end : len(row)] = True
            self._answer[number, len(prompt) : end] = True
        self._x = model.capture(self._ids, [sae.output], self._real)[sae.output]
        self._plain = self._losses(self._x)

    def effect(self, edits: Sequence[Edit]) -> Effect:
        """Gain and harm of edits at all positions."""
        losses = self._losses(Steering(self._sae, edits)(self._x))
        return Effect(gain=self._plain[0] - losses[0], harm=losses[1] - self._plain[1])

    def _losses(self, x: Float[Tensor, "b s d_model"]) -> tuple[float, float]:
        """Loss of the thing, nats in all; loss of the answers, nats a token."""
        logits = self._model.resume(self._sae.output, x, self._ids, self._real)[:, :-1].float()
        losses = nn.functional.cross_entropy(
            logits.flatten(0, 1), self._ids[:, 1:].flatten().to(logits.device), reduction="none"
        )
        losses = losses.view(len(self._ids), -1).cpu()  # [b, s - 1]
        thing, answer = self._thing[:, 1:], self._answer[:, 1:]
        return float(losses[thing].sum()) / len(losses), _mean(losses, answer)


def _mean(losses: Float[Tensor, "b s"], mask: Bool[Tensor, "b s"]) -> float:
    return float(losses[mask].mean()) if bool(mask.any()) else 0.0
