"""The kinds of SAE, one file each; a new kind is one file and one row here."""

from __future__ import annotations

from typing import Final

from monosema.sae.kinds.kind import Kind, Weights
from monosema.sae.kinds.l1 import L1
from monosema.sae.kinds.topk import TopK

KINDS: Final[dict[str, type[Kind]]] = {"topk": TopK, "l1": L1}

__all__ = ["KINDS", "L1", "Kind", "TopK", "Weights"]
