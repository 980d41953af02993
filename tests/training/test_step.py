"""Losses, gradients and weights of a step against dense float64 autograd, however a batch is cut."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from monosema.sae import (
    BatchTopK,
    JumpReLU,
    MatryoshkaBatchTopK,
    MatryoshkaTopK,
    TopK,
)
from monosema.training import StepConfig
from monosema.training import forward as forward_module
from training.steps import (
    ANNEALED,
    AUXK,
    BATCH,
    BF16,
    GATED,
    JUMP,
    RELU,
    TANH,
    TOPK,
    F,
    FreeRows,
    N,
    OnX,
    Subtracted,
    UnitRows,
    assert_like_slow,
    make,
    make_slow,
    of,
    relative,
    some_weights,
    some_x,
    weights_of,
    with_dead,
)

pytestmark = pytest.mark.usefixtures("kernels")


NESTED = (10, 75, 150)
CASES = [  # bias of b_enc, first thresholds, λ, whether chunks go by pairs
    pytest.param(TOPK, 0.0, 0.0, 0.0, True, id="topk"),
    pytest.param(replace(TOPK, clip=1e9), 0.0, 0.0, 0.0, True, id="topk without clip"),
    pytest.param(of(OnX(k=4, aux_k=0)), 0.0, 0.0, 0.0, True, id="topk on x itself"),
    pytest.param(of(FreeRows(k=4, aux_k=0)), 0.0, 0.0, 0.0, True, id="topk with free rows"),
    pytest.param(of(TopK(k=200, aux_k=0)), 0.0, 0.0, 0.0, True, id="topk of more than are above 0"),
    pytest.param(AUXK, 0.0, 0.0, 0.0, True, id="auxk"),
    pytest.param(
        of(TopK(k=4, aux_k=300, aux_coefficient=2.0), dead_after=60),
        0.0,
        0.0,
        0.0,
        True,
        id="auxk of all dead features",
    ),
    pytest.param(BF16, 0.0, 0.0, 0.0, True, id="topk by shortlist"),
    pytest.param(RELU, -4.5, 0.0, 0.5, True, id="l1, sparse"),
    pytest.param(replace(RELU, encoder_gemm="bf16"), -4.5, 0.0, 0.5, True, id="l1 by shortlist"),
    pytest.param(RELU, 0.0, 0.0, 0.5, False, id="l1, dense"),
    pytest.param(of(Subtracted()), -4.5, 0.0, 5.0, True, id="l1, sparse, b_dec subtracted"),
    pytest.param(of(Subtracted()), 0.0, 0.0, 5.0, False, id="l1, dense, b_dec subtracted"),
    pytest.param(of(UnitRows()), -4.5, 0.0, 0.5, True, id="l1 with unit rows"),
    pytest.param(ANNEALED, -4.5, 0.0, 0.5, True, id="p-annealing, sparse"),
    pytest.param(ANNEALED, 0.0, 0.0, 0.5, False, id="p-annealing, dense"),
    pytest.param(BATCH, 0.0, 0.0, 0.0, True, id="batchtopk"),
    pytest.param(replace(BATCH, encoder_gemm="bf16"), 0.0, 0.0, 0.0, True, id="batchtopk by shortlist"),
    pytest.param(of(BatchTopK(k=250, aux_k=0)), 0.0, 0.0, 0.0, True, id="batchtopk of more than are above 0"),
    pytest.param(of(BatchTopK(k=4, aux_k=8), dead_after=60), 0.0, 0.0, 0.0, True, id="batchtopk with auxk"),
    pytest.param(of(MatryoshkaTopK(k=4, aux_k=0, widths=NESTED)), 0.0, 0.0, 0.0, True, id="matryoshka topk"),
    pytest.param(
        of(MatryoshkaBatchTopK(k=4, aux_k=8, widths=NESTED), dead_after=60),
        0.0,
        0.0,
        0.0,
        True,
        id="matryoshka",
    ),
    pytest.param(JUMP, 0.0, 4.0, 0.5, True, id="jumprelu, sparse"),
    pytest.param(JUMP, 0.0, 0.2, 0.5, False, id="jumprelu, dense"),
    pytest.param(replace(JUMP, encoder_gemm="bf16"), 0.0, 4.0, 0.5, True, id="jumprelu by shortlist"),
    pytest.param(of(JumpReLU(target_l0=3.0, bandwidth=0.7)), 0.0, 4.0, 0.5, True, id="jumprelu to a target"),
    pytest.param(of(JumpReLU(target_l0=3.0, bandwidth=0.7)), 0.0, 0.2, 0.5, False, id="target, dense"),
    pytest.param(TANH, 0.0, 4.0, 0.5, True, id="tanh, sparse"),
    pytest.param(TANH, 0.0, 0.2, 0.5, False, id="tanh, dense"),
    pytest.param(GATED, -4.5, 0.3, 0.5, True, id="gated, sparse"),
    pytest.param(GATED, 0.5, 0.3, 0.5, False, id="gated, dense"),
]


@pytest.mark.parametrize(("config", "bias", "at", "l1", "by_pairs"), CASES)
def test_losses_gradients_and_weights_are_those_of_dense_float64_autograd(
    config: StepConfig, bias: float, at: float, l1: float, by_pairs: bool
) -> None:
    weights = some_weights(bias=bias)
    if not config.kind.unit_decoder:
        weights[1] *= torch.linspace(0.6, 1.5, F)[:, None]
    fast, slow = make(config, weights, at=at), make_slow(config, weights, at=at)
    with_dead(fast)
    with_dead(slow)
    for number in range(5):
        report = assert_like_slow(fast, slow, some_x(number), 1e-3 * (number + 1), l1, number / 5)
        assert (report.candidates > 0) == by_pairs
    for mine, exact, start in zip(weights_of(fast), slow.weights, weights, strict=True):
        assert relative(mine, exact) < 1e-5
        assert relative(mine - start, exact - start) < 1e-3
    for name, exact in slow.own.items():
        assert relative(fast.objective.own[name], exact) < 1e-5, name
    assert torch.equal(fast.silent, slow.silent)


@pytest.mark.parametrize("config", [TOPK, BF16, RELU, BATCH, JUMP, GATED], ids=str)
def test_several_chunks_are_one_batch(config: StepConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "MOST_ROWS", 16)
    weights = some_weights(bias=0.0 if config.kind.k else -4.5)
    fast, slow = make(config, weights, at=0.3), make_slow(config, weights, at=0.3)
    for number in range(3):
        assert_like_slow(fast, slow, some_x(number), 1e-3, 0.0 if config.kind.k else 0.5)


def test_chunks_may_be_dense_and_sparse_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "MOST_ROWS", 35)
    weights = some_weights(bias=-4.5)
    x = some_x(0)
    x[:35] *= 5  # far more features are above 0 here
    fast, slow = make(RELU, weights), make_slow(RELU, weights)
    report = assert_like_slow(fast, slow, x, 1e-3, 0.5)
    assert 0 < report.candidates < report.l0 * N


def test_the_dense_and_the_sparse_path_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = some_weights(bias=-4.5)
    sparse, dense = make(RELU, weights), make(RELU, weights)
    sparse.step(some_x(0), lr=1e-3, l1=0.5)
    monkeypatch.setattr(forward_module, "SPARSE_BELOW", 0.0)
    report = dense.step(some_x(0), lr=1e-3, l1=0.5)
    assert report.candidates == 0
    for a, b in zip(weights_of(sparse), weights_of(dense), strict=True):
        assert relative(a, b) < 1e-6


@pytest.mark.parametrize(
    ("d_sae", "d_model", "k"), [(1, 1, 1), (7, 3, 7), (37, 5, 2), (129, 16, 1), (600, 8, 3)]
)
def test_any_width_works(d_sae: int, d_model: int, k: int) -> None:
    weights = some_weights(d_sae=d_sae, d_model=d_model)
    config = of((TopK if d_model > 1 else FreeRows)(k=k, aux_k=0))
    fast, slow = make(config, weights), make_slow(config, weights)
    assert_like_slow(fast, slow, some_x(0, d_model=d_model), 1e-3, 0.0)


def test_a_smaller_last_batch_is_its_own_mean() -> None:
    weights = some_weights()
    fast, slow = make(TOPK, weights), make_slow(TOPK, weights)
    for number, n in enumerate([N, 13, 1, N]):
        assert_like_slow(fast, slow, some_x(number, n), 1e-3, 0.0)
