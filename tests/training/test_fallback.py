"""The benchmark of rows that fall back counts those that the proof does not cover."""

from __future__ import annotations

import torch
from benchmarks.fallback import CHUNK, fallback_share

from monosema.sae import SAE, SAEConfig, TopK


def test_rows_of_weights_that_are_alike_fall_back_and_others_do_not() -> None:
    config = SAEConfig(
        kind=TopK(k=4), d_model=16, d_sae=1024, input="i", output="i", model="m", model_hash="0"
    )
    sae = SAE.initialise(config, mean=torch.ones(16), scale=0.5)
    rows = 2 + torch.randn(CHUNK + 7, 16, generator=torch.Generator().manual_seed(0))
    assert fallback_share(sae, rows, 4) == 0
    sae.encoder[:] = sae.encoder[0].clone()
    assert fallback_share(sae, rows, 4) == 1
