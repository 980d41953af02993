"""How many positions does the shortlist's proof leave to their fp32 row?

    python -m benchmarks.fallback --json --study FOLDER

Rows of the study's stored activations go through `CertifiedEncoder.top_k` (kernels/certificate.py), scaled as in
training, with the SAE's weights and with those that it began with. Figures are shares of positions:

fallback_trained, fallback_random                    unmassive rows: what training reads
fallback_trained_massive, fallback_random_massive    rows as they are stored, massive ones among them

It needs no bf16 units: without them the product is slow, and the shares are the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.harness import arguments, report
from monosema import pipeline
from monosema.activations import ActivationStore
from monosema.kernels import CertifiedEncoder
from monosema.sae import SAE

MOST = 0.01
TARGETS = {
    f"fallback_{weights}{rows}": ("<=", MOST)
    for weights in ("trained", "random")
    for rows in ("", "_massive")
}
CHUNK = 1024
SEED = 20261122
K = 32
"""Features a position of SAEs whose kind sets no number."""


def fallback_share(sae: SAE, rows: Float[Tensor, "n row"], k: int) -> float:
    """Share of raw rows that the proof does not cover."""
    x = sae.scaled(rows)[:, : sae.d_model]
    if sae.config.centred:
        x = x - sae.b_dec
    encoder = CertifiedEncoder(sae.encoder, sae.b_enc, CHUNK)
    return sum(encoder.top_k(part, k).fallback_rows for part in x.contiguous().split(CHUNK)) / len(x)


def samples(store: ActivationStore, sae: SAE, n: int) -> dict[str, Float[Tensor, "n row"]]:
    """So many rows drawn at random, by what a figure's name ends with: unmassive ones, and any."""
    g = torch.Generator().manual_seed(SEED)
    usual = (store.norms <= sae.massive).nonzero().flatten()
    found = {"": usual, "_massive": torch.arange(len(store))}
    return {
        name: store.rows(these[torch.randperm(len(these), generator=g)[:n]]) for name, these in found.items()
    }


def run(folder: Path, name: str, n: int) -> tuple[dict[str, float], Mapping[str, object]]:
    """Figures, and what they came from."""
    study = pipeline.open_study(folder)
    sae, store = study.sae(name), study.activations(name)
    begun = SAE.initialise(
        sae.config, mean=store.stats.mean.float(), scale=sae.scale, massive=sae.massive, balance=sae.balance
    )
    k, rows = sae.config.kind.k or K, samples(store, sae, n)
    figures = {
        f"fallback_{weights}{which}": fallback_share(one, some, k)
        for weights, one in {"trained": sae, "random": begun}.items()
        for which, some in rows.items()
    }
    massive = float(sae.massive_mask(rows["_massive"]).float().mean())
    return figures, {"positions": len(rows[""]), "massive_share": massive, "k": k, "d_sae": sae.d_sae}


def main() -> None:
    """Read the arguments."""
    parser = arguments(__doc__)
    parser.add_argument("--study", type=Path, required=True, help="folder of a study that stores activations")
    parser.add_argument("--sae", default="main", help="name among [saes] of study.toml")
    parser.add_argument("--rows", type=int, default=8192, help="positions of each figure")
    options = parser.parse_args()
    start = time.monotonic()
    figures, details = run(options.study, options.sae, options.rows)
    report("fallback", figures, TARGETS, time.monotonic() - start, as_json=options.json, details=details)


if __name__ == "__main__":
    main()
