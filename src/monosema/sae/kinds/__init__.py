"""The kinds of SAE; a new kind is one file and one row here, and its objective in training."""

from __future__ import annotations

from typing import Final

from monosema.sae.kinds.gated import Gated
from monosema.sae.kinds.jumprelu import JumpReLU, TanhJumpReLU
from monosema.sae.kinds.kind import Kind, Weights, block_norms
from monosema.sae.kinds.l1 import L1
from monosema.sae.kinds.matryoshka import MatryoshkaBatchTopK, MatryoshkaTopK
from monosema.sae.kinds.topk import BatchTopK, TopK

KINDS: Final[dict[str, type[Kind]]] = {
    "topk": TopK,
    "batchtopk": BatchTopK,
    "matryoshka": MatryoshkaBatchTopK,
    "matryoshka_topk": MatryoshkaTopK,
    "l1": L1,
    "jumprelu": JumpReLU,
    "tanh": TanhJumpReLU,
    "gated": Gated,
}

__all__ = [
    "KINDS",
    "L1",
    "BatchTopK",
    "Gated",
    "JumpReLU",
    "Kind",
    "MatryoshkaBatchTopK",
    "MatryoshkaTopK",
    "TanhJumpReLU",
    "TopK",
    "Weights",
    "block_norms",
]
