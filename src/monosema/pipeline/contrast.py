"""The mean difference of a concept in a study: what steering with features is measured against."""

from __future__ import annotations

from monosema.activations import ActivationStats, Contrast, StoreRows, mean_difference
from monosema.corpora import NearMentions
from monosema.pipeline.loaders import OpenStudy


def contrast(study: OpenStudy, concept: str, *, sae: str = "main") -> Contrast:
    """How activations near mentions of a concept differ, at an SAE's hook point and over its training positions.

    Raises `UsageError` where the study keeps no activations on disk or its text never names the concept.
    """
    store = study.activations(sae)
    name = study.asked_sae(sae).activations
    stats = ActivationStats.load(study.open("activations", name, verify=False).path)
    return mean_difference(StoreRows(store), NearMentions(study.tokens(sae), concept), stats)
