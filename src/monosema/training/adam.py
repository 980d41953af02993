"""Adam in torch's dense semantics: every row moves at every step, with or without a gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from monosema.kernels import native


class Adam:
    """First and second moments of a few tensors that are updated in place.

    Equal to `torch.optim.Adam(betas=(beta1, beta2), eps=eps)` without weight decay; one pass over the rows where there
    is a kernel for it, else torch's fused kernel where there is one for the device, else some passes over all tensors.
    `unit` says of which of them (matrices) each row is divided by its norm after the step.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        *,
        beta1: float,
        beta2: float,
        eps: float,
        unit: Sequence[bool] | None = None,
    ) -> None:
        self.tensors = list(tensors)
        self.unit = [False] * len(self.tensors) if unit is None else list(unit)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.exp_avg = [torch.zeros_like(tensor) for tensor in tensors]
        self.exp_avg_sq = [torch.zeros_like(tensor) for tensor in tensors]
        self.steps = 0
        self.fused = hasattr(torch, "_fused_adam_") and self.tensors[0].device.type in ("cpu", "cuda")

    def update(self, gradients: list[Tensor], *, lr: float, divide_by: float = 1.0) -> None:
        """Take one step with `gradients / divide_by`; `gradients` are scratch afterwards."""
        self.steps += 1
        if native.fits(*self.tensors, *gradients):
            self._by_rows(gradients, lr, divide_by)
            return
        (self._fused if self.fused else self._plain)(gradients, lr, divide_by)
        for tensor, unit in zip(self.tensors, self.unit, strict=True):
            if unit:
                norms = torch.linalg.vector_norm(tensor, dim=1, keepdim=True)
                tensor.div_(norms.clamp_min_(torch.finfo(norms.dtype).tiny))

    def _by_rows(self, gradients: list[Tensor], lr: float, divide_by: float) -> None:
        size = lr / (1 - self.beta1**self.steps)
        correction = math.sqrt(1 - self.beta2**self.steps)
        for tensor, gradient, first, second, unit in zip(
            self.tensors, gradients, self.exp_avg, self.exp_avg_sq, self.unit, strict=True
        ):
            rows, width = tensor.shape if tensor.ndim == 2 else (1, len(tensor))
            native.call(
                "adam", tensor, first, second, gradient, rows, width, 1 / divide_by,
                self.beta1, self.beta2, self.eps, size, correction, unit,
            )  # fmt: skip

    def _fused(self, gradients: list[Tensor], lr: float, divide_by: float) -> None:
        device = self.tensors[0].device
        step = torch.tensor(float(self.steps), device=device)
        torch._fused_adam_(
            self.tensors,
            gradients,
            self.exp_avg,
            self.exp_avg_sq,
            [],
            [step] * len(self.tensors),
            lr=lr,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=0.0,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
            grad_scale=None if divide_by == 1.0 else torch.tensor(divide_by, device=device),
            found_inf=None,
        )

    def _plain(self, gradients: list[Tensor], lr: float, divide_by: float) -> None:
        torch._foreach_div_(gradients, divide_by)
        torch._foreach_lerp_(self.exp_avg, gradients, 1 - self.beta1)
        torch._foreach_mul_(self.exp_avg_sq, self.beta2)
        torch._foreach_addcmul_(self.exp_avg_sq, gradients, gradients, 1 - self.beta2)
        roots = torch._foreach_sqrt(self.exp_avg_sq)
        torch._foreach_div_(roots, math.sqrt(1 - self.beta2**self.steps))
        torch._foreach_add_(roots, self.eps)
        torch._foreach_addcdiv_(self.tensors, self.exp_avg, roots, -lr / (1 - self.beta1**self.steps))
