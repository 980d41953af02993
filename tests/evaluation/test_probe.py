"""Thresholds of probes: chosen on documents that the probe has not seen, so that they hold on others."""

from __future__ import annotations

import numpy as np
import torch

from monosema.evaluation.probe import cross_fitted, probe_documents

DOCUMENTS, WIDTH = 400, 64


def planted(seed: int, positives: int = 10) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean activations with a direction for the concept, which documents have it, and one half."""
    generator = torch.Generator().manual_seed(seed)
    positive = torch.zeros(DOCUMENTS, dtype=torch.bool)
    positive[torch.randperm(DOCUMENTS, generator=generator)[:positives]] = True
    direction = torch.randn(WIDTH, generator=generator) * 6 / WIDTH**0.5
    means = torch.randn(DOCUMENTS, WIDTH, generator=generator) + positive[:, None] * direction
    return means, positive, torch.rand(DOCUMENTS, generator=generator) < 0.5


def test_a_probe_of_few_documents_tells_others_too() -> None:
    """With the threshold that is best on the documents it was fitted on, .17."""
    found = [probe_documents(*planted(seed), seed=0).f1.value for seed in range(8)]
    assert np.mean(found) > 0.65


def test_a_random_concept_is_not_told() -> None:
    means, positive, half = planted(0)
    shuffled = positive[torch.randperm(DOCUMENTS, generator=torch.Generator().manual_seed(9))]
    assert probe_documents(means, shuffled, half, seed=0).f1.value < 0.3


def test_every_row_is_told_by_a_probe_that_has_not_seen_its_document() -> None:
    document = torch.tensor([0, 0, 1, 2, 2, 3, 4, 5])
    positive = torch.tensor([1, 0, 0, 1, 1, 0, 0, 1], dtype=torch.bool)
    fitted: list[torch.Tensor] = []

    def fit(rows: torch.Tensor) -> torch.Tensor:
        fitted.append(rows)
        return torch.full((len(rows),), float(len(fitted) - 1))

    told = cross_fitted(fit, positive, document).long()
    assert len(fitted) == 2
    for row, by in enumerate(told.tolist()):
        assert not fitted[by][document == document[row]].any()
    assert all(positive[rows].any() and not positive[rows].all() for rows in fitted)


def test_a_concept_of_one_document_is_told_by_the_probe_of_all() -> None:
    positive = torch.tensor([1, 1, 0, 0], dtype=torch.bool)
    told = cross_fitted(lambda rows: rows.float() * 2, positive, torch.tensor([0, 0, 1, 2]))
    assert told.tolist() == [2, 2, 2, 2]
