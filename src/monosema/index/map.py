"""Features on a plane: UMAP of their exact cosine neighbours, with what the plane keeps of them (C16, C30).

Settings as in the 2023 map: 15 neighbours (each point among its own), cosine, min_dist 0.05. The layout starts from the
two directions along which decoder rows spread most, in place of the graph's eigenvectors: as good (the share of
neighbours kept is the same to 0.1% on a real decoder), and without an eigenproblem of the size of d_sae. One thread;
the same bits for the same seed, versions and kind of machine.

Memory: about 3 kB a point and 16 x d_model² bytes.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from importlib import metadata

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial import cKDTree
from threadpoolctl import threadpool_limits
from torch import Tensor

from monosema.errors import UsageError
from monosema.index.codes import NONE
from monosema.index.neighbours import unit_rows

NEIGHBOURS = 14
"""Nearest directions of each point; UMAP counts the point itself as a fifteenth."""
KEPT, WIDE = 10, 30
"""Of each point's 10 nearest directions, those among its 10, and its 30, nearest on the map count as kept."""
FEWEST = 5
_SPREAD, _MIN_DIST = 1.0, 0.05
_BLOCK = 8192


@dataclass(frozen=True, kw_only=True)
class MapQuality:
    """What a map keeps of the neighbours, beside points strewn at random."""

    kept: float
    """Share of each point's 10 nearest directions that are among its 10 nearest on the map."""
    kept_wide: float
    """Share of them that are among its 30 nearest on the map."""
    random: float
    """`kept` that a random placement gives."""
    random_wide: float
    """`kept_wide` that a random placement gives."""

    def to_dict(self) -> dict[str, float]:
        """All figures, by name."""
        return asdict(self)


def versions() -> dict[str, str]:
    """Versions of the libraries on which the bytes of a map depend."""
    return {name: metadata.version(name) for name in ("umap-learn", "numba", "numpy", "scipy")}


def layout(
    W: Float[Tensor, "n d_model"],
    names: Int64[np.ndarray, "n k"],
    cosines: Float[np.ndarray, "n k"],
    *,
    seed: int,
) -> Float[np.ndarray, "n 2"]:
    """Coordinates of each point; NaN for a direction of norm 0.

    `names` and `cosines` are those of `neighbours(W, NEIGHBOURS)`. Raises `UsageError` for fewer than 5 directions.
    """
    alive = np.flatnonzero(names[:, 0] != NONE) if names.shape[1] else np.empty(0, dtype=np.int64)
    if len(alive) < FEWEST:
        raise UsageError(f"a map of {len(alive)} directions says nothing; it takes {FEWEST} or more")
    number = np.full(len(W), NONE, dtype=np.int64)
    number[alive] = np.arange(len(alive))
    width = min(NEIGHBOURS, len(alive) - 1)
    near = np.concatenate([alive[:, None], names[alive, :width]], axis=1)  # [alive, 1 + width]
    far = np.concatenate([np.zeros((len(alive), 1)), 1 - cosines[alive, :width]], axis=1)
    found = np.full((len(W), 2), np.nan, dtype=np.float32)
    with threadpool_limits(1):
        found[alive] = _umap(number[near], np.maximum(far, 0.0), plane(W)[alive], seed)
    return found


def _umap(
    names: Int64[np.ndarray, "n k"],
    distances: Float[np.ndarray, "n k"],
    start: Float[np.ndarray, "n 2"],
    seed: int,
) -> Float[np.ndarray, "n 2"]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import that TensorFlow is absent
        import umap  # here, because it takes seconds and brings numba

        fit = umap.UMAP(
            n_neighbors=names.shape[1],
            min_dist=_MIN_DIST,
            spread=_SPREAD,
            init=start,
            random_state=seed % 2**32,
            n_jobs=1,
            precomputed_knn=(names.astype(np.int32), distances.astype(np.float32)),
        )
        # the points themselves are not looked at where neighbours and a start are given
        found: Float[np.ndarray, "n 2"] = fit.fit_transform(start)
    return found.astype(np.float32)


def plane(W: Float[Tensor, "n d_model"]) -> Float[np.ndarray, "n 2"]:
    """Unit rows along the two directions in which they spread most; the larger part of each direction is positive."""
    width = W.shape[1]
    mean, square = np.zeros(width), np.zeros((width, width))
    for part in W.split(_BLOCK):
        rows = unit_rows(part)[0].double().numpy()
        mean, square = mean + rows.sum(0), square + rows.T @ rows
    mean /= len(W)
    axes = np.linalg.eigh(square / len(W) - np.outer(mean, mean))[1][:, :-3:-1]  # [d_model, 2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    parts = [(unit_rows(part)[0].double().numpy() - mean) @ axes for part in W.split(_BLOCK)]
    return np.concatenate(parts).astype(np.float32)


def quality(names: Int64[np.ndarray, "n k"], xy: Float[np.ndarray, "n 2"]) -> MapQuality:
    """What coordinates keep of each point's 10 nearest neighbours; points without coordinates do not count."""
    placed = np.flatnonzero(~np.isnan(xy[:, 0]))
    shown = min(WIDE, len(placed) - 1)
    _, near = cKDTree(xy[placed]).query(xy[placed], k=shown + 1)
    kept = wide = known = 0
    for begin in range(0, len(placed), _BLOCK):
        rows = placed[begin : begin + _BLOCK]
        on_map = placed[near[begin : begin + _BLOCK]]  # [rows, 1 + shown]
        itself_last = np.argsort(on_map == rows[:, None], axis=1, kind="stable")[:, :shown]
        on_map = np.take_along_axis(on_map, itself_last, axis=1)
        true = names[rows, :KEPT]
        hits = on_map[:, :, None] == true[:, None, :]  # [rows, shown, KEPT]
        kept, wide = kept + int(hits[:, :KEPT].sum()), wide + int(hits.sum())
        known += int((true != NONE).sum())
    others = len(placed) - 1
    return MapQuality(
        kept=kept / known,
        kept_wide=wide / known,
        random=min(KEPT, others) / others,
        random_wide=min(WIDE, others) / others,
    )
