"""How postings are packed: activations as logarithms of 16 bits, ascending rows as bytes. NumPy only, exact inverses.

A code is floor(2048 log2 a), so that equal ratios are equal steps: what is read back lies within 1.7e-4 of a, and the
half octaves of the histogram are whole numbers of codes. Activations outside 2^-16 to 2^16 are kept as these ends.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64, UInt8, UInt16

PER_OCTAVE = 2048
ONE = 1 << 15
"""Code of a = 1."""
CODES = 1 << 16
NONE = -1
"""Stands in lists of rows, tokens and features where there is no further one."""
PRECISION = 2.0 ** (0.5 / PER_OCTAVE) - 1
"""Most that an activation read back differs, as a share of it."""
BINS = 32
"""Bins of the histogram: half powers of two, from 2^-8 to 2^8; the first and last take what lies outside."""
ROWS = 1 << 16
"""Most rows of a segment: a row is two bytes."""

_VALUES = (2.0 ** ((np.arange(CODES) - ONE + 0.5) / PER_OCTAVE)).astype(np.float32)
_ESCAPE = 255


def codes_of(values: Float[np.ndarray, " n"]) -> UInt16[np.ndarray, " n"]:
    """Codes of activations above 0."""
    steps = np.floor(np.log2(values.astype(np.float64)) * PER_OCTAVE).astype(np.int64)
    return np.clip(steps + ONE, 0, CODES - 1).astype(np.uint16)


def values_of(codes: UInt16[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """The activation that each code stands for: the middle of its step."""
    return _VALUES[codes]


def bins_of(codes: UInt16[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Bin of the histogram of each code."""
    halves = (codes.astype(np.int64) - ONE) // (PER_OCTAVE // 2)
    return np.clip(halves + BINS // 2, 0, BINS - 1)


def bin_edges() -> Float[np.ndarray, " edges"]:
    """Lower edge of each bin, and the upper edge of the last."""
    return 2.0 ** ((np.arange(BINS + 1) - BINS // 2) / 2)


def pack_rows(
    rows: Int[np.ndarray, " n"], counts: Int[np.ndarray, " m"]
) -> tuple[UInt8[np.ndarray, " bytes"], Int64[np.ndarray, " ends"]]:
    """Bytes of m ascending lists of rows, end to end, and where each begins.

    A list is what is shorter of: each row as two bytes, low one first; or each gap to the row before as one byte,
    255 for every 255 skipped before it. Lists of 2 bytes a row are the first kind, all others the second.
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    before = np.concatenate([[-1], rows[:-1]])
    before[first[counts > 0]] = -1
    gaps = rows - before - 1
    skips = gaps // _ESCAPE
    short = counts + np.bincount(owner, weights=skips, minlength=len(counts)).astype(np.int64)
    wide = 2 * counts <= short
    starts = np.concatenate([[0], np.cumsum(np.where(wide, 2 * counts, short))]).astype(np.int64)
    packed = np.full(starts[-1], _ESCAPE, dtype=np.uint8)
    is_wide = wide[owner]
    at = starts[owner[is_wide]] + 2 * steps(counts)[is_wide]
    packed[at], packed[at + 1] = rows[is_wide] & 255, rows[is_wide] >> 8
    ends = np.cumsum(skips + 1)  # of each gap, counted over all lists
    base = np.concatenate([[0], ends])[first]
    at = (starts[owner] + ends - base[owner])[~is_wide] - 1
    packed[at] = gaps[~is_wide] % _ESCAPE
    return packed, starts


def unpack_rows(
    packed: UInt8[np.ndarray, " bytes"], counts: Int[np.ndarray, " m"], sizes: Int[np.ndarray, " m"]
) -> Int64[np.ndarray, " n"]:
    """The rows of m lists of `counts` rows and `sizes` bytes each; the inverse of `pack_rows`."""
    wide = sizes == 2 * counts
    of_byte, of_row = np.repeat(wide, sizes), np.repeat(wide, counts)
    rows = np.empty(len(of_row), dtype=np.int64)
    rows[of_row] = np.ascontiguousarray(packed[of_byte]).view("<u2")
    rows[~of_row] = _from_gaps(packed[~of_byte], counts[~wide])
    return rows


def unpack_list(packed: UInt8[np.ndarray, " bytes"], count: int) -> Int64[np.ndarray, " n"]:
    """The rows of one list: as `unpack_rows`, without what many lists need."""
    if len(packed) == 2 * count:
        return np.ascontiguousarray(packed).view("<u2").astype(np.int64)
    return np.cumsum(packed, dtype=np.int64)[packed != _ESCAPE] + np.arange(count)


def steps(times: Int[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    """0, 1, ... up to each count in turn: the place of each of some things in its group."""
    ends = np.cumsum(times)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - times, times)


def _from_gaps(packed: UInt8[np.ndarray, " bytes"], counts: Int[np.ndarray, " m"]) -> Int64[np.ndarray, " n"]:
    ends: Bool[np.ndarray, " bytes"] = packed != _ESCAPE
    skipped = np.cumsum(packed, dtype=np.int64)[ends]  # rows left out so far, over all lists
    first = np.cumsum(counts) - counts
    base = np.concatenate([[0], skipped])[first]
    return skipped - np.repeat(base, counts) + steps(counts)
