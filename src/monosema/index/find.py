"""Finding features: by texts that should and should not fire them, by one token of a text, by token, by tag (C24).

Every answer is a list of candidates, best first, each with the figures that it was ranked by. What features do on
texts is ranked by a function that may be passed in. Every way of finding takes `among`, a mask of the features that
may be offered (`passing` of a filter): it finds as if there were no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monosema.errors import UsageError, lookup
from monosema.index.index import FeatureIndex
from monosema.index.reading import read_prompt
from monosema.models import LanguageModel
from monosema.sae import SAE

MOST_IN_SET = 6
SHARE_OF_BEST = 0.5
FEWEST = 5
"""Firings below which a feature is not offered for a token or tag: too few to say anything."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A feature that was found."""

    feature: int
    score: float
    """What it was ranked by."""
    why: str
    """The figures behind it, in words."""


def as_set(found: Sequence[Candidate]) -> dict[int, float]:
    """Features that share what was looked for, with weights: those at least half as good as the best one.

    Where a concept is split over several features (paper, feature splitting), none of them alone carries it.
    """
    best = found[0].score if found else 0.0
    return {
        one.feature: round(one.score / best, 2)
        for one in found[:MOST_IN_SET]
        if one.score >= SHARE_OF_BEST * best
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Activity:
    """What features do on the texts that are searched by: what a ranking function sees."""

    acts: Float[Tensor, "texts d_sae"]
    """Largest activation on each text (or that at one token of it)."""
    strengths: Float[Tensor, "texts d_sae"]
    """The same as a share of the feature's maximum over the index."""
    density: Float[Tensor, " d_sae"]
    """Share of the index's positions at which it fires."""

    @property
    def hits(self) -> Int[Tensor, " d_sae"]:
        """Texts that fire it; 0 for a feature that never fires in the index."""
        return (self.strengths > 0).sum(0)


Among = Bool[np.ndarray, " d_sae"] | None
"""Features that may be offered; None: all."""
Rank = Callable[[Activity], Float[Tensor, " d_sae"]]
"""Gives each feature a score; a feature that fires on none of the texts is never offered."""


def narrow_and_strong(activity: Activity) -> Float[Tensor, " d_sae"]:
    """√(mean strength where it fires) · (bits of 1/density)² · (share of texts)⁴.

    Rarity weighs most: of the forms that were tried this put first what tells a concept's mentions best (docs/log.md).
    """
    rare = -torch.log2(activity.density.clamp_min(1e-9))
    mean = activity.strengths.sum(0) / activity.hits.clamp_min(1)
    return mean.sqrt() * rare**2 * (activity.hits / len(activity.acts)) ** 4


def most_active(activity: Activity) -> Float[Tensor, " d_sae"]:
    """Mean activation, as the paper reads a single token."""
    return activity.acts.mean(0)


def strengths(model: LanguageModel, sae: SAE, index: FeatureIndex, text: str) -> Float[Tensor, " d_sae"]:
    """Largest activation of each feature on a text, as a share of its maximum over the index.

    Positions that the tokenizer adds (BOS) and massive ones do not count.
    """
    return _activity(index, [_largest(model, sae, text)]).strengths[0]


def _largest(model: LanguageModel, sae: SAE, text: str) -> Float[Tensor, " d_sae"]:
    acts = read_prompt(model, sae, model.encode(text)).acts
    return torch.zeros(sae.d_sae).scatter_reduce(0, acts.indices, acts.values, "amax")


def _activity(index: FeatureIndex, acts: Sequence[Float[Tensor, " d_sae"]]) -> Activity:
    maximum = torch.from_numpy(np.array(index.table["maximum"]))
    found = torch.stack(list(acts))
    return Activity(
        acts=found,
        strengths=found / maximum.clamp_min(1e-9) * (maximum > 0),
        density=torch.from_numpy(np.array(index.table["density"])).float(),
    )


def find_by_texts(
    model: LanguageModel,
    sae: SAE,
    index: FeatureIndex,
    on: Sequence[str],
    off: Sequence[str] = (),
    *,
    n: int = 10,
    rank: Rank | None = None,
    among: Among = None,
) -> list[Candidate]:
    """Features that fire on every text of `on` and on none of `off`, by `rank` (None: `narrow_and_strong`).

    Where none of those that may be offered does, the ones that fire on most of `on`. Raises `UsageError` where nothing
    is left of all features.
    """
    if not on:
        raise UsageError("nothing to find by; give at least one text that should fire the feature")
    activity = _activity(index, [_largest(model, sae, text) for text in on])
    most = activity.hits > len(on) // 2
    for text in off:
        most &= strengths(model, sae, index, text) == 0
    if not most.any():
        raise UsageError(
            f"no feature fires on most of the {len(on)} texts and on none of the {len(off)} others; "
            "give fewer or more alike texts"
        )
    most &= _mask(index, among)
    every = most & (activity.hits == len(on))
    mean = activity.strengths.sum(0) / activity.hits.clamp_min(1)
    return [
        Candidate(
            feature=feature,
            score=score,
            why=f"fires on {int(activity.hits[feature])} of {len(on)} at {float(mean[feature]):.2f} of its maximum; "
            f"density {float(activity.density[feature]):.2g}",
        )
        for feature, score in _best((rank or narrow_and_strong)(activity), every if every.any() else most, n)
    ]


def find_at(
    model: LanguageModel,
    sae: SAE,
    index: FeatureIndex,
    text: str,
    position: int = -1,
    *,
    n: int = 10,
    rank: Rank | None = None,
    among: Among = None,
) -> list[Candidate]:
    """Features that fire at one token of a text, by `rank` (None: `most_active`).

    `position` counts the tokens of the text from 0, or from the end (-1 is the last); what the tokenizer adds is not
    counted. Raises `UsageError` for a token that is not there and where nothing fires at it.
    """
    reading = read_prompt(model, sae, model.encode(text))
    own = (~reading.special).nonzero().flatten().tolist()
    tokens = [reading.texts[place] for place in own]
    if not -len(tokens) <= position < len(tokens):
        raise UsageError(f"there is no token {position}; the text has 0 to {len(tokens) - 1}: {tokens}")
    position %= len(tokens)
    acts = reading.acts
    here = acts.rows() == own[position]
    activity = _activity(index, [torch.zeros(sae.d_sae).index_put((acts.indices[here],), acts.values[here])])
    if not here.any():
        raise UsageError(f"no feature fires at token {position}, {tokens[position]!r}; take another token")
    return [
        Candidate(
            feature=feature,
            score=score,
            why=f"{float(activity.acts[0, feature]):.3g} at {tokens[position]!r} (token {position} of "
            f"{len(tokens)}), {float(activity.strengths[0, feature]):.2f} of its maximum",
        )
        for feature, score in _best(
            (rank or most_active)(activity), (activity.acts[0] > 0) & _mask(index, among), n
        )
    ]


def _best(score: Float[Tensor, " d_sae"], allowed: Bool[Tensor, " d_sae"], n: int) -> list[tuple[int, float]]:
    """The allowed features with the largest scores, of equals the first."""
    order = torch.where(allowed, score, -torch.inf).argsort(descending=True, stable=True)
    return [(feature, float(score[feature])) for feature in order[: min(n, int(allowed.sum()))].tolist()]


def _mask(index: FeatureIndex, among: Among) -> Bool[Tensor, " d_sae"]:
    return torch.ones(index.d_sae, dtype=torch.bool) if among is None else torch.from_numpy(among)


def find_by_token(index: FeatureIndex, token: int, *, n: int = 10, among: Among = None) -> list[Candidate]:
    """Features by how well "the token is this one" tells where they fire (F1). One sweep over the postings."""
    inside, positions = np.zeros(index.d_sae, dtype=np.int64), 0
    for segment in index.segments:
        marked = segment.tokens == token
        positions += int(marked.sum())
        inside += np.bincount(segment.features[marked[segment.rows]], minlength=index.d_sae)
    if not positions:
        raise UsageError(f"token {token} does not stand in the text of this index; try another one")
    return _by_f1(index, inside, positions, n, among)


def find_by_tag(index: FeatureIndex, tag: str, *, n: int = 10, among: Among = None) -> list[Candidate]:
    """Features by how well a tag's spans tell where they fire (F1)."""
    numbers = {name: number for number, name in enumerate(index.tags.tags)}
    number = lookup(numbers, tag, "tag")
    return _by_f1(index, index.tags.counts(number), int(index.tags.rows[number]), n, among)


def _by_f1(index: FeatureIndex, inside: np.ndarray, positions: int, n: int, among: Among) -> list[Candidate]:
    fired = index.table["count"]
    precision = inside / np.maximum(fired, 1)
    recall = inside / max(positions, 1)
    f1 = 2 * inside / np.maximum(fired + positions, 1)
    offered = inside >= min(FEWEST, positions)
    f1 = np.where(offered if among is None else offered & among, f1, 0.0)
    best = np.argsort(-f1, kind="stable")[:n]
    return [
        Candidate(
            feature=int(feature),
            score=float(f1[feature]),
            why=f"precision {precision[feature]:.2f}, recall {recall[feature]:.2f} of {positions} positions",
        )
        for feature in best
        if f1[feature] > 0
    ]
