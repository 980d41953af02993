"""Steps of transcoders, whose target is another, and of crosscoders, whose decoder norms count by hook point."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from monosema.training import StepConfig
from training.steps import (
    ANNEALED,
    AUXK,
    BATCH,
    GATED,
    JUMP,
    RELU,
    TANH,
    TOPK,
    D,
    assert_like_slow,
    make,
    make_slow,
    relative,
    some_weights,
    some_x,
    weights_of,
    with_dead,
)

pytestmark = pytest.mark.usefixtures("kernels")

CASES = [  # first thresholds, λ
    pytest.param(TOPK, 0.0, 0.0, id="topk"),
    pytest.param(AUXK, 0.0, 0.0, id="auxk"),
    pytest.param(BATCH, 0.0, 0.0, id="batchtopk"),
    pytest.param(RELU, 0.0, 0.3, id="l1"),
    pytest.param(ANNEALED, 0.0, 0.3, id="l1, p falling"),
    pytest.param(JUMP, 4.0, 0.3, id="jumprelu"),
    pytest.param(TANH, 4.0, 0.3, id="tanh"),
    pytest.param(GATED, 4.0, 0.3, id="gated"),
]


@pytest.mark.parametrize(("transcodes", "blocks"), [(True, 1), (False, 3), (True, 3)])
@pytest.mark.parametrize(("config", "at", "l1"), CASES)
def test_steps_match_autograd_in_float64(
    config: StepConfig, at: float, l1: float, transcodes: bool, blocks: int
) -> None:
    config = replace(config, blocks=blocks, centred=False if transcodes else None)
    weights = some_weights(3)
    weights[1] = (
        weights[1]
        if config.kind.unit_decoder
        else weights[1] * torch.linspace(0.5, 2, len(weights[1]))[:, None]
    )
    fast, slow = make(config, weights, at=at), make_slow(config, weights, at=at)
    if config is AUXK or config.kind.aux_latents(D):
        with_dead(fast), with_dead(slow)
    mix = torch.randn(D, D, generator=torch.Generator().manual_seed(5)) / D**0.5
    for number in range(5):
        x = some_x(number)
        target = x @ mix + 1.0 if transcodes else None
        progress = 0.5 if config is not RELU else 0.0
        assert_like_slow(fast, slow, x, 1e-3, l1, progress, target)
    for mine, exact in zip(weights_of(fast), slow.weights, strict=True):
        assert relative(mine, exact) < 1e-5
