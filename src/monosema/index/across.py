"""Features of two SAEs at one hook point: which are the same, split, new or gone (C16, C17), by decoder cosine.

A cosine of 0.7 or more counts as near: Leask et al. (2025, "Sparse autoencoders do not find canonical units of
analysis") call a feature of a larger SAE new below it. It is strict about splits: a parent that is the mean of c
orthogonal children has a cosine of 1/√c with each, so 0.71 with two and 0.3 with eleven. The tree therefore keeps every
best parent that beats chance, with its cosine, and a reader may cut it higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int64
from torch import Tensor

from monosema.index.chance import Chance, chance
from monosema.index.codes import NONE
from monosema.index.neighbours import nearest

NEAR = 0.7
MATCHED, SPLIT, PART, NEW, ORPHANED, DEAD = "matched", "split", "near", "new", "orphaned", "dead"
"""What a feature is to the other SAE: see `Across.large` and `Across.small`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Across:
    """A smaller SAE and a larger one; S and L features."""

    threshold: float
    """Cosine from which a feature is near another."""
    chance: Chance
    """What a feature of the smaller one would reach if the larger one's were random."""
    parents: Int64[np.ndarray, " L"]
    """The nearest feature of the smaller SAE; -1 where the feature has no direction."""
    parent_cosines: Float[np.ndarray, " L"]
    """Their cosines; 0 where there is none."""
    partners: Int64[np.ndarray, " S"]
    """The nearest feature of the larger SAE; -1 where the feature has no direction."""
    partner_cosines: Float[np.ndarray, " S"]
    """Their cosines; 0 where there is none."""

    @property
    def children(self) -> Int64[np.ndarray, " S"]:
        """How many features of the larger SAE have each feature of the smaller one as their parent and are near it."""
        near = self.parent_cosines >= self.threshold
        return np.bincount(self.parents[near], minlength=len(self.partners))

    @property
    def mutual(self) -> np.ndarray:
        """Whether each feature of the larger SAE is the partner of its parent. [L]"""
        known = self.parents != NONE
        return known & (self.partners[np.maximum(self.parents, 0)] == np.arange(len(self.parents)))

    @property
    def large(self) -> np.ndarray:
        """Class of each feature of the larger SAE. [L]

        matched: it and its parent are nearest to each other, near, and the parent has no other child; split: near a
        parent of several; near: near a parent whose partner is another one; new: near nothing; dead: no direction.
        """
        several = self.children[np.maximum(self.parents, 0)] > 1
        return np.select(
            [self.parents == NONE, self.parent_cosines < self.threshold, several, self.mutual],
            [DEAD, NEW, SPLIT, MATCHED],
            PART,
        )

    @property
    def small(self) -> np.ndarray:
        """Class of each feature of the smaller SAE. [S]

        matched: as above; split: it has several children; near: its partner is near and has another parent;
        orphaned: near nothing; dead: no direction.
        """
        matched = np.zeros(len(self.partners), dtype=bool)
        matched[self.parents[self.large == MATCHED]] = True
        return np.select(
            [self.partners == NONE, self.partner_cosines < self.threshold, self.children > 1, matched],
            [DEAD, ORPHANED, SPLIT, MATCHED],
            PART,
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """How many features of each SAE are of each class."""
        return {
            "small": {
                name: int((self.small == name).sum()) for name in (MATCHED, SPLIT, PART, ORPHANED, DEAD)
            },
            "large": {name: int((self.large == name).sum()) for name in (MATCHED, SPLIT, PART, NEW, DEAD)},
        }


def across(
    W_small: Float[Tensor, "s d_model"],
    W_large: Float[Tensor, "l width"],
    *,
    threshold: float = NEAR,
    seed: int,
) -> Across:
    """Compare the decoders of a smaller and a larger SAE. The seed is that of the random directions beside them.

    Cost: twice that of all pairs (`nearest`). Raises `UsageError` where their widths differ.
    """
    parents, parent_cosines = nearest(W_large, W_small, 1)
    partners, partner_cosines = nearest(W_small, W_large, 1)
    return Across(
        threshold=threshold,
        chance=chance(W_small, W_large, seed=seed),
        parents=parents[:, 0].numpy(),
        parent_cosines=parent_cosines[:, 0].numpy(),
        partners=partners[:, 0].numpy(),
        partner_cosines=partner_cosines[:, 0].numpy(),
    )


@dataclass(frozen=True, kw_only=True)
class SplittingTree:
    """Which features of larger SAEs each feature of a smaller one went into (C17)."""

    names: tuple[str, ...]
    """The SAEs, smallest first."""
    pairs: tuple[Across, ...]
    """Each of them with the next one."""

    def children(self, level: int, feature: int) -> list[tuple[int, float]]:
        """Features of the next SAE whose parent it is, nearest first, with cosines above chance."""
        if level >= len(self.pairs):
            return []
        pair = self.pairs[level]
        found = np.flatnonzero((pair.parents == feature) & (pair.parent_cosines > pair.chance.high))
        order = found[np.argsort(-pair.parent_cosines[found], kind="stable")]
        return [(int(child), float(pair.parent_cosines[child])) for child in order]

    def node(self, level: int, feature: int, cosine: float | None = None) -> dict[str, Any]:
        """A feature of the SAE `names[level]` with all that it went into: sae, feature, cosine to parent, children."""
        return {
            "sae": self.names[level],
            "feature": feature,
            "cosine": cosine,
            "children": [self.node(level + 1, *child) for child in self.children(level, feature)],
        }


def splitting_tree(
    saes: Sequence[tuple[str, Float[Tensor, "_ d_model"]]], *, threshold: float = NEAR, seed: int
) -> SplittingTree:
    """The tree over SAEs of one hook point, given as names and decoders, smallest first."""
    pairs = [
        across(small, large, threshold=threshold, seed=seed) for (_, small), (_, large) in pairwise(saes)
    ]
    return SplittingTree(names=tuple(name for name, _ in saes), pairs=tuple(pairs))
