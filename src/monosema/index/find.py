"""Finding features: by texts that should and should not fire them, by token, by tag (C24).

Every answer is a list of candidates, best first, each with the figures that it was ranked by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError, lookup
from monosema.index.index import FeatureIndex
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


def strengths(model: LanguageModel, sae: SAE, index: FeatureIndex, text: str) -> Float[Tensor, " d_sae"]:
    """Largest activation of each feature on a text, as a share of its maximum over the index.

    Positions that the tokenizer adds (BOS) and massive ones do not count.
    """
    ids = torch.tensor([model.encode(text)])
    if ids.numel() == 0:
        raise UsageError("a text to find by is empty; give some words")
    if ids.shape[1] > model.context:
        raise UsageError(
            f"a text of {ids.shape[1]} tokens is longer than the {model.context} that {model.name} sees"
        )
    x = model.capture(ids, [sae.input])[sae.input][0].float()
    special = torch.tensor(model.tokenizer.all_special_ids)
    usual = ~torch.isin(ids[0], special) & ~sae.massive_mask(x).cpu()
    acts = sae.encode(x[usual.to(x.device)]).to("cpu")
    best = torch.zeros(sae.d_sae).scatter_reduce(0, acts.indices, acts.values, "amax")
    maximum = torch.from_numpy(np.array(index.table["maximum"]))
    return best / maximum.clamp_min(1e-9) * (maximum > 0)


def find_by_texts(
    model: LanguageModel,
    sae: SAE,
    index: FeatureIndex,
    on: Sequence[str],
    off: Sequence[str] = (),
    *,
    n: int = 10,
) -> list[Candidate]:
    """Features that fire on every text of `on` and on none of `off`, narrow and strong ones first.

    Score: the weakest strength over `on`, times how rare the feature is (bits of 1/density). Where no feature fires
    on all of `on`, those that fire on most of them. Raises `UsageError` where nothing is left.
    """
    if not on:
        raise UsageError("nothing to find by; give at least one text that should fire the feature")
    active = torch.stack([strengths(model, sae, index, text) for text in on])  # [on, d_sae]
    hits = (active > 0).sum(0)
    allowed = torch.ones(sae.d_sae, dtype=torch.bool)
    for text in off:
        allowed &= strengths(model, sae, index, text) == 0
    allowed &= hits > len(on) // 2
    if not allowed.any():
        raise UsageError(
            f"no feature fires on most of the {len(on)} texts and on none of the {len(off)} others; "
            "give fewer or more alike texts"
        )
    rare = -torch.log2(torch.from_numpy(np.array(index.table["density"])).float().clamp_min(1e-9))
    mean = active.sum(0) / hits.clamp_min(1)
    score = torch.where(allowed, mean * rare * (hits / len(on)) ** 4, 0.0)
    best = score.topk(min(n, int(allowed.sum())))
    return [
        Candidate(
            feature=feature,
            score=value,
            why=f"fires on {int(hits[feature])} of {len(on)} at {float(mean[feature]):.2f} of its maximum; "
            f"density {float(index.table['density'][feature]):.2g}",
        )
        for value, feature in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def find_by_token(index: FeatureIndex, token: int, *, n: int = 10) -> list[Candidate]:
    """Features by how well "the token is this one" tells where they fire (F1). One sweep over the postings."""
    inside, positions = np.zeros(index.d_sae, dtype=np.int64), 0
    for segment in index.segments:
        marked = segment.places[:, 2] == token
        positions += int(marked.sum())
        inside += np.bincount(segment.features[marked[segment.rows]], minlength=index.d_sae)
    if not positions:
        raise UsageError(f"token {token} does not stand in the text of this index; try another one")
    return _by_f1(index, inside, positions, n)


def find_by_tag(index: FeatureIndex, tag: str, *, n: int = 10) -> list[Candidate]:
    """Features by how well a tag's spans tell where they fire (F1)."""
    numbers = {name: number for number, name in enumerate(index.tags.tags)}
    number = lookup(numbers, tag, "tag")
    return _by_f1(index, index.tags.count[number], int(index.tags.rows[number]), n)


def _by_f1(index: FeatureIndex, inside: np.ndarray, positions: int, n: int) -> list[Candidate]:
    fired = index.table["count"]
    precision = inside / np.maximum(fired, 1)
    recall = inside / positions
    f1 = 2 * inside / np.maximum(fired + positions, 1)
    f1 = np.where(inside >= min(FEWEST, positions), f1, 0.0)
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
