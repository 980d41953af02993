from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from monosema.errors import UsageError
from monosema.sae import (
    L1,
    SAE,
    BatchTopK,
    Gated,
    JumpReLU,
    Kind,
    MatryoshkaBatchTopK,
    MatryoshkaTopK,
    SAEConfig,
    TanhJumpReLU,
    TopK,
)
from monosema.training import Step, StepConfig, StepReport
from monosema.training import forward as forward_module
from monosema.training.adam import Adam
from training.slow_step import SlowStep

pytestmark = pytest.mark.usefixtures("kernels")

D, F, N = 24, 300, 70


@dataclass(frozen=True, kw_only=True)
class OnX(TopK):
    subtract_b_dec: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class FreeRows(TopK):
    unit_decoder: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Subtracted(L1):
    subtract_b_dec: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class UnitRows(L1):
    unit_decoder: ClassVar[bool] = True


def of(kind: Kind, **settings: Any) -> StepConfig:
    return StepConfig(kind=kind, **settings)


TOPK = of(TopK(k=4, aux_k=0))
RELU = of(L1())
AUXK = of(TopK(k=4, aux_k=8), dead_after=60)
BF16 = replace(TOPK, encoder_gemm="bf16")
BATCH = of(BatchTopK(k=4, aux_k=0))
JUMP = of(JumpReLU(target_l0=None, bandwidth=0.7))
TANH = of(TanhJumpReLU(silent_coefficient=0.02, bandwidth=0.7, tanh_scale=0.8))
GATED = of(Gated())
ANNEALED = of(L1(p_end=0.4, p_start=0.0))


def some_weights(seed: int = 0, *, bias: float = 0.0, d_sae: int = F, d_model: int = D) -> list[Tensor]:
    g = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(d_sae, d_model, generator=g), dim=1)
    encoder = decoder + 0.2 * torch.randn(d_sae, d_model, generator=g)
    b_enc = bias + 0.1 * torch.randn(d_sae, generator=g)
    return [encoder, decoder, b_enc, 0.1 * torch.randn(d_model, generator=g)]


def some_x(seed: int, n: int = N, d_model: int = D) -> Tensor:
    return 1.5 * torch.randn(n, d_model, generator=torch.Generator().manual_seed(1000 + seed)) + 0.3


def thresholds(config: StepConfig, weights: list[Tensor], at: float = 4.0) -> Tensor | None:
    """Trained thresholds on a to start with, no two alike."""
    if config.kind.thresholds != "trained":
        return None
    return weights[1].norm(dim=1) * torch.linspace(at, at + 1, len(weights[0]))


def make(config: StepConfig, weights: list[Tensor], batch: int = N, at: float = 4.0) -> Step:
    threshold = thresholds(config, weights, at)
    return Step(*(w.clone() for w in weights), config, batch, threshold=threshold)


def make_slow(config: StepConfig, weights: list[Tensor], at: float = 4.0) -> SlowStep:
    return SlowStep(weights, config, thresholds(config, weights, at))


def weights_of(step: Step) -> list[Tensor]:
    return [step.encoder, step.decoder, step.b_enc, step.b_dec]


def with_dead(step: Any, share: float = 0.3) -> None:
    """Let some features look silent for long."""
    step.silent[: int(share * F)] = 1000


def relative(a: Tensor, b: Tensor) -> float:
    a, b = a.detach().double(), b.detach().double()
    return float((a - b).norm() / b.norm())


def assert_like_slow(
    fast: Step,
    slow: SlowStep,
    x: Tensor,
    lr: float,
    l1: float,
    progress: float = 0.0,
    target: Tensor | None = None,
) -> StepReport:
    seen: list[Tensor] = []
    update = fast.adam.update

    def watched(gradients: list[Tensor], **how: float) -> None:
        seen.extend(gradient.clone() for gradient in gradients)
        update(gradients, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast.adam, "update", watched)
        report = fast.step(x, target, lr=lr, l1=l1, progress=progress)
        expected = slow.step(x, lr, l1, progress, target)
    for name, value in expected.items():
        assert getattr(report, name) == pytest.approx(value, rel=2e-6, abs=1e-9), name
    names = ("encoder", "decoder", "b_enc", "b_dec", *slow.own)
    for name, mine, exact in zip(names, seen, slow.gradients, strict=True):
        assert relative(mine, exact) < 3e-6, name
    return report


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


def test_dead_features_learn_only_through_the_auxiliary_loss() -> None:
    weights = some_weights()
    weights[2][:50] = -4.0  # above 0 at times, never among the k largest
    with_aux, without = (make(of(TopK(k=4, aux_k=aux_k), dead_after=60), weights) for aux_k in (50, 0))
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
    unit, free = make(TOPK, some_weights()), make(of(FreeRows(k=4, aux_k=0)), some_weights())
    for number in range(3):
        unit.step(some_x(number), lr=1e-2)
        free.step(some_x(number), lr=1e-2)
    torch.testing.assert_close(unit.decoder.norm(dim=1), torch.ones(F))
    assert (free.decoder.norm(dim=1) - 1).abs().max() > 1e-3


def test_a_row_of_zero_norm_stays_finite() -> None:
    weights = some_weights(bias=-4.5)
    weights[1][3] = 0
    for config in (TOPK, RELU):
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


@pytest.mark.parametrize("config", [AUXK, BF16, RELU, BATCH, JUMP, TANH, GATED, ANNEALED], ids=str)
def test_repeated_and_resumed_runs_are_equal_to_the_bit(config: StepConfig) -> None:
    def run(step: Step, numbers: range) -> list[StepReport]:
        return [step.step(some_x(i), lr=1e-3, l1=0.5, progress=i / 6) for i in numbers]

    weights = some_weights(bias=0.0 if config.kind.k else -4.5)
    whole, again, begun = (make(config, weights, at=0.3) for _ in range(3))
    reports = run(whole, range(6))
    assert run(again, range(6)) == reports
    run(begun, range(3))
    state = {name: tensor.clone() for name, tensor in begun.state().items()}
    run(begun, range(3, 4))  # what goes on elsewhere does not matter
    resumed_weights = make(config, weights, at=0.3)
    run(resumed_weights, range(3))
    resumed = make(config, weights, at=0.3)
    for mine, kept in zip(weights_of(resumed), weights_of(resumed_weights), strict=True):
        mine.copy_(kept)
    resumed.load(state)
    assert run(resumed, range(3, 6)) == reports[3:]
    for other in (again, resumed):
        assert all(torch.equal(a, b) for a, b in zip(weights_of(whole), weights_of(other), strict=True))
        assert all(torch.equal(a, other.state()[name]) for name, a in whole.state().items())


@pytest.mark.parametrize("config", [TOPK, RELU, JUMP, TANH, GATED], ids=str)
def test_what_is_published_encodes_as_training_did(config: StepConfig) -> None:
    weights = some_weights(bias=0.0 if config.kind.k else -2.0)
    step = make(config, weights, at=0.3)
    for number in range(3):
        step.step(some_x(number), lr=1e-2, l1=0.5)
    x = some_x(9)
    last = step.step(x, lr=0.0)  # changes nothing
    threshold = step.publish()
    assert (threshold is None) == (config.kind.thresholds != "trained")
    encoder, decoder, b_enc, b_dec = weights_of(step)
    asked = SAEConfig(
        kind=config.kind, d_model=D, d_sae=F, input="a.0", output="a.0", model="m", model_hash=""
    )
    sae = SAE(config=asked, encoder=encoder, W_dec=decoder, b_enc=b_enc, b_dec=b_dec, threshold=threshold)
    assert sae.encode(x).l0() == pytest.approx(last.l0)
    assert float((x - sae.reconstruct(x)).square().sum(1).mean()) == pytest.approx(last.mse, rel=1e-5)


def test_batchtopk_keeps_as_many_as_asked_however_they_fall_and_whatever_it_guessed() -> None:
    spread = torch.cat([some_x(0, 40), 9 * some_x(1, 30)])
    fresh, used = make(BATCH, some_weights()), make(BATCH, some_weights())
    used.step(some_x(3) * 30, lr=0.0)  # leaves a threshold that is far too high
    reports = [step.step(spread, lr=0.0) for step in (fresh, used)]
    assert all(report.l0 == 4 for report in reports)
    assert reports[0].mse == pytest.approx(reports[1].mse, rel=1e-6)


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
        make(of(TopK(k=301)), weights)
    with pytest.raises(UsageError, match=r'unknown encoder_gemm "bf61".*did you mean "bf16"'):
        make(replace(TOPK, encoder_gemm="bf61"), weights)
    with pytest.raises(UsageError, match="a step of 71 positions; expected 1 to 70"):
        make(TOPK, weights).step(some_x(0, 71), lr=1e-3)
    with pytest.raises(UsageError, match="contiguous"):
        Step(weights[0].T.contiguous().T, *weights[1:], TOPK, N)
    small = make(TOPK, some_weights(d_sae=64))
    with pytest.raises(UsageError, match=r"does not fit in exp_avg.b_enc, exp_avg.decoder"):
        small.load(make(TOPK, weights).state())
