"""One training step of ours, taken when asked, as peer_steps.py does it for peers.

python -m benchmarks.our_steps '{"variant": "topk", "data": ..., "batch": 4096, "gemm": "bf16", ...}'
"""

from __future__ import annotations

import json
import sys

import torch

from benchmarks.peer_steps import Case, Trained, serve
from benchmarks.train_step import LR, Size, our_step
from monosema.sae import L1, TopK


def ours(case: Case, variant: str, gemm: str) -> Trained:
    """Our step, all of it: AuxK is on as by default, and waits for a feature that is dead."""
    size = Size(d_model=case.d_model, d_sae=case.d_sae, k=case.k, batch=len(case.x), everything=False)
    kind = TopK(k=case.k) if variant == "topk" else L1()
    step = our_step(size, case.rows, kind, gemm, torch.tensor(case.bound))
    return Trained(
        step=lambda: step.step(case.x, lr=LR, l1=case.penalty if variant == "l1" else 0.0),
        loss=lambda report: report.loss,
        l0=lambda report: report.l0,
    )


def main() -> None:
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked["threads"])
    serve(lambda: ours(Case.read(asked), asked["variant"], asked["gemm"]), sys.stdout)


if __name__ == "__main__":
    main()
