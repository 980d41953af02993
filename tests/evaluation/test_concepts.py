"""The arithmetic of ground truth: planted concepts are found, random columns are worth little, rules are counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, roc_auc_score

from monosema.evaluation.concepts import TokenRules, auroc, halves, score, score_columns
from monosema.evaluation.ranks import Ranked

DOCS = 400


def labels(share: float = 0.1, seed: int = 0) -> torch.Tensor:
    return torch.rand(DOCS, generator=torch.Generator().manual_seed(seed)) < share


def columns(n: int = 300, seed: int = 1) -> torch.Tensor:
    """Sparse random columns with many equal values."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 5, (DOCS, n), generator=generator).float()
    return values * (torch.rand(DOCS, n, generator=generator) < 0.3)


def test_the_match_is_the_best_of_all_columns_and_thresholds() -> None:
    values, positive = columns(40), labels()
    best = max(
        (f1_score(positive, values[:, column] >= threshold), -column, threshold)
        for column in range(40)
        for threshold in values[:, column].unique()
        if threshold > 0
    )
    match = Ranked(values).match(positive)
    assert (match.f1, match.column, match.threshold) == (pytest.approx(best[0]), -best[1], best[2])


def test_a_planted_column_scores_one_and_random_ones_near_the_floor() -> None:
    concepts = {f"c{n}": labels(seed=n) for n in range(20)}
    planted = torch.stack([positive.float() * 2 for positive in concepts.values()], dim=1)
    mixed = torch.cat([columns(200), planted], dim=1)
    half = halves([bytes([n % 251, n % 2]) for n in range(DOCS)])
    found = score_columns({"sae": mixed, "random": columns(200)}, concepts, half, seed=0)
    assert all(score_.f1.value == 1 for _, score_ in found["sae"].values())
    floor = np.mean([score_.f1.value for _, score_ in found["random"].values()])
    chosen = np.mean([match.f1 for match, _ in found["random"].values()])
    assert floor < 0.25  # "everything is the concept" gives 2·.1/1.1 = .18
    assert chosen > floor + 0.05  # choosing among 200 columns flatters on the half that was chosen on


def test_figures_are_those_of_scikit_learn() -> None:
    values, positive = columns(1)[:, 0], labels(0.3)
    found = score(values, positive, 2.0, seed=1)
    assert found.f1.value == pytest.approx(f1_score(positive, values >= 2.0))
    assert found.auroc == pytest.approx(roc_auc_score(positive, values))
    assert found.f1.low < found.f1.value < found.f1.high
    assert np.isnan(auroc(values, torch.zeros(DOCS, dtype=torch.bool)))


def test_a_row_of_weight_w_counts_as_w_rows_of_its_document() -> None:
    values, positive = columns(1)[:, 0], labels(0.3)
    weight = torch.randint(1, 4, (DOCS,), generator=torch.Generator().manual_seed(2))
    document = torch.arange(DOCS) // 8
    weighted = score(values, positive, 2.0, seed=1, document=document, weight=weight.float())
    again = [one.repeat_interleave(weight) for one in (values, positive, document)]
    assert weighted == score(again[0], again[1], 2.0, seed=1, document=again[2])
    alone = score(values, positive, 2.0, seed=1)
    assert score(values, positive, 2.0, seed=1, document=torch.arange(DOCS)) == alone
    assert weighted.auroc == pytest.approx(roc_auc_score(positive, values, sample_weight=weight))


def test_the_best_token_or_pair_is_found_and_hidden_positions_do_not_count() -> None:
    rng = np.random.default_rng(0)
    positive = labels(0.2).numpy()
    documents = [rng.integers(10, 50, 20) for _ in range(DOCS)]
    for number in np.flatnonzero(positive):
        documents[number][3:5] = [7, 8]
    for number in np.flatnonzero(~positive):
        documents[number][[3, 9]] = [7, 8]  # both tokens, never as a pair
    rules = TokenRules(documents, vocabulary=64)
    half = halves([bytes([n % 2]) for n in range(DOCS)]).numpy()
    assert torch.equal(rules.column(rules.match(positive, half)).bool(), torch.from_numpy(positive))
    hidden = [np.where(ids < 10, -1, ids) for ids in documents]
    column = TokenRules(hidden, vocabulary=64)
    told = column.column(column.match(positive, half)).bool()
    assert f1_score(positive[~half], told[~half]) < 0.5


def test_a_concept_that_stands_in_one_half_only_or_in_all_of_one_is_left_out() -> None:
    half = torch.arange(DOCS) < 200
    concepts = {"first": torch.arange(DOCS) < 5, "both": labels(), "everywhere": torch.arange(DOCS) < 300}
    found = score_columns({"sae": columns(10)}, concepts, half, seed=0)
    assert list(found["sae"]) == ["both"]
