"""Dead features begin anew where reconstruction is bad, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from monosema.sae import L1, Gated, JumpReLU, TopK
from monosema.training import Step, train
from monosema.training.resample import ENCODER_NORM, dead_for, is_due, resample
from training.steps import make, of, some_weights, some_x, weights_of
from training.test_trainer import SHORT, start

DEAD = torch.tensor([3, 40, 41])


def trained(kind: object = None) -> tuple[Step, torch.Tensor]:
    step = make(of(kind or L1()), some_weights(bias=-3.0), at=0.4)  # type: ignore[arg-type]
    x = some_x(0)
    x[7] *= 40  # what is reconstructed worst
    step.step(x, lr=1e-3, l1=0.5)
    return step, x


@pytest.mark.parametrize("kind", [L1(), TopK(k=4), JumpReLU(), Gated()], ids=lambda kind: kind.name)
def test_they_become_the_direction_of_a_bad_position_and_are_above_zero_there(kind: object) -> None:
    step, x = trained(kind)
    one = DEAD[:1]
    resample(step, x, one, torch.Generator().manual_seed(0))
    encoder, decoder, b_enc, b_dec = weights_of(step)
    live = torch.ones(len(encoder), dtype=torch.bool).index_fill(0, one, value=False)
    direction = torch.nn.functional.normalize(x[7] - b_dec, dim=0)
    torch.testing.assert_close(decoder[3], direction * decoder[live].norm(dim=1).mean())
    torch.testing.assert_close(encoder[3], direction * ENCODER_NORM * encoder[live].norm(dim=1).mean())
    read = x[7] - b_dec if step.config.kind.subtract_b_dec else x[7]
    assert read @ encoder[3] + b_enc[3] > 0
    assert step.silent[3] == 0
    for moments in zip(step.adam.exp_avg, step.adam.exp_avg_sq, strict=True):
        for moment in moments:
            assert len(moment) != len(encoder) or not moment[3].any()


def test_live_features_and_their_moments_stay_as_they_are() -> None:
    step, x = trained()
    before = {name: tensor.clone() for name, tensor in step.state().items()}
    weights = [weight.clone() for weight in weights_of(step)]
    resample(step, x, DEAD, torch.Generator().manual_seed(0))
    live = torch.ones(len(step.silent), dtype=torch.bool).index_fill(0, DEAD, value=False)
    for now, then in zip(weights_of(step)[:3], weights[:3], strict=True):
        assert torch.equal(now[live], then[live])
        assert not torch.equal(now[DEAD], then[DEAD])
    assert torch.equal(step.b_dec, weights[3])
    for name, tensor in step.state().items():
        rows = live if len(live) == tensor.numel() or tensor.ndim == 2 else slice(None)
        assert torch.equal(
            tensor[rows] if tensor.ndim else tensor, before[name][rows] if tensor.ndim else tensor
        )
    report = step.step(x, lr=1e-3, l1=0.5)
    assert report.grad_norm < float("inf")


def test_no_feature_or_all_of_them_is_nothing_to_begin_from() -> None:
    for dead in (torch.zeros(0, dtype=torch.int64), torch.arange(300)):
        step, x = trained()
        weights = [weight.clone() for weight in weights_of(step)]
        resample(step, x, dead, torch.Generator())
        assert all(torch.equal(a, b) for a, b in zip(weights, weights_of(step), strict=True))


def test_occasions_are_spread_over_the_first_half() -> None:
    _, _, plan = start(L1(), replace(SHORT, tokens=64 * 80, resample=4))
    assert [done for done in range(1, 81) if is_due(plan, done)] == [10, 20, 30, 40]
    assert dead_for(plan) == 5 * 64


def test_features_that_never_fired_live_again() -> None:
    shares = []
    for times in (0, 4):
        sae, stream, plan = start(L1(), replace(SHORT, tokens=64 * 160, resample=times))
        sae.b_enc[:20] = -1e4
        shares.append(train(sae, stream, plan).dead_share)
    assert shares[0] > 0.6
    assert shares[1] < shares[0] - 0.2
