"""The obvious training step: float64, dense, autograd, torch's own clip and Adam; each kind's loss by its formula."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from monosema.sae import (
    L1,
    BatchTopK,
    Gated,
    JumpReLU,
    MatryoshkaBatchTopK,
    MatryoshkaTopK,
    TanhJumpReLU,
    TopK,
)
from monosema.training.objectives.jumprelu import RATE
from monosema.training.step import StepConfig


class Above(torch.autograd.Function):
    """H(h - θ) with the rectangle's derivative in θ, and in h where `to_input`."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, threshold: Tensor, width: float, to_input: bool) -> Tensor:
        ctx.save_for_backward(h, threshold)
        ctx.width, ctx.to_input = width, to_input
        return (h > threshold).to(h.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        h, threshold = ctx.saved_tensors
        near = ((h - threshold).abs() < ctx.width / 2).to(h.dtype) / ctx.width
        return (near * grad if ctx.to_input else None), -(near * grad).sum(0), None, None


class Jump(torch.autograd.Function):
    """h · H(h - θ); its derivative in θ is θ times that of H."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, threshold: Tensor, width: float, to_input: bool) -> Tensor:
        ctx.save_for_backward(h, threshold)
        ctx.width, ctx.to_input = width, to_input
        return torch.where(h > threshold, h, 0.0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        h, threshold = ctx.saved_tensors
        near = ((h - threshold).abs() < ctx.width / 2).to(h.dtype) / ctx.width * threshold
        to_h = grad * (h > threshold)
        return (to_h + near * grad if ctx.to_input else to_h), -(near * grad).sum(0), None, None


class SlowStep:
    def __init__(self, weights: list[Tensor], config: StepConfig, threshold: Tensor | None = None) -> None:
        self.weights = [w.double().clone().requires_grad_() for w in weights]
        self.config, self.kind = config, config.kind
        self.own: dict[str, Tensor] = {}
        if isinstance(self.kind, JumpReLU | TanhJumpReLU):
            assert threshold is not None
            own = threshold.double() / self.norms(weights[1].double())
            self.own["log_threshold"] = (own.log() / RATE).requires_grad_()
        if isinstance(self.kind, Gated):
            assert threshold is not None
            b_mag = self.weights[2].detach().clone()
            self.own = {"log_gain": torch.zeros_like(b_mag).requires_grad_(), "b_mag": b_mag.requires_grad_()}
            with torch.no_grad():
                self.weights[2] -= threshold.double() / self.norms(weights[1].double())
        self.adam: torch.optim.Adam | None = None
        self.silent = torch.zeros(len(weights[0]), dtype=torch.int64)
        self.selected = torch.zeros(0, dtype=torch.bool)
        self.gradients: list[Tensor] = []
        self.grad_norm = 0.0
        self.power, self.ratio, self.next_ratio = 1.0, 1.0, 1.0

    @property
    def trained(self) -> list[Tensor]:
        return [*self.weights, *self.own.values()]

    def norms(self, decoder: Tensor) -> Tensor:
        blocks = 1 if self.kind.unit_decoder else self.config.blocks
        return sum(part.norm(dim=1) for part in decoder.chunk(blocks, dim=1))  # type: ignore[return-value]

    def loss(
        self, x: Tensor, l1: float, progress: float = 0.0, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        encoder, decoder, b_enc, b_dec = self.weights
        kind = self.kind
        centred = kind.subtract_b_dec if self.config.centred is None else self.config.centred
        pre = (x - b_dec if centred else x) @ encoder.T + b_enc
        x = x if target is None else target
        acts, penalty, beside = self._codes(x, pre, l1, progress)
        self.selected = acts > 0
        error = x - (acts @ decoder + b_dec)
        mse = error.square().sum(1).mean()
        if isinstance(kind, MatryoshkaTopK | MatryoshkaBatchTopK):
            widths = kind.all_widths(len(encoder))
            each = [(x - (acts[:, :w] @ decoder[:w] + b_dec)).square().sum(1).mean() for w in widths]
            beside = sum(each[1:], each[0]) / len(each) - mse
        aux, share = mse.new_zeros(()), mse.new_zeros(())
        dead = self.silent >= self.config.dead_after
        aux_k = kind.aux_latents(x.shape[1])
        if aux_k and dead.any():
            left = error.detach()
            top = pre[:, dead].topk(min(aux_k, int(dead.sum())), dim=1)
            codes = torch.zeros_like(pre[:, dead]).scatter(1, top.indices, torch.relu(top.values))
            unexplained = (left - codes @ decoder[dead]).square().sum(1).mean()
            aux, share = kind.aux_coefficient * unexplained, unexplained / left.square().sum(1).mean()
        return {"loss": mse + beside + penalty + aux, "mse": mse, "l1": penalty, "aux": share}

    def _codes(self, x: Tensor, pre: Tensor, l1: float, progress: float) -> tuple[Tensor, Tensor, Tensor]:
        """Codes, penalty, and squared errors beside that of x̂."""
        _, decoder, b_enc, b_dec = self.weights
        kind, norms, zero = self.kind, self.norms(decoder), pre.new_zeros(())
        if isinstance(kind, TopK):
            acts = torch.relu(pre)
            top = acts.topk(kind.k, dim=1)
            return torch.zeros_like(acts).scatter(1, top.indices, top.values), zero, zero
        if isinstance(kind, BatchTopK):
            acts = torch.relu(pre).flatten()
            top = acts.topk(kind.k * len(x))
            return torch.zeros_like(acts).scatter(0, top.indices, top.values).view(pre.shape), zero, zero
        if isinstance(kind, L1):
            a = torch.relu(pre) * norms
            p = 1 + (kind.p_end - 1) * max(0.0, progress - kind.p_start) / (1 - kind.p_start)
            if p == 1:
                return torch.relu(pre), l1 * a.sum(1).mean(), zero
            powers = torch.where(pre > 0, (a + 0.01) ** p, 0.0).sum()
            self.next_ratio = float((a.sum() / powers).detach())
            return torch.relu(pre), l1 * self.ratio * powers / len(x), zero
        if isinstance(kind, Gated):
            gain = self.own["log_gain"].exp()
            strength = torch.relu(gain * (pre - b_enc) + self.own["b_mag"])
            gates = torch.relu(pre)
            frozen = x - (gates @ decoder.detach() + b_dec.detach())
            return (
                torch.where(pre > 0, strength, 0.0),
                l1 * gates.sum(1).mean(),
                frozen.square().sum(1).mean(),
            )
        threshold = (self.own["log_threshold"] * RATE).exp()
        if isinstance(kind, JumpReLU):
            acts = Jump.apply(pre, threshold, kind.bandwidth, False)
            l0 = Above.apply(pre, threshold, kind.bandwidth, False).sum(1)
            cost = l0 if kind.target_l0 is None else (l0 - kind.target_l0).square() / kind.target_l0
            return acts, l1 * cost.mean(), zero
        assert isinstance(kind, TanhJumpReLU)
        acts = Jump.apply(pre, threshold, kind.bandwidth, True)
        squashed = torch.tanh(kind.tanh_scale * acts * norms).sum(1).mean()
        silent = (torch.relu(threshold - pre) * norms).sum(1).mean()
        return acts, l1 * squashed + kind.silent_coefficient * silent, zero

    def step(
        self, x: Tensor, lr: float, l1: float = 0.0, progress: float = 0.0, target: Tensor | None = None
    ) -> dict[str, float]:
        config, decoder = self.config, self.weights[1]
        out = self.loss(x.double(), l1, progress, None if target is None else target.double())
        self.ratio = self.next_ratio
        found = torch.autograd.grad(out["loss"], self.trained, allow_unused=True)
        self.gradients = [
            torch.zeros_like(w) if g is None else g for w, g in zip(self.trained, found, strict=True)
        ]
        if self.kind.unit_decoder:
            rows = decoder.detach()
            along = (self.gradients[1] * rows).sum(1, keepdim=True) / rows.square().sum(1, keepdim=True)
            self.gradients[1] = self.gradients[1] - along * rows
        for weight, gradient in zip(self.trained, self.gradients, strict=True):
            weight.grad = gradient.clone()
        self.grad_norm = float(torch.nn.utils.clip_grad_norm_(self.trained, config.clip))
        if self.adam is None:
            self.adam = torch.optim.Adam(self.trained, betas=(config.beta1, config.beta2), eps=config.eps)
        self.adam.param_groups[0]["lr"] = lr
        self.adam.step()
        if self.kind.unit_decoder:
            with torch.no_grad():
                decoder.div_(decoder.norm(dim=1, keepdim=True))
        self.silent += len(x)
        self.silent[self.selected.any(0)] = 0
        return {name: float(value.detach()) for name, value in out.items()} | {
            "l0": float(self.selected.sum() / len(x)),
            "grad_norm": self.grad_norm,
        }
