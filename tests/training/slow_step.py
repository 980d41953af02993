"""The obvious training step: float64, dense, autograd, torch's own clip and Adam."""

from __future__ import annotations

import torch
from torch import Tensor

from monosema.training.step import StepConfig


class SlowStep:
    def __init__(self, weights: list[Tensor], config: StepConfig) -> None:
        self.weights = [w.double().clone().requires_grad_() for w in weights]
        self.config = config
        self.adam: torch.optim.Adam | None = None
        self.silent = torch.zeros(len(weights[0]), dtype=torch.int64)
        self.selected = torch.zeros(0, dtype=torch.bool)
        self.gradients: list[Tensor] = []
        self.grad_norm = 0.0

    def loss(self, x: Tensor, l1: float) -> dict[str, Tensor]:
        encoder, decoder, b_enc, b_dec = self.weights
        config = self.config
        pre = (x - b_dec if config.subtract_b_dec else x) @ encoder.T + b_enc
        acts = torch.relu(pre)
        if config.k is not None:
            top = acts.topk(config.k, dim=1)
            acts = torch.zeros_like(acts).scatter(1, top.indices, top.values)
        self.selected = acts > 0
        error = x - (acts @ decoder + b_dec)
        mse = error.square().sum(1).mean()
        penalty = l1 * (acts * decoder.norm(dim=1)).sum(1).mean()
        aux, share = mse.new_zeros(()), mse.new_zeros(())
        dead = self.silent >= config.dead_after
        if config.aux_k and dead.any():
            left = error.detach()
            top = pre[:, dead].topk(min(config.aux_k, int(dead.sum())), dim=1)
            codes = torch.zeros_like(pre[:, dead]).scatter(1, top.indices, torch.relu(top.values))
            unexplained = (left - codes @ decoder[dead]).square().sum(1).mean()
            aux, share = config.aux_coefficient * unexplained, unexplained / left.square().sum(1).mean()
        return {"loss": mse + penalty + aux, "mse": mse, "l1": penalty, "aux": share}

    def step(self, x: Tensor, lr: float, l1: float = 0.0) -> dict[str, float]:
        config, decoder = self.config, self.weights[1]
        out = self.loss(x.double(), l1)
        self.gradients = list(torch.autograd.grad(out["loss"], self.weights))
        if config.unit_decoder:
            rows = decoder.detach()
            along = (self.gradients[1] * rows).sum(1, keepdim=True) / rows.square().sum(1, keepdim=True)
            self.gradients[1] = self.gradients[1] - along * rows
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient.clone()
        self.grad_norm = float(torch.nn.utils.clip_grad_norm_(self.weights, config.clip))
        if self.adam is None:
            self.adam = torch.optim.Adam(self.weights, betas=(config.beta1, config.beta2), eps=config.eps)
        self.adam.param_groups[0]["lr"] = lr
        self.adam.step()
        if config.unit_decoder:
            with torch.no_grad():
                decoder.div_(decoder.norm(dim=1, keepdim=True))
        self.silent += len(x)
        self.silent[self.selected.any(0)] = 0
        return {name: float(value.detach()) for name, value in out.items()} | {
            "l0": float(self.selected.sum() / len(x)),
            "grad_norm": self.grad_norm,
        }
