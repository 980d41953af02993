"""Features whose decoder directions are alike."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

SHOWN = 10
_ROWS = 1024


def neighbours(
    W_dec: Float[Tensor, "d_sae d_model"],
    shown: int = SHOWN,
) -> tuple[Int[Tensor, "d_sae shown"], Float[Tensor, "d_sae shown"]]:
    """The features nearest to each by cosine of their decoder rows, nearest first, itself left out; the cosines.

    Memory: 1,024 x d_sae x 4 bytes.
    """
    rows = normalize(W_dec.float(), dim=1)
    shown = min(shown, len(rows) - 1)
    found = []
    for begin in range(0, len(rows), _ROWS):
        cosines = rows[begin : begin + _ROWS] @ rows.T
        cosines[torch.arange(len(cosines)), torch.arange(len(cosines)) + begin] = -2.0
        found.append(cosines.topk(shown, dim=1))
    return torch.cat([part.indices for part in found]), torch.cat([part.values for part in found])
