"""A map of features as it is served: of one SAE by its name, of several by their names joined by +."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import Depends, Path
from jaxtyping import Float, Int64

import monosema
from monosema.artifact import Artifact
from monosema.errors import DamagedError, RefusedError
from monosema.files import digest_json
from monosema.index.points import ACROSS, FeatureMap
from monosema.pipeline import OpenStudy
from monosema.server.access import Studies, StudyName
from monosema.server.errors import NotFoundError, NotMadeError, known
from monosema.server.served import ServedSAE
from monosema.server.shelf import Shelf, Standing, asked_of

KIND = "map"
MapName = Annotated[
    str, Path(alias="map", description="Name of an SAE, or names of several of one hook point, joined by +.")
]


@dataclass(frozen=True)
class ServedMap:
    """A map of the present SAEs."""

    study: OpenStudy
    shelf: Shelf
    artifact: Artifact
    points: FeatureMap

    @property
    def name(self) -> str:
        """Its name, the smallest SAE first."""
        return self.artifact.manifest.name

    def sae(self, name: str) -> ServedSAE:
        """One of its SAEs."""
        return ServedSAE(self.study, name, self.shelf)

    @property
    def sizes(self) -> list[int]:
        """Features of each SAE."""
        ends = [*self.points.starts[1:], len(self.points.xy)]
        return [end - start for start, end in zip(self.points.starts, ends, strict=True)]

    @property
    def version(self) -> str:
        """Changes whenever the map or one of the indices of its SAEs is remade, and with each note on one of them."""
        return map_version(self.study, self.shelf, self.artifact)

    def named(self, name: str) -> ServedSAE | None:
        """One of its SAEs where its index is whole; None otherwise."""
        sae = self.sae(name)
        return None if _index(sae) is None else sae

    def density(self) -> Float[np.ndarray, " n"]:
        """Share of positions at which each feature fires; NaN where its SAE has no finished index."""
        parts = []
        for name, size in zip(self.points.saes, self.sizes, strict=True):
            sae = self.named(name)
            parts.append(np.full(size, np.nan) if sae is None else sae.index().table["density"])
        return np.concatenate(parts)

    def by_cluster(self) -> tuple[Int64[np.ndarray, " inside"], Int64[np.ndarray, " ends"]]:
        """Points that are in clusters, by cluster, the most central first; and where each cluster begins and ends."""

        def sorted_points() -> tuple[Int64[np.ndarray, " inside"], Int64[np.ndarray, " ends"]]:
            cluster = self.points.cluster
            order = np.lexsort((-self.points.central, cluster))
            order = order[cluster[order] >= 0]
            return order, np.concatenate([[0], np.cumsum(np.bincount(cluster[order]))])

        return self.shelf.get(f"clusters of {self.name}", self.artifact.hash, sorted_points)

    def across(self) -> pa.Table:
        """A row for each feature and SAE next in size. Raises `NotFoundError` for a map of one SAE."""
        if len(self.points.saes) == 1:
            raise NotFoundError(f"{self.name} is the map of one SAE; there is nothing to compare it with")
        path = self.artifact.path / ACROSS
        try:
            return pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise DamagedError(f"{path} cannot be read ({error}); remake it with --remake") from None


def _index(sae: ServedSAE) -> Artifact | None:
    return sae.made("index") if sae.state("index") == "made" else None


def map_version(study: OpenStudy, shelf: Shelf, artifact: Artifact) -> str:
    """Version of a map, told by manifests and by when something was noted."""
    saes = [ServedSAE(study, name, shelf) for name in artifact.manifest.name.split("+")]
    indices = [None if (one := _index(sae)) is None else one.hash for sae in saes]
    noted = [sae.noted for sae in saes]  # clusters tell names
    return digest_json([monosema.__version__, artifact.hash, *indices, *noted])[:16]


def map_names(study: OpenStudy) -> list[str]:
    """Maps of the study's SAEs that were made, whatever they were made of."""
    saes = asked_of(study).saes
    places = study.place(KIND, "").glob("*/manifest.json")
    return sorted(place.parent.name for place in places if set(place.parent.name.split("+")) <= set(saes))


def _served_map(studies: Studies, study: StudyName, map_: MapName) -> ServedMap:
    opened, shelf = studies.study(study)
    saes = map_.split("+")
    for one in saes:
        known(asked_of(opened).saes, one, "SAE")
    # in whatever order they are given
    name = next((one for one in map_names(opened) if set(one.split("+")) == set(saes)), map_)
    command = " ".join([f"monosema map {opened.path}", *(f"--sae {one}" for one in saes)])
    standing = Standing(opened, shelf)
    found = standing.made(KIND, name)
    if found is None:
        raise NotMadeError(f"map/{name} of {opened.name} was not made yet", advice=f"make it with: {command}")
    if standing.state(KIND, name) == "stale":
        raise RefusedError(
            f"map/{name} is of SAEs that were trained again since; make it again with: {command}"
        )
    points = shelf.get(f"map of {name}", found.hash, lambda: FeatureMap.read(opened.open(KIND, name).path))
    return ServedMap(opened, shelf, found, points)


Mapped = Annotated[ServedMap, Depends(_served_map)]
