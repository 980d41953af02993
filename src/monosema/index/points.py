"""A map of features as a record: points of one SAE or of several at one hook point, on disk and in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int64

from monosema.errors import DamagedError
from monosema.files import read_json, write_json
from monosema.index.across import Across
from monosema.index.codes import NONE
from monosema.index.table import as_column, write_columns

POINTS, ACROSS, FIGURES = "points.parquet", "across.parquet", "map.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureMap:
    """Every feature as a point: those of the first SAE by number, then those of the next. n points."""

    saes: tuple[str, ...]
    """Names of the SAEs, smallest first."""
    starts: tuple[int, ...]
    """First point of each SAE."""
    xy: Float[np.ndarray, "n 2"]
    """Coordinates; NaN for a feature without a direction."""
    cluster: Int64[np.ndarray, " n"]
    """Number of its cluster, 0 the largest; -1 where it has none."""
    central: Float[np.ndarray, " n"]
    """Cosine with the mean direction of its cluster; 0 where it has none."""
    neighbours: Int64[np.ndarray, "n k"]
    """The points with the nearest directions, nearest first; -1 where there are fewer."""
    cosines: Float[np.ndarray, "n k"]
    """Their cosines."""
    figures: Mapping[str, Any]
    """What the map keeps, what chance reaches, how many are in clusters."""

    def feature(self, point: int) -> tuple[str, int]:
        """SAE and number of a point."""
        owner = int(np.searchsorted(self.starts, point, side="right")) - 1
        return self.saes[owner], point - self.starts[owner]

    def members(self, cluster: int) -> list[int]:
        """Points of a cluster, the most central first."""
        points = np.flatnonzero(self.cluster == cluster)
        order: list[int] = points[np.argsort(-self.central[points], kind="stable")].tolist()
        return order

    def write(self, folder: Path, pairs: tuple[Across, ...]) -> None:
        """Write the points, the figures and, for several SAEs, how each compares with the next one."""
        sizes = np.diff([*self.starts, len(self.xy)])
        columns = {
            "sae": _names(np.repeat(np.array(self.saes), sizes)),
            "feature": pa.array(np.concatenate([np.arange(size) for size in sizes]).astype(np.int32)),
            "x": pa.array(self.xy[:, 0]),
            "y": pa.array(self.xy[:, 1]),
            "cluster": pa.array(self.cluster.astype(np.int32)),
            "central": pa.array(self.central),
            "neighbours": as_column(self.neighbours.astype(np.int32)),
            "cosines": as_column(self.cosines),
        }
        write_columns(folder / POINTS, columns)
        if pairs:
            write_columns(folder / ACROSS, _across(self.saes, pairs))
        write_json(folder / FIGURES, {"saes": self.saes, "starts": self.starts, **self.figures})

    @classmethod
    def read(cls, folder: Path) -> FeatureMap:
        """Read what was written; raise `DamagedError` that names the file."""
        figures = read_json(folder / FIGURES)
        try:
            table = pq.read_table(folder / POINTS)
            n = len(table)
            lists = {
                name: table[name].combine_chunks().flatten().to_numpy().reshape(n, -1)
                for name in ("neighbours", "cosines")
            }
            return cls(
                saes=tuple(figures.pop("saes")),
                starts=tuple(figures.pop("starts")),
                xy=np.stack([table["x"].to_numpy(), table["y"].to_numpy()], axis=1),
                cluster=table["cluster"].to_numpy().astype(np.int64),
                central=table["central"].to_numpy(),
                neighbours=lists["neighbours"].astype(np.int64),
                cosines=lists["cosines"],
                figures=figures,
            )
        except (pa.ArrowException, OSError, KeyError) as error:
            raise DamagedError(f"{folder} holds no map ({error}); remake it with --remake") from None


def _across(saes: tuple[str, ...], pairs: tuple[Across, ...]) -> dict[str, pa.Array]:
    """A row for every feature and SAE next in size: nearest feature there, cosine, class."""
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("sae", "feature", "other", "nearest", "cosine", "class")
    }
    for small, large, pair in zip(saes, saes[1:], pairs, strict=False):
        for mine, other, near, cosines, classes in (
            (large, small, pair.parents, pair.parent_cosines, pair.large),
            (small, large, pair.partners, pair.partner_cosines, pair.small),
        ):
            parts["sae"].append(np.full(len(near), mine))
            parts["feature"].append(np.arange(len(near), dtype=np.int32))
            parts["other"].append(np.full(len(near), other))
            parts["nearest"].append(near.astype(np.int32))
            parts["cosine"].append(cosines)
            parts["class"].append(classes)
    joined = {name: np.concatenate(part) for name, part in parts.items()}
    return {name: _names(one) if one.dtype.kind == "U" else pa.array(one) for name, one in joined.items()}


def _names(names: np.ndarray) -> pa.Array:
    return pa.array(names).dictionary_encode()


def cluster_figures(cluster: Int64[np.ndarray, " n"]) -> dict[str, Any]:
    """How many clusters there are, how large the largest is, and the share of features inside any."""
    sizes = np.bincount(cluster[cluster != NONE])
    return {
        "clusters": len(sizes),
        "largest_cluster": int(sizes.max(initial=0)),
        "clustered_share": float((cluster != NONE).mean()),
    }
