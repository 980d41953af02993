"""Token level against the slow, obvious way; planted features; what drawing a part of the positions changes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from monosema.corpora import DocumentEntry, SpanTable, Tokens
from monosema.evaluation import inside as inside_module
from monosema.evaluation.documents import Held
from monosema.evaluation.inside import Inside, Sample, Sampler, token_rules
from monosema.evaluation.ranks import Match
from monosema.evaluation.tagged import HELD_OUT, Tagged, is_in, key_of
from monosema.kernels import SparseActs

DOCUMENTS, LENGTH, VOCABULARY, D_SAE, WIDTH = 24, 60, 31, 20, 6
WIDE = 300
NAMES = ("bridge", "tower", "seldom")


class NamedTokens(Tokens):
    """Random documents in which two concepts are named often and one too seldom; each name is a pair of tokens."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.vocabulary = VOCABULARY
        self._texts = [rng.integers(6, VOCABULARY, LENGTH) for _ in range(DOCUMENTS)]
        spans = []
        for number, text in enumerate(self._texts):
            for place in range(0, LENGTH - 2, 6):
                which = int(rng.choice(3, p=[0.5, 0.45, 0.05])) if number < 20 else 2
                if rng.random() < (0.3 if which < 2 else 0.03):
                    text[place : place + 2] = [2 * which, 2 * which + 1]
                    spans.append((number, place, place + 2, NAMES[which]))
        document, start, end, tag = zip(*spans, strict=True)
        self._spans = SpanTable(np.array(document), np.array(start), np.array(end), tuple(tag))

    @property
    def n_documents(self) -> int:
        return DOCUMENTS

    def count(self, split: str) -> int:
        return DOCUMENTS * LENGTH

    def ids(self, document: int) -> np.ndarray:
        return self._texts[document]

    def documents(self, numbers: Iterable[int]) -> list[DocumentEntry]:
        return [DocumentEntry(str(number), "", "report", bytes([number]), {}) for number in numbers]

    def spans(self) -> SpanTable:
        return self._spans


def held(tokens: NamedTokens, seed: int = 0, names: str | None = None) -> Held:
    """All positions but the first of each document; features with many equal values, one planted for a name."""
    generator = torch.Generator().manual_seed(seed)
    key = np.concatenate([key_of(np.full(LENGTH - 1, n), np.arange(1, LENGTH)) for n in range(DOCUMENTS)])
    acts = torch.randint(1, 5, (len(key), D_SAE), generator=generator).float()
    acts *= torch.rand(len(key), D_SAE, generator=generator) < 0.15
    if names is not None:
        keys = Tagged(tokens, NAMES).inside(np.arange(DOCUMENTS))[names]
        acts[:, 17] = torch.from_numpy(is_in(key, keys)) * 3.0
    dense = torch.randint(-9, 9, (len(key), WIDTH + 4), generator=generator).float()
    return Held(key, dense[:, :WIDTH], dense[:, WIDTH:], (SparseActs.from_dense(acts),))


def sampled(tokens: NamedTokens, one: Held, seed: int = 0) -> Sample:
    tagged = Tagged(tokens, NAMES)
    row_bytes = 4 * (one.x.shape[1] + one.neurons.shape[1])
    sampler = Sampler(tokens, tagged, tagged.documents(HELD_OUT), row_bytes=row_bytes, seed=seed)
    for rows in (np.arange(400, len(one.key)), np.arange(400)):  # the order of batches changes nothing
        some = torch.from_numpy(rows)
        sampler.add(
            Held(one.key[rows], one.x[some], one.neurons[some], tuple(acts.select(some) for acts in one.acts))
        )
    return sampler.sample()


HALF = np.arange(DOCUMENTS) % 2 == 0


def scores(tokens: NamedTokens, one: Held, seed: int = 0):
    return dict(Inside(sampled(tokens, one, seed), tokens, HALF, seed=0).concepts())


def slow(
    columns: np.ndarray, positive: np.ndarray, half: np.ndarray, *, any_sign: bool
) -> tuple[float, int, float]:
    """F1 on the first half, column and threshold: all of them, one by one."""
    best = (0.0, 0, 0.0)
    for column in range(columns.shape[1]):
        for threshold in sorted(set(columns[half, column]), reverse=True):
            if any_sign or threshold > 0:
                f1 = f1_score(positive[half], columns[half, column] >= threshold)
                best = max(best, (f1, -column, threshold))
    return best[0], -best[1], best[2]


@pytest.mark.parametrize("seed", [0, 1])
def test_features_neurons_and_directions_are_those_of_the_slow_way(seed: int) -> None:
    tokens = NamedTokens(seed)
    one = held(tokens, seed)
    found = scores(tokens, one)
    assert set(found) == {"bridge", "tower"}, "the third is named too seldom"
    half = HALF[one.key >> 32]
    x, inside = one.x.double().numpy(), Tagged(tokens, NAMES).inside(np.arange(DOCUMENTS))
    kinds = {
        0: (one.acts[0].dense().double().numpy(), False),
        "neuron": (one.neurons.double().numpy(), True),
        "residual": (np.concatenate([x, -x], axis=1), True),
    }
    for name, by_kind in found.items():
        positive = is_in(one.key, inside[name])
        for kind, (columns, any_sign) in kinds.items():
            match, score = by_kind[kind]
            f1, column, threshold = slow(columns, positive, half, any_sign=any_sign)
            assert match.f1 == pytest.approx(f1)
            assert (match.column, match.threshold) == (column, threshold)
            told, truth = columns[~half, column] >= threshold, positive[~half]
            assert score.f1.value == pytest.approx(f1_score(truth, told))
            assert score.precision == pytest.approx(precision_score(truth, told))
            assert score.recall == pytest.approx(recall_score(truth, told))
            assert score.auroc == pytest.approx(roc_auc_score(truth, columns[~half, column]))
            assert score.positives == truth.sum()
            assert score.f1.low <= score.f1.value <= score.f1.high


def test_names_of_two_tokens_are_told_by_their_pair_and_a_planted_feature_by_itself() -> None:
    tokens = NamedTokens()
    found = scores(tokens, held(tokens, names="bridge"))
    match, score = found["bridge"][0]
    assert (match, score.f1.value, score.auroc) == (Match(17, 3.0, 1.0), 1.0, 1.0)
    for name in ("bridge", "tower"):
        assert found[name]["token"][1].f1.value == 1


def test_a_random_dictionary_is_worth_what_it_is_worth_for_shuffled_names() -> None:
    """The floor: F1 of the best of 20 random features, where the names stand anywhere."""
    tokens = NamedTokens()
    real = np.mean([by[0][1].f1.value for by in scores(tokens, held(tokens)).values()])
    floor = []
    for seed in range(30):
        one = held(tokens)
        order = np.random.default_rng(seed).permutation(len(one.key))
        shuffled = Held(one.key, one.x, one.neurons, (one.acts[0].select(torch.from_numpy(order)),))
        floor.append(np.mean([by[0][1].f1.value for by in scores(tokens, shuffled).values()]))
    low, high = np.quantile(floor, [0.01, 0.99])
    assert low <= real <= high
    assert high < 0.3


def test_token_rules_hold_at_their_token_and_at_both_tokens_of_a_pair() -> None:
    tokens = NamedTokens()
    tokens._texts[3][:6] = [7, 7, 7, 8, 9, 8]
    key = key_of(np.array([3, 3, 3, 3]), np.array([0, 1, 3, 5]))
    rules = token_rules(key, tokens)
    ids = tokens.ids(3)
    rows = [
        {7, (7, 7)},
        {7, (7, 7)},
        {8, (7, 8), (8, 9)},
        {8, (9, 8), (8, int(ids[6]))},
    ]
    names = sorted(
        {
            name if isinstance(name, int) else (name[0] + 1) * VOCABULARY + name[1]
            for row in rows
            for name in row
        }
    )
    for number, row in enumerate(rows):
        features, values = rules.row(number)
        expected = [name if isinstance(name, int) else (name[0] + 1) * VOCABULARY + name[1] for name in row]
        assert [names[int(f)] for f in features] == sorted(expected)
        assert (values == 1).all()


def test_what_was_drawn_stands_for_all_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = NamedTokens()
    one = held(tokens)
    everything = scores(tokens, one)
    monkeypatch.setattr(inside_module, "DENSE_BYTES", 40 * 600)  # 600 of 1,416 positions
    names = np.unique(np.concatenate(list(Tagged(tokens, NAMES).inside(np.arange(DOCUMENTS)).values())))
    is_named = is_in(one.key, names)
    shares = []
    for seed in range(20):
        sample = sampled(tokens, one, seed)
        assert 500 < len(sample.drawn) < 700
        scored = Inside(sample, tokens, HALF, seed=0)
        drawn = sample.drawn.numpy()
        for side in (True, False):
            for kind in (True, False):
                mine = (HALF[sample.key >> 32] == side) & (is_named == kind)
                assert float(scored._weight[torch.from_numpy(mine[drawn])].sum()) == pytest.approx(mine.sum())
        assert set(np.flatnonzero(is_named)) <= set(drawn), "names fit, so all of them are drawn"
        above = (one.neurons[drawn, 0] > 3).double()
        shares.append(float((above * scored._weight).sum()))
        found = dict(scored.concepts())
        for name in everything:
            assert found[name][0] == everything[name][0], "features are exact all the same"
            assert found[name]["token"] == everything[name]["token"]
    error = np.std(shares) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - int((one.neurons[:, 0] > 3).sum())) < 4 * error


def test_only_the_first_documents_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = NamedTokens()
    monkeypatch.setattr(inside_module, "POSITIONS", 5 * LENGTH)
    sample = sampled(tokens, held(tokens))
    assert set((sample.key >> 32).tolist()) == set(range(5))


def test_the_probe_of_few_positions_tells_others_too() -> None:
    """With the threshold that is best on the positions it was fitted on, .48."""
    found = []
    for seed in range(6):
        tokens = NamedTokens(seed)
        one = held(tokens, seed)
        generator = torch.Generator().manual_seed(seed)
        named = torch.from_numpy(is_in(one.key, Tagged(tokens, NAMES).inside(np.arange(DOCUMENTS))["bridge"]))
        direction = torch.randn(WIDE, generator=generator) * 5 / WIDE**0.5
        x = torch.randn(len(one.key), WIDE, generator=generator) + named[:, None] * direction
        by_kind = scores(tokens, Held(one.key, x, one.neurons, one.acts))["bridge"]
        found.append(by_kind["probe"][1].f1.value)
    assert np.mean(found) > 0.6
