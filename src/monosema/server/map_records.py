"""Records of maps of features."""

from __future__ import annotations

from typing import Literal

from monosema.server.feature_records import FeatureName
from monosema.server.record import Record
from monosema.server.records import State


class MapSummary(Record):
    """A map in the list."""

    name: str
    """Names of its SAEs, smallest first, joined by +."""
    saes: list[str]
    state: State
    version: str
    """As in its record: changes whenever the map or an index behind its densities is remade."""


class MapList(Record):
    """The maps that were made."""

    maps: list[MapSummary]


class MappedSAE(Record):
    """An SAE of a map."""

    name: str
    start: int
    """Its first point; its features follow by their numbers."""
    features: int
    """How many there are."""


class MapFigures(Record):
    """What a map is worth, beside chance."""

    kept: float
    """Share of each feature's 10 nearest that are among its 10 nearest on the map."""
    kept_wide: float
    """Share of them that are among its 30 nearest on the map."""
    random: float
    """What `kept` would be on a map of random places."""
    random_wide: float
    """What `kept_wide` would be there."""
    chance: float
    """Cosine that 1 feature in 100 reaches with the best of as many random directions; clusters are made above it."""
    clusters: int
    largest_cluster: int
    """Features of the largest."""
    clustered_share: float
    """Share of all features that are in a cluster."""


class MapRecord(Record):
    """Every feature as a point: those of the first SAE by number, then those of the next. Columns are equally long."""

    name: str
    version: str
    """Changes whenever the map or an index behind its densities is remade."""
    saes: list[MappedSAE]
    figures: MapFigures
    x: list[float | None]
    """Null, like y, for a feature without a direction."""
    y: list[float | None]
    cluster: list[int | None]
    """Number of its cluster, 0 the largest; null where it has none."""
    density: list[float | None]
    """Share of positions at which it fires; null where its SAE has no finished index."""


class CentralFeature(Record):
    """A feature of a cluster."""

    point: int
    """Its place among the points of the map."""
    sae: str
    number: int
    name: FeatureName | None
    """Null where its SAE has no finished index."""
    central: float
    """Cosine with the mean direction of the cluster."""


class Cluster(Record):
    """Features whose directions are alike."""

    number: int
    features: int
    """How many it has."""
    x: float
    """Mean of their places."""
    y: float
    central: list[CentralFeature]
    """The most central first."""


class Clusters(Record):
    """Clusters of a map, the largest first."""

    clusters: list[Cluster]
    total: int
    """How many the map has."""
    version: str
    """Version of the map."""


FeatureClass = Literal["matched", "split", "near", "new", "orphaned", "dead"]


class ClassCount(Record):
    """How many features are of a class."""

    name: FeatureClass
    count: int


class AcrossPair(Record):
    """Two SAEs next to each other in size."""

    small: str
    large: str
    threshold: float
    """Cosine from which features are near."""
    chance: float
    """Cosine that 1 feature in 100 of the smaller one reaches with the best of as many random directions."""
    small_classes: list[ClassCount]
    large_classes: list[ClassCount]


class Compared(Record):
    """The features of one SAE beside another one's: consecutive rows."""

    sae: str
    other: str
    start: int
    """Row of feature 0; the others follow by their numbers."""
    features: int


class AcrossRecord(Record):
    """What each feature is to the SAE next in size. Columns are equally long."""

    name: str
    version: str
    """Version of the map."""
    pairs: list[AcrossPair]
    compared: list[Compared]
    """Which rows are of which SAEs."""
    kinds: list[FeatureClass]
    """What `kind` counts. matched: it and its nearest are nearest to each other, and near; split: it or its parent has
    several children; near: near, but another one is nearer to it; new, orphaned: near nothing; dead: no direction."""
    nearest: list[int | None]
    """Number of the other SAE's feature with the nearest direction; null where it has no direction."""
    cosine: list[float]
    """With that one."""
    kind: list[int]
    """Place in `kinds`."""
