"""What edits do to the model's next words, without sampling: does it say the thing, and can it still speak?

Features that fire near a concept need not make the model say it. So the thing to say is put behind the beginnings of
plain answers and two losses are read from one forward pass, with and without the edit:

    gain   by how much likelier the thing becomes, nats in all (an "output score": Arad, Mueller, Belinkov 2025)
    harm   by how much less likely the plain answers' own words become, nats a token

Activations at the SAE's hook point are captured once; only the layers above it run again for each edit. Weights of a
set of features are fitted by the gradient of gain less `HARM_WEIGHT` x harm; they stay at 0 or above.
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
"""After so many tokens of a plain answer the thing is put; prompts take turns."""
HARM_WEIGHT = 8.0
"""Nats of gain that a nat a token of harm is worth: the fit ends at a harm of about half a nat."""
STEPS = 18
STEP_SIZE = 0.2
"""Of Adam, in the units of a."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an edit does."""

    gain: float
    """By how much likelier the thing to say becomes, nats, mean over prompts."""
    harm: float
    """By how much less likely the plain answers become, nats a token."""


class Saying:
    """Beginnings of plain answers with a thing to say behind each, ready to be run on from an SAE's hook point.

    Memory: activations of the rows, and their logits while an edit is tried: 4 bytes x positions x vocabulary, three
    times that while weights are fitted.
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
        # where tokens of the thing and of plain answers stand
        self._thing, self._answer = self._real.clone(), self._real.clone()
        for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
            end = len(row) - len(thing)
            self._ids[number, : len(row)], self._real[number, : len(row)] = torch.tensor(row), True
            self._thing[number, end : len(row)] = True
            self._answer[number, len(prompt) : end] = True
        self._rows = model.capture(self._ids, [sae.place], self._real)[sae.place]  # [b, s, row]
        self._x = sae.target(self._rows)  # [b, s, d_model]
        massive = sae.massive_mask(self._rows.reshape(-1, self._rows.shape[-1]).float())
        usual = self._real & ~massive.view(self._x.shape[:2]).cpu()
        self._usual = usual[:, :, None].to(self._x)  # [b, s, 1]: where a push acts
        self._last = self._ids.shape[1] + 1 - min(map(len, prompts))  # positions whose logits are asked
        thing_loss, answer_loss = self._losses(self._logits(self._x))
        self._plain = float(thing_loss), float(answer_loss)

    def effect(self, edits: Sequence[Edit]) -> Effect:
        """Gain and harm of edits at all positions."""
        thing, answer = self._losses(self._logits(Steering(self._sae, edits)(self._rows)))
        return Effect(gain=self._plain[0] - float(thing), harm=float(answer) - self._plain[1])

    def slopes(self, features: Sequence[int]) -> Float[Tensor, " f"]:
        """Gain for each unit of activation that is added to a feature at every usual position, to first order."""
        gradient = self._gradient(torch.zeros(self._sae.d_model), harm_weight=0.0)
        return self._directions(features) @ -gradient

    def fit(self, features: Sequence[int]) -> Float[Tensor, " f"]:
        """Activations to add to each feature, 0 or above, for the most gain at little harm."""
        directions = self._directions(features)  # [f, d_model]
        weights = torch.zeros(len(directions), requires_grad=True)
        adam = torch.optim.Adam([weights], lr=STEP_SIZE, betas=(0.8, 0.95))
        for _ in range(STEPS):
            gradient = self._gradient(weights.detach() @ directions, harm_weight=HARM_WEIGHT)
            weights.grad = directions @ gradient
            adam.step()
            with torch.no_grad():
                weights.clamp_(min=0)
        return weights.detach()

    def _directions(self, features: Sequence[int]) -> Float[Tensor, "f d_model"]:
        return self._sae.directions(torch.tensor(features, dtype=torch.int64)).float().cpu().clone()

    def _gradient(self, push: Float[Tensor, " d_model"], *, harm_weight: float) -> Float[Tensor, " d_model"]:
        """Gradient, by a push, of the loss of the thing plus the weighted loss of the answers."""

        def loss(logits: Tensor) -> Tensor:
            thing, answer = self._losses(logits)
            return thing + harm_weight * answer

        x = self._x + self._usual * push.to(self._x)
        _, gradient = self._model.gradient(self._sae.output, x, self._ids, self._real, loss, last=self._last)
        return (gradient * self._usual).sum((0, 1)).float().cpu()

    def _logits(self, x: Float[Tensor, "b s d_model"]) -> Float[Tensor, "b last vocabulary"]:
        return self._model.resume(self._sae.output, x, self._ids, self._real, last=self._last)

    def _losses(
        self, logits: Float[Tensor, "b last vocabulary"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Loss of the thing, nats in all; loss of the answers, nats a token."""
        thing = self._loss_of(logits, self._thing).sum() / len(self._ids)
        answer = self._loss_of(logits, self._answer)
        return thing, answer.mean() if len(answer) else thing.new_zeros(())

    def _loss_of(
        self, logits: Float[Tensor, "b last vocabulary"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, " n"]:
        # what position j tells of token j + 1: [b, last - 1]
        told = mask[:, 1 - self._last :].clone().to(logits.device)
        targets = self._ids[:, 1 - self._last :].clone().to(logits.device)[told]
        return nn.functional.cross_entropy(logits[:, :-1][told].float(), targets, reduction="none")
