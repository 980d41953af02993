"""A prompt as an SAE sees it: which features fire at each of its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monosema.errors import UsageError
from monosema.index.contexts import TokenTexts
from monosema.kernels import SparseActs
from monosema.models import LanguageModel
from monosema.sae import SAE

STEP, MARGIN = 32, 8
"""Tokens decoded at once, and those around them: no character is made of more tokens than the margin."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """n tokens of a prompt."""

    ids: list[int]
    """The tokens, those that the tokenizer or the chat template adds among them."""
    texts: list[str]
    """The text that each adds."""
    special: Bool[Tensor, " n"]
    """Special tokens: left out."""
    massive: Bool[Tensor, " n"]
    """Positions with a norm above the SAE's threshold: left out."""
    acts: SparseActs
    """Activations, n rows; none at what is left out."""

    def values(self, features: Sequence[int]) -> Float[Tensor, "n f"]:
        """Activations of chosen features at each token."""
        found = torch.zeros(len(self.ids), len(features))
        rows = self.acts.rows()
        for column, feature in enumerate(features):
            fires = self.acts.indices == feature
            found[rows[fires], column] = self.acts.values[fires]
        return found


def read_prompt(model: LanguageModel, sae: SAE, ids: Sequence[int]) -> Reading:
    """Run the model up to the SAE's hook point and encode each position.

    Raises `UsageError` where there is no token or more than the model sees.
    """
    if not ids:
        raise UsageError("the prompt is empty; give some words")
    if len(ids) > model.context:
        raise UsageError(
            f"a prompt of {len(ids)} tokens is longer than the {model.context} that {model.name} sees; shorten it"
        )
    tokens = torch.tensor([list(ids)])
    x = model.capture(tokens, [sae.place])[sae.place][0].float()  # [n, d_model]
    massive = sae.massive_mask(x).cpu()
    special = torch.isin(tokens[0], torch.tensor(model.tokenizer.all_special_ids))
    acts = sae.encode(x).to("cpu")
    usual = ~(massive | special)
    return Reading(
        ids=list(ids),
        texts=texts_of(TokenTexts(model.tokenizer.decode), list(ids)),
        special=special,
        massive=massive & ~special,
        acts=acts.where(usual[acts.rows()]),
    )


def texts_of(texts: TokenTexts, ids: list[int]) -> list[str]:
    """The text that each token of a long list adds, a window at a time: all beginnings would be quadratic."""
    found: list[str] = []
    for start in range(0, len(ids), STEP):
        first = max(start - MARGIN, 0)
        window = texts.of(ids[first : start + STEP + MARGIN])
        found += window[start - first : start - first + STEP]
    return found
