"""Seeds of all randomness, derived from the study's seed, so that no part shares a generator with another.

A derived seed is the first 63 bits of BLAKE2b over `seed/stage/part`; it depends on nothing else.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def derive_seed(seed: int, stage: str, part: int = 0) -> int:
    """Seed, 0 to 2⁶³ - 1, of part number `part` of a stage, from the study's seed."""
    state = hashlib.blake2b(f"{seed}/{stage}/{part}".encode(), digest_size=8)
    return int.from_bytes(state.digest(), "big") >> 1


def torch_generator(seed: int, stage: str, part: int = 0) -> torch.Generator:
    """A CPU generator of torch with the derived seed."""
    return torch.Generator().manual_seed(derive_seed(seed, stage, part))


def numpy_generator(seed: int, stage: str, part: int = 0) -> np.random.Generator:
    """A generator of NumPy with the derived seed."""
    return np.random.default_rng(derive_seed(seed, stage, part))
