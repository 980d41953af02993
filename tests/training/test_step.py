from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from monosema.errors import UsageError
from monosema.training import Step, StepConfig, StepReport
from monosema.training import forward as forward_module
from monosema.training.adam import Adam
from training.slow_step import SlowStep

pytestmark = pytest.mark.usefixtures("kernels")

D, F, N = 24, 300, 70
TOPK = StepConfig(k=4, subtract_b_dec=True, unit_decoder=True)
L1 = StepConfig(k=None, subtract_b_dec=False, unit_decoder=False)
L1_SUBTRACTED = replace(L1, subtract_b_dec=True)
AUXK = replace(TOPK, aux_k=8, dead_after=60)
BF16 = replace(TOPK, encoder_gemm="bf16")
GRADIENTS = ("encoder", "decoder", "b_enc", "b_dec")


def some_weights(seed: int = 0, *, bias: float = 0.0, d_sae: int = F, d_model: int = D) -> list[Tensor]:
    g = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(d_sae, d_model, generator=g), dim=1)
    encoder = decoder + 0.2 * torch.randn(d_sae, d_model, generator=g)
    b_enc = bias + 0.1 * torch.randn(d_sae, generator=g)
    return [encoder, decoder, b_enc, 0.1 * torch.randn(d_model, generator=g)]


def some_x(seed: int, n: int = N, d_model: int = D) -> Tensor:
    return 1.5 * torch.randn(n, d_model, generator=torch.Generator().manual_seed(1000 + seed)) + 0.3


def make(config: StepConfig, weights: list[Tensor], batch: int = N) -> Step:
    return Step(*(w.clone() for w in weights), config, batch)


def weights_of(step: Step) -> list[Tensor]:
    return [step.encoder, step.decoder, step.b_enc, step.b_dec]


def with_dead(step: Any, share: float = 0.3) -> None:
    """Let some features look silent for long."""
    step.silent[: int(share * F)] = 1000


def relative(a: Tensor, b: Tensor) -> float:
    a, b = a.detach().double(), b.detach().double()
    return float((a - b).norm() / b.norm())


def assert_like_slow(fast: Step, slow: SlowStep, x: Tensor, lr: float, l1: float) -> StepReport:
    seen: list[Tensor] = []
    update = fast.adam.update

    def watched(gradients: list[Tensor], **how: float) -> None:
        seen.extend(gradient.clone() for gradient in gradients)
        update(gradients, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast.adam, "update", watched)
        report, expected = fast.step(x, lr=lr, l1=l1), slow.step(x, lr, l1)
    for name, value in expected.items():
        assert getattr(report, name) == pytest.approx(value, rel=2e-6, abs=1e-9), name
    for name, mine, exact in zip(GRADIENTS, seen, slow.gradients, strict=True):
        assert relative(mine, exact) < 3e-6, name
    return report


CASES = [
    pytest.param(TOPK, 0.0, 0.0, id="topk"),
    pytest.param(replace(TOPK, clip=1e9), 0.0, 0.0, id="topk without clip"),
    pytest.param(replace(TOPK, subtract_b_dec=False), 0.0, 0.0, id="topk on x itself"),
    pytest.param(replace(TOPK, unit_decoder=False), 0.0, 0.5, id="topk with a penalty"),
    pytest.param(replace(TOPK, k=200), 0.0, 0.0, id="topk of more than are above 0"),
    pytest.param(AUXK, 0.0, 0.0, id="auxk"),
    pytest.param(replace(AUXK, aux_k=300, aux_coefficient=2.0), 0.0, 0.0, id="auxk of all dead features"),
    pytest.param(BF16, 0.0, 0.0, id="topk by shortlist"),
    pytest.param(L1, -4.5, 0.5, id="l1, sparse"),
    pytest.param(replace(L1, encoder_gemm="bf16"), -4.5, 0.5, id="l1 by shortlist"),
    pytest.param(L1, 0.0, 0.5, id="l1, dense"),
    pytest.param(L1_SUBTRACTED, -4.5, 5.0, id="l1, sparse, b_dec subtracted"),
    pytest.param(L1_SUBTRACTED, 0.0, 5.0, id="l1, dense, b_dec subtracted"),
    pytest.param(replace(L1, unit_decoder=True), -4.5, 0.5, id="l1 with unit rows"),
]


@pytest.mark.parametrize(("config", "bias", "l1"), CASES)
def test_losses_gradients_and_weights_are_those_of_dense_float64_autograd(
    config: StepConfig, bias: float, l1: float
) -> None:
    weights = some_weights(bias=bias)
    fast, slow = make(config, weights), SlowStep(weights, config)
    with_dead(fast)
    with_dead(slow)
    for number in range(5):
        report = assert_like_slow(fast, slow, some_x(number), 1e-3 * (number + 1), l1)
        went_by_pairs = config.k is not None or bias < 0
        assert (report.candidates > 0) == went_by_pairs
    for mine, exact, start in zip(weights_of(fast), slow.weights, weights, strict=True):
        assert relative(mine, exact) < 1e-5
        assert relative(mine - start, exact - start) < 1e-3
    assert torch.equal(fast.silent, slow.silent)


@pytest.mark.parametrize("config", [TOPK, BF16, L1], ids=["topk", "shortlist", "l1"])
def test_several_chunks_are_one_batch(config: StepConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "MOST_ROWS", 16)
    weights = some_weights(bias=-4.5 if config.k is None else 0.0)
    fast, slow = make(config, weights), SlowStep(weights, config)
    assert_like_slow(fast, slow, some_x(0), 1e-3, 0.5 if config.k is None else 0.0)


def test_chunks_may_be_dense_and_sparse_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "MOST_ROWS", 35)
    weights = some_weights(bias=-4.5)
    x = some_x(0)
    x[:35] *= 5  # far more features are above 0 here
    fast, slow = make(L1, weights), SlowStep(weights, L1)
    report = assert_like_slow(fast, slow, x, 1e-3, 0.5)
    assert 0 < report.candidates < report.l0 * N


def test_the_dense_and_the_sparse_path_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = some_weights(bias=-4.5)
    sparse, dense = make(L1, weights), make(L1, weights)
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
    config = replace(TOPK, k=k, unit_decoder=d_model > 1)
    fast, slow = make(config, weights), SlowStep(weights, config)
    assert_like_slow(fast, slow, some_x(0, d_model=d_model), 1e-3, 0.0)


def test_a_smaller_last_batch_is_its_own_mean() -> None:
    weights = some_weights()
    fast, slow = make(TOPK, weights), SlowStep(weights, TOPK)
    for number, n in enumerate([N, 13, 1, N]):
        assert_like_slow(fast, slow, some_x(number, n), 1e-3, 0.0)


def test_dead_features_learn_only_through_the_auxiliary_loss() -> None:
    weights = some_weights()
    weights[2][:50] = -4.0  # above 0 at times, never among the k largest
    with_aux, without = (make(replace(AUXK, aux_k=aux_k), weights) for aux_k in (50, 0))
    reached = ((some_x(0) - weights[3]) @ weights[0][:50].T + weights[2][:50] > 0).any(0)
    assert reached.sum() > 30
    for step in (with_aux, without):
        step.silent[:50] = 1000
    report = with_aux.step(some_x(0), lr=1e-3)
    without.step(some_x(0), lr=1e-3)
    assert with_aux.silent[:50].min() > 0
    assert report.aux > 0
    assert report.dead >= 50
    for name in ("encoder", "decoder"):
        touched = getattr(with_aux.gradients, name)[:50].norm(dim=1) > 0
        assert torch.equal(touched, reached)
        assert not getattr(without.gradients, name)[:50].any()
        # live features get what they get without it, up to the common clip
        live, plain = (getattr(step.gradients, name)[50:] for step in (with_aux, without))
        assert torch.nn.functional.cosine_similarity(live.flatten(), plain.flatten(), dim=0) > 1 - 1e-6


def test_unit_rows_keep_their_norm_and_free_rows_do_not() -> None:
    unit, free = make(TOPK, some_weights()), make(replace(TOPK, unit_decoder=False), some_weights())
    for number in range(3):
        unit.step(some_x(number), lr=1e-2)
        free.step(some_x(number), lr=1e-2)
    torch.testing.assert_close(unit.decoder.norm(dim=1), torch.ones(F))
    assert (free.decoder.norm(dim=1) - 1).abs().max() > 1e-3


def test_a_row_of_zero_norm_stays_finite() -> None:
    weights = some_weights(bias=-4.5)
    weights[1][3] = 0
    for config in (TOPK, L1):
        step = make(config, weights)
        report = step.step(some_x(0), lr=1e-3, l1=0.5)
        assert all(torch.isfinite(w).all() for w in weights_of(step))
        assert report.grad_norm < float("inf")


def test_silence_is_counted_in_positions() -> None:
    step = make(replace(TOPK, dead_after=2 * N), some_weights())
    first, second = step.step(some_x(0), lr=0.0), step.step(some_x(1), lr=0.0)
    assert first.dead == 0
    assert second.dead == int((step.silent == 2 * N).sum())
    assert set(step.silent.tolist()) <= {0, N, 2 * N}


@pytest.mark.parametrize("config", [AUXK, BF16, L1], ids=["auxk", "shortlist", "l1"])
def test_repeated_and_resumed_runs_are_equal_to_the_bit(config: StepConfig) -> None:
    def run(step: Step, numbers: range) -> list[StepReport]:
        return [step.step(some_x(i), lr=1e-3, l1=0.0 if config.k else 0.5) for i in numbers]

    weights = some_weights(bias=0.0 if config.k else -4.5)
    whole, again, begun = (make(config, weights) for _ in range(3))
    reports = run(whole, range(6))
    assert run(again, range(6)) == reports
    run(begun, range(3))
    state = {name: tensor.clone() for name, tensor in begun.state().items()}
    resumed = make(config, weights_of(begun))
    run(begun, range(3, 4))  # what goes on elsewhere does not matter
    resumed_weights = make(config, weights)
    run(resumed_weights, range(3))
    resumed = make(config, weights_of(resumed_weights))
    resumed.load(state)
    assert run(resumed, range(3, 6)) == reports[3:]
    for other in (again, resumed):
        assert all(torch.equal(a, b) for a, b in zip(weights_of(whole), weights_of(other), strict=True))
        assert all(torch.equal(a, other.state()[name]) for name, a in whole.state().items())


def test_shortlist_and_fp32_train_alike() -> None:
    plain, short = make(TOPK, some_weights()), make(BF16, some_weights())
    for number in range(4):
        a, b = plain.step(some_x(number), lr=1e-3), short.step(some_x(number), lr=1e-3)
        assert b.loss == pytest.approx(a.loss, rel=1e-6)
        assert b.candidates > N * 4
    for mine, other in zip(weights_of(plain), weights_of(short), strict=True):
        assert relative(mine, other) < 1e-5


def test_a_gradient_that_is_not_finite_changes_no_weight() -> None:
    step = make(TOPK, some_weights())
    x = some_x(0)
    x[3, 3] = torch.nan
    before = [w.clone() for w in weights_of(step)]
    report = step.step(x, lr=1e-3)
    assert report.loss != report.loss
    assert all(torch.equal(a, b) for a, b in zip(before, weights_of(step), strict=True))
    assert step.adam.steps == 0


@pytest.mark.parametrize("fused", [True, False])
def test_adam_is_torchs(fused: bool) -> None:
    weights = some_weights()
    adam = Adam([w.clone() for w in weights], beta1=0.8, beta2=0.99, eps=1e-6)
    adam.fused = adam.fused and fused
    theirs = [w.double().clone().requires_grad_() for w in weights]
    reference = torch.optim.Adam(theirs, betas=(0.8, 0.99), eps=1e-6, lr=1e-2)
    for number in range(4):
        gradients = some_weights(number + 5)
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.double() / 3
        reference.step()
        adam.update(gradients, lr=1e-2, divide_by=3.0)
    for mine, exact in zip(adam.tensors, theirs, strict=True):
        assert relative(mine, exact.detach()) < 1e-6


def test_after_a_thousand_steps_adam_is_where_torchs_is() -> None:
    weights = some_weights()
    adam = Adam([w.clone() for w in weights], beta1=0.9, beta2=0.999, eps=1e-8)
    theirs = [w.double().clone().requires_grad_() for w in weights]
    reference = torch.optim.Adam(theirs, lr=1e-3)
    g = torch.Generator().manual_seed(7)
    for _ in range(1000):
        gradients = [
            torch.randn(w.shape, generator=g) * (torch.rand(w.shape, generator=g) < 0.1) for w in weights
        ]
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.double()
        reference.step()
        adam.update(gradients, lr=1e-3)
    # what is left is the rounding of a thousand additions, the same in torch's own fp32
    mine, exact = (torch.cat([t.detach().flatten() for t in some]) for some in (adam.tensors, theirs))
    assert relative(mine, exact) < 1e-6


def test_wrong_use_is_named() -> None:
    weights = some_weights()
    with pytest.raises(UsageError, match="k is 301; expected 1 to 300"):
        make(replace(TOPK, k=301), weights)
    with pytest.raises(UsageError, match="aux_k is 8 for a ReLU step"):
        replace(L1, aux_k=8)
    with pytest.raises(UsageError, match=r'unknown encoder_gemm "bf61".*did you mean "bf16"'):
        make(replace(TOPK, encoder_gemm="bf61"), weights)
    with pytest.raises(UsageError, match="a step of 71 positions; expected 1 to 70"):
        make(TOPK, weights).step(some_x(0, 71), lr=1e-3)
    with pytest.raises(UsageError, match="contiguous"):
        Step(weights[0].T.contiguous().T, *weights[1:], TOPK, N)
    small = make(TOPK, some_weights(d_sae=64))
    with pytest.raises(UsageError, match=r"does not fit in exp_avg.b_enc, exp_avg.decoder"):
        small.load(make(TOPK, weights).state())
