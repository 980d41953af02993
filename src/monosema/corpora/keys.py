"""One number for each token of each document, ordered as documents and positions in them are."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Int64

_SHIFT = 32


def key_of(document: Int[np.ndarray, " n"], position: Int[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The keys of positions."""
    return (document.astype(np.int64) << _SHIFT) + position


def document_of(keys: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The documents that keys stand for."""
    return keys >> _SHIFT


def position_of(keys: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The positions in their documents that keys stand for."""
    return keys & ((1 << _SHIFT) - 1)
