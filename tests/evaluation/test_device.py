"""A model and an SAE on a GPU are measured as they are here."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from activations.tiny import D, TinyModel
from evaluation.measured import THRESHOLD, config, model, run
from far import GPU, gpu
from monosema.models import HookPoint
from monosema.sae import L1, SAE, TopK


class FarModel(TinyModel):
    """A model on a GPU, which takes tokens from here."""

    def __init__(self, like: TinyModel) -> None:
        super().__init__(dtype=like.dtype)
        self.embedding, self.head = like.embedding.to(GPU), like.head.to(GPU)

    @property
    def device(self) -> torch.device:
        return GPU

    def resume(self, hook: HookPoint | str, x: Tensor, ids: Tensor, real: Tensor | None = None) -> Tensor:
        assert real is not None
        return super().resume(hook, x.to(GPU), ids.to(GPU), real.to(GPU))


@pytest.mark.usefixtures("torch_alone")
@pytest.mark.parametrize("kind", [TopK(k=3), L1()], ids=lambda kind: kind.name)
def test_figures_of_a_gpu_are_those_of_torch_here(kind: TopK | L1) -> None:
    sae = SAE.initialise(config(kind, 16), mean=torch.full((D,), 0.5), scale=1.25, massive=THRESHOLD)
    tiny = model(massive=True, dtype=torch.float32)
    here = run(sae, tiny, baselines=True)
    with gpu() as device:
        there = run(sae.to(device), FarModel(tiny), baselines=True)
    assert there.to_dict() == here.to_dict()
