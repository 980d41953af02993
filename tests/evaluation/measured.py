"""Small SAEs on a small model, and what evaluation says of them."""

from __future__ import annotations

from functools import cache

import torch

from activations.tiny import HOOK, D, MemoryTokens, TinyModel, written_by
from monosema.evaluation import Evaluation, evaluate
from monosema.sae import L1, SAE, BatchTopK, SAEConfig, TopK

MASSIVE_TOKEN = 5
THRESHOLD = 100.0


def config(kind: BatchTopK | TopK | L1, d_sae: int) -> SAEConfig:
    return SAEConfig(
        kind=kind, d_model=D, d_sae=d_sae, input=HOOK, output=HOOK, model="tiny", model_hash="0" * 64
    )


def identity() -> SAE:
    both = torch.cat([torch.eye(D), -torch.eye(D)])
    return SAE(
        config=config(L1(), 2 * D),
        encoder=both,
        W_dec=both.clone(),
        b_enc=torch.zeros(2 * D),
        b_dec=torch.zeros(D),
        massive=THRESHOLD,
    )


def random_sae(scale: float = 1.25) -> SAE:
    return SAE.initialise(config(TopK(k=3), 16), mean=torch.full((D,), 0.5), scale=scale, massive=THRESHOLD)


def model(massive: bool = False, dtype: torch.dtype = torch.float64) -> TinyModel:
    tiny = TinyModel(dtype=dtype)
    if massive:
        tiny.embedding[MASSIVE_TOKEN] *= 1000
    return tiny


@cache
def text(massive: bool = False) -> MemoryTokens:
    return written_by(model(massive))


def run(sae: SAE, tiny: TinyModel | None = None, **asked: object) -> Evaluation:
    settings = {"tokens_per_batch": 40, "seed": 0, "baselines": False} | asked
    tiny = tiny or model()
    massive = bool(tiny.embedding[MASSIVE_TOKEN].norm() > THRESHOLD)
    return evaluate(tiny, sae, text(massive), **settings)  # type: ignore[arg-type]
