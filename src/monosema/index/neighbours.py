"""Features whose decoder directions are alike: exact cosines, tile by tile (C16).

1. Tiles of rows x columns are multiplied in fp32; each row keeps its best candidates of all tiles so far.
2. |fp32 cosine - cosine| <= e for unit rows, so whatever belongs to the true n nearest has an fp32 cosine of at least
   t - 2e, t the n-th best. Where the last candidate kept lies below that, the candidates hold all of them.
3. Candidates are ranked by cosines in float64, each pair by itself, of equals the lower number first. So the answer is
   that of the slow float64 way, and the same bits for every size of tile and number of threads.
4. A row with more near-ties than candidates (copies of one direction) takes all columns that reach t - 2e instead.

All pairs cost 2 n m d_model FLOP: the square of d_sae in time, never in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from monosema.errors import UsageError
from monosema.index.codes import NONE

SHOWN = 10
SPARE = 8
"""Candidates kept beyond those asked for, so that near-ties seldom need step 4."""
_AWAY = -3.0  # below every cosine: itself, and directions of norm 0
_GROUP = 16  # columns whose maximum is looked at before they are
_RANKED, _NAMES = 64, 64  # rows, and candidates of each, that are ranked at a time
_LOOSE = 4e-7  # error of a cosine by one product over norms in fp32, for each dimension: see `cosines_with`


class Tile(NamedTuple):
    """How many rows and columns are multiplied at a time."""

    rows: int = 4096
    columns: int = 4096


TILE = Tile()


def neighbours(
    W_dec: Float[Tensor, "d_sae d_model"],
    shown: int = SHOWN,
    *,
    rows: range | None = None,
    tile: Tile = TILE,
) -> tuple[Int[Tensor, "rows shown"], Float[Tensor, "rows shown"]]:
    """The features nearest to each by cosine of their decoder rows, nearest first, itself left out; the cosines.

    `rows`: features that are asked for; None: all. A row of norm 0 has no neighbours and is none: -1 with cosine 0
    stands where there are fewer than `shown`. Memory: see `nearest`.
    """
    asked = range(len(W_dec)) if rows is None else rows
    return _nearest(W_dec, W_dec, asked, min(shown, len(W_dec) - 1), tile, itself=False)


def nearest(
    W_a: Float[Tensor, "a d_model"], W_b: Float[Tensor, "b width"], n: int = SHOWN, *, tile: Tile = TILE
) -> tuple[Int[Tensor, "a n"], Float[Tensor, "a n"]]:
    """The rows of `W_b` nearest to each row of `W_a` by cosine, nearest first, and the cosines; at most b of them.

    Both may be memory-mapped: they are read tile by tile. Memory beside the answer: 4.3 x rows x columns bytes of a
    tile, 20 x d_model bytes for each of its rows and columns, 200 x (n + 8) bytes for each of its rows, and
    64 x 64 x d_model x 20 bytes for ranking; with d_model 512 about 220 MB, whatever the number of features.
    Raises `UsageError` where their widths differ.
    """
    _check_widths(W_a.shape[1], W_b.shape[1])
    return _nearest(W_a, W_b, range(len(W_a)), min(n, len(W_b)), tile, itself=True)


def cosines_with(direction: Float[Tensor, " d_model"], W: Float[Tensor, "n width"]) -> Float[Tensor, " n"]:
    """Cosines of one direction with every row, by one matrix-vector product in fp32; NaN where one has no direction.

    They lie within 4e-7 x (d_model + 3) of the true ones. Raises `UsageError` where the widths differ.
    """
    _check_widths(len(direction), W.shape[1])
    rows, one = W.float(), direction.float()
    norms = torch.linalg.vector_norm(rows, dim=1) * torch.linalg.vector_norm(one)
    return torch.where(norms > 0, (rows @ one / norms).clamp(-1.0, 1.0), torch.nan)


def nearest_to(
    direction: Float[Tensor, " d_model"], W: Float[Tensor, "n width"], n: int = SHOWN
) -> list[tuple[int, float]]:
    """The rows nearest to one direction and their cosines, nearest first: the answer of `nearest`, without its tiles.

    Cost: one matrix-vector product. Memory: 4 x n bytes, and 16 x d_model bytes for each candidate.
    """
    found = cosines_with(direction, W)
    alive = (~found.isnan()).nonzero().flatten()
    if not len(alive):
        return []
    kept = found[alive].topk(min(n, len(alive))).values
    # what belongs to the true n nearest cannot lie farther below the n-th of these than twice the error
    names = alive[found[alive] >= kept[-1] - 2 * _LOOSE * (W.shape[1] + 3)].numpy()
    best, cosines = _ranked(direction[None], W, names[None], n)
    return list(zip(best[0].tolist(), cosines[0].tolist(), strict=True))


def unit_rows(W: Float[Tensor, "n d_model"]) -> tuple[Float[Tensor, "n d_model"], Bool[Tensor, " n"]]:
    """Rows with norm 1 in fp32, rounded once, and which of them have a direction at all."""
    wide = W.double()
    norms = torch.linalg.vector_norm(wide, dim=1)
    alive = norms > 0
    return (wide / torch.where(alive, norms, 1.0)[:, None]).float(), alive


def _check_widths(a: int, b: int) -> None:
    if a != b:
        raise UsageError(f"directions of width {a} and {b} have no cosine; take SAEs of one hook point")


def _nearest(
    W_a: Tensor, W_b: Tensor, asked: range, n: int, tile: Tile, *, itself: bool
) -> tuple[Int[Tensor, "asked n"], Float[Tensor, "asked n"]]:
    found = np.full((len(asked), max(n, 0)), NONE, dtype=np.int64)
    cosines = np.zeros(found.shape, dtype=np.float32)
    error = _error(W_a.shape[1])
    first = asked.start
    for rows in torch.arange(first, asked.stop if n > 0 else first).split(tile.rows):
        scores, columns = _candidates(W_a, W_b, rows, n + SPARE, tile, itself)
        columns[scores <= _AWAY] = NONE
        for some, names in zip(rows.split(_RANKED), columns.split(_RANKED), strict=True):
            found[some - first], cosines[some - first] = _ranked(W_a[some], W_b, names.numpy(), n)
        if scores.shape[1] == len(W_b):
            continue  # nothing was left out
        bound = scores[:, n - 1] - 2 * error  # [rows]
        cut = (scores[:, -1] >= bound) & (scores[:, n - 1] > _AWAY)
        for some, least in zip(rows[cut].split(_RANKED), bound[cut].split(_RANKED), strict=True):
            for row, names in zip(some, _reaching(W_a, W_b, some, least, tile, itself), strict=True):
                best, values = _ranked(W_a[row][None], W_b, names[None], n)
                found[row - first], cosines[row - first] = best[0], values[0]
    return torch.from_numpy(found), torch.from_numpy(cosines)


def _error(d_model: int) -> float:
    """Bound of |fp32 cosine - cosine|: both unit rows rounded once, and a sum of d_model products in any order."""
    return 1.01 * (d_model + 3) * 2.0**-24 + 1e-30


def _candidates(
    W_a: Tensor, W_b: Tensor, rows: Int64[Tensor, " rows"], keep: int, tile: Tile, itself: bool
) -> tuple[Float[Tensor, "rows keep"], Int64[Tensor, "rows keep"]]:
    """The best fp32 cosines of some rows over all columns, falling, and their columns."""
    best, names = torch.empty(len(rows), 0), torch.empty(len(rows), 0, dtype=torch.int64)
    for begin, scores in _tiles(W_a, W_b, rows, tile, itself):
        values, places = _best(scores, min(keep, scores.shape[1]))
        both = torch.cat([best, values], dim=1)
        best, order = both.topk(min(keep, both.shape[1]), dim=1)
        names = torch.cat([names, places + begin], dim=1).gather(1, order)
    return best, names


def _best(
    scores: Float[Tensor, "rows columns"], keep: int
) -> tuple[Float[Tensor, "rows keep"], Int64[Tensor, "rows keep"]]:
    """The largest scores of each row and their columns; of equals any.

    They lie in the groups with the largest maxima. (`kernels.top_k` also settles ties, which step 3 does here, and
    takes twice as long.)
    """
    groups = scores.shape[1] // _GROUP
    if groups <= keep:
        return scores.topk(keep, dim=1)
    whole = groups * _GROUP
    members = scores[:, :whole].unflatten(1, (_GROUP, groups))  # column c is in group c mod groups
    chosen = members.amax(1).topk(keep, dim=1, sorted=False).indices  # [rows, keep]
    inside = members.gather(2, chosen[:, None].expand(-1, _GROUP, -1)).flatten(1)
    best, place = torch.cat([inside, scores[:, whole:]], dim=1).topk(keep, dim=1)
    member, group = place // keep, chosen.gather(1, place % keep)
    tail = place - inside.shape[1]
    return best, torch.where(tail < 0, member * groups + group, whole + tail)


def _tiles(
    W_a: Tensor, W_b: Tensor, rows: Int64[Tensor, " rows"], tile: Tile, itself: bool
) -> Iterator[tuple[int, Float[Tensor, "rows columns"]]]:
    """First column and fp32 cosines of each tile in turn; what is no neighbour has a cosine of -3."""
    a, alive = unit_rows(W_a[rows])
    buffer = a.new_empty(len(a) * min(tile.columns, len(W_b)))
    for begin in range(0, len(W_b), tile.columns):
        b, usable = unit_rows(W_b[begin : begin + tile.columns])
        scores = torch.mm(a, b.T, out=buffer[: len(a) * len(b)].view(len(a), len(b)))
        if not bool(usable.all()):
            scores.masked_fill_(~usable, _AWAY)
        scores[~alive] = _AWAY
        if not itself:
            here = (rows >= begin) & (rows < begin + len(b))
            scores[here, rows[here] - begin] = _AWAY
        yield begin, scores


def _reaching(
    W_a: Tensor,
    W_b: Tensor,
    rows: Int64[Tensor, " rows"],
    least: Float[Tensor, " rows"],
    tile: Tile,
    itself: bool,
) -> list[Int64[np.ndarray, " _"]]:
    """For each row all columns whose fp32 cosine with it is at least its `least`."""
    parts: list[list[Tensor]] = [[] for _ in rows]
    for begin, scores in _tiles(W_a, W_b, rows, tile, itself):
        for mine, hits in zip(parts, scores >= least[:, None], strict=True):
            mine.append(hits.nonzero().flatten() + begin)
    return [torch.cat(mine).numpy() for mine in parts]


def _ranked(
    a: Tensor, W_b: Tensor, names: Int64[np.ndarray, "rows m"], n: int
) -> tuple[Int64[np.ndarray, "rows n"], Float[np.ndarray, "rows n"]]:
    """The n best of the named columns by float64 cosine, of equals the lower number; -1 names nothing."""
    names = np.sort(names, axis=1)
    exact = pair_cosines(a, W_b, np.maximum(names, 0))
    exact[names == NONE] = -np.inf
    order = np.argsort(-exact, axis=1, kind="stable")[:, :n]
    best = np.take_along_axis(names, order, axis=1)
    values = np.take_along_axis(exact, order, axis=1)
    return best, np.where(best == NONE, 0.0, values).astype(np.float32)


def pair_cosines(
    a: Float[Tensor, "rows d_model"], W_b: Float[Tensor, "b d_model"], names: Int64[np.ndarray, "rows m"]
) -> Float[np.ndarray, "rows m"]:
    """Cosines in float64 of each row with the rows of `W_b` that are named for it; 0 where one has no direction.

    Each is a sum over one row of memory by numpy, whose order depends on nothing but d_model.
    """
    left = a.double().numpy()[:, None, :]  # [rows, 1, d_model]
    left_norms = np.sqrt((left * left).sum(-1))
    found = np.empty(names.shape)
    for begin in range(0, names.shape[1], _NAMES):
        some = slice(begin, begin + _NAMES)
        right = W_b[torch.from_numpy(names[:, some])].double().numpy()  # [rows, names, d_model]
        norms = left_norms * np.sqrt((right * right).sum(-1))
        right *= left
        found[:, some] = right.sum(-1) / np.where(norms > 0, norms, 1.0)
    return found
