"""What the verbs of finding call, and random features to hold others against. Each takes an open study."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.errors import UsageError, lookup
from monosema.index import (
    Candidate,
    FeatureIndex,
    Filter,
    Labelled,
    Rank,
    find_at,
    find_by_activation,
    find_by_direction,
    find_by_labels,
    find_by_statistics,
    find_by_tag,
    find_by_texts,
    find_by_token,
    passing,
    search_meaning,
)
from monosema.interventions import Edit
from monosema.models import LanguageModel
from monosema.pipeline.finding import labelled_texts, meaning_of
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.notes import find_by_words, notes_of
from monosema.pipeline.read_asked import read_asked
from monosema.progress import Reporter
from monosema.sae import SAE

DEFAULT_MULTIPLE = 2.0
"""Of its maximum, where one feature is steered with and no dose is given."""
VECTORS = MappingProxyType({"direction": find_by_direction, "activation": find_by_activation})
"""What a vector may be: a direction, to be compared with what features write, or a raw activation that they fire on."""


def find(
    study: OpenStudy,
    *,
    on: Sequence[str] = (),
    off: Sequence[str] = (),
    token: str | None = None,
    tag: str | None = None,
    text: str | None = None,
    like: str | None = None,
    embedder: Path | None = None,
    at: str | None = None,
    position: int = -1,
    vector: Sequence[float] | Float[Tensor, " width"] | None = None,
    meant: str = "direction",
    where: Filter | None = None,
    rank: Rank | None = None,
    sae: str = "main",
    n: int = 10,
    reporter: Reporter | None = None,
) -> list[Candidate]:
    """Features by exactly one thing: texts (`on`, and `off`), a token, a tag, words of their names, tokens and notes
    (`text`), a text that what rules say is `like`, one token `at` a position of a text, a `vector`; or by figures alone
    (`where`), which beside another way says which features may be offered.

    `embedder`: folder of the model that compares meanings. `meant`: what the vector is, a key of `VECTORS`. `rank`:
    scores features by what they do on the texts, or at the one token; None: as `find_by_texts` and `find_at` do.
    Raises `UsageError` where it is not exactly one, and for a `rank` of what is found without reading a text.
    """
    if rank is not None and not on and at is None:
        raise UsageError(
            "rank orders features by what they do on texts; give texts (on), or a token of one (at)"
        )
    index = study.index(sae)
    among = None if where is None else passing(index, where)
    model = lambda: model_of(study, sae)  # noqa: E731 (loaded only for the ways that need it)
    ways: tuple[tuple[bool, Callable[[], list[Candidate]]], ...] = (
        (tag is not None, lambda: find_by_tag(index, tag or "", n=n, among=among)),
        (
            text is not None,
            lambda: find_by_words(index.folder, notes_of(study, sae), text or "", n, among=among),
        ),
        (
            like is not None,
            lambda: search_meaning(
                *meaning_of(study, sae, embedder, reporter=reporter), like or "", n, among=among
            ),
        ),
        (
            token is not None,
            lambda: find_by_token(index, one_token(model(), token or ""), n=n, among=among),
        ),
        (
            at is not None,
            lambda: find_at(model(), study.sae(sae), index, at or "", position, n=n, rank=rank, among=among),
        ),
        (
            vector is not None,
            lambda: lookup(VECTORS, meant, "meaning of a vector")(
                study.sae(sae), torch.as_tensor(vector), n=n, among=among
            ),
        ),
        (
            bool(on),
            lambda: find_by_texts(model(), study.sae(sae), index, on, off, n=n, rank=rank, among=among),
        ),
    )
    given = [way for asked, way in ways if asked]
    if where is not None and not given and not off:
        return find_by_statistics(index, where, n=n)
    if len(given) != 1 or (off and not on):
        raise UsageError(
            "give one thing to find by: texts (--on, and --off), a token, a tag, words, a meaning (--like), a "
            "token of a text (--at, and --position), a vector, or a file of labelled texts; figures (--dead, --density "
            "and the like) stand alone or beside one of them"
        )
    return given[0]()


def find_labelled(
    study: OpenStudy, file: Path, *, where: Filter | None = None, sae: str = "main", n: int = 10
) -> Labelled:
    """Features that tell the texts of a file with label 1 from those with label 0 (JSON lines: text, label).

    `where`: which features may be used.
    """
    texts, labels = labelled_texts(file)
    seed, index = read_asked(study.settings, study.path).seed, study.index(sae)
    among = None if where is None else passing(index, where)
    return find_by_labels(
        model_of(study, sae), study.sae(sae), index, texts, labels, n=n, seed=seed, among=among
    )


def one_token(model: LanguageModel, text: str) -> int:
    """The token that a text is; raise `UsageError` where it is several."""
    ids = model.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
    if len(ids) != 1:
        pieces = [model.tokenizer.decode([one]) for one in ids]
        raise UsageError(
            f"{text!r} is {len(ids)} tokens {pieces}; give one of them (mind the blank before a word)"
        )
    return int(ids[0])


def model_of(study: OpenStudy, sae: str = "main") -> LanguageModel:
    """The model that an SAE belongs to, whole."""
    return study.model(study.asked_sae(sae).place.model)


def random_edits(index: FeatureIndex, sae: SAE, edits: Sequence[Edit], seed: int) -> list[Edit]:
    """The same edits on random living features: together a contribution of equal norm that means something else.

    Raises `UsageError` where fewer features fire than are drawn.
    """
    alive = [int(one) for one in (index.table["count"] > 0).nonzero()[0]]
    rng = random.Random(seed)
    used = {edit.feature for edit in edits}
    others_alive = [one for one in alive if one not in used]
    if len(others_alive) < len(edits):
        raise UsageError(
            f"there are {len(others_alive)} other features that fire, too few to draw {len(edits)} from; edit fewer"
        )
    choices = rng.sample(others_alive, len(edits))
    others = [replace(edit, feature=other) for other, edit in zip(choices, edits, strict=True)]
    factor = _norm(sae, edits) / _norm(sae, others)
    return [replace(edit, value=factor * edit.value) for edit in others]


def _norm(sae: SAE, edits: Sequence[Edit]) -> float:
    """Norm of what edits contribute where their features are silent; 1 where that is nothing."""
    directions = sae.directions(torch.tensor([edit.feature for edit in edits]))  # [f, d_model]
    values = torch.tensor([edit.value for edit in edits])
    return float((values @ directions).norm()) or 1.0
