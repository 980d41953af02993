"""A model and an SAE on a GPU are measured as they are here."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from activations.tiny import HOOK, D, TinyModel, written_by
from far import GPU, gpu
from monosema.evaluation import evaluate
from monosema.kernels import native
from monosema.models import HookPoint
from monosema.sae import L1, SAE, Kind, SAEConfig, TopK

MASSIVE_TOKEN, THRESHOLD = 5, 100.0


class FarModel(TinyModel):
    """A model on a GPU, which takes tokens from here."""

    def __init__(self) -> None:
        super().__init__(dtype=torch.float32)
        self.embedding[MASSIVE_TOKEN] *= 1000
        self.embedding, self.head = self.embedding.to(GPU), self.head.to(GPU)

    @property
    def device(self) -> torch.device:
        return GPU

    def resume(self, hook: HookPoint | str, x: Tensor, ids: Tensor, real: Tensor | None = None) -> Tensor:
        assert real is not None
        return super().resume(hook, x.to(GPU), ids.to(GPU), real.to(GPU))


class HereModel(TinyModel):
    def __init__(self) -> None:
        super().__init__(dtype=torch.float32)
        self.embedding[MASSIVE_TOKEN] *= 1000


@pytest.mark.parametrize("kind", [TopK(k=3), L1()], ids=lambda kind: kind.name)
def test_figures_of_a_gpu_are_those_of_torch_here(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "fits", lambda *_: False)
    config = SAEConfig(
        kind=kind, d_model=D, d_sae=16, input=HOOK, output=HOOK, model="tiny", model_hash="0" * 64
    )
    sae = SAE.initialise(config, mean=torch.full((D,), 0.5), scale=1.25, massive=THRESHOLD)
    tokens = written_by(HereModel())
    here = evaluate(HereModel(), sae, tokens, tokens_per_batch=40, seed=0)
    with gpu() as device:
        there = evaluate(FarModel(), sae.to(device), tokens, tokens_per_batch=40, seed=0)
    assert there.to_dict() == here.to_dict()
