"""Steps of every kind on small weights, and the slow version beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from monosema.sae import (
    L1,
    BatchTopK,
    Gated,
    JumpReLU,
    Kind,
    TanhJumpReLU,
    TopK,
)
from monosema.training import Step, StepConfig, StepReport
from training.slow_step import SlowStep

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
