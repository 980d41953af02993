"""What holds of every step: dead features, norms, silence, repeats, what is published, Adam."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from monosema.errors import UsageError
from monosema.sae import (
    SAE,
    SAEConfig,
    TopK,
)
from monosema.training import Step, StepConfig, StepReport
from monosema.training.adam import Adam
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
    D,
    F,
    FreeRows,
    N,
    make,
    of,
    relative,
    some_weights,
    some_x,
    weights_of,
)

pytestmark = pytest.mark.usefixtures("kernels")


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
