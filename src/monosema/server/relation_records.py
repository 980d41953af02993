"""Records of what goes together with a feature."""

from __future__ import annotations

from monosema.server.feature_records import FeatureName
from monosema.server.record import Record
from monosema.server.records import Interval


class Coactive(Record):
    """A feature that fires at the same positions."""

    number: int
    name: FeatureName | None
    phi: float
    """Correlation of "it fires" between the two, over all positions."""
    together: int
    """Positions at which both fire."""


class Neuron(Record):
    """A neuron that is like a feature."""

    layer: int
    number: int
    r: float
    """Correlation of its activation with the feature's."""


class Coordinate(Record):
    """A coordinate of the residual stream that is like a feature."""

    number: int
    r: float
    """Correlation with the feature's activation."""


class RelationFigures(Record):
    """How like neurons and coordinates all features of the subset are."""

    features: int
    """Features that were measured: a random subset of those that fire."""
    positions: int
    """Positions that neurons were correlated over."""
    low: float
    """|r| up to which a feature and a neuron are called unlike each other."""
    low_neuron_share: Interval
    """Share of features whose best neuron is unlike them."""
    low_coordinate_share: Interval
    """Share of features whose best coordinate is unlike them."""
    neuron_r: float
    """Median of |r| with the best neuron."""
    neuron_r_by_chance: float
    """The same with activations at random positions."""
    coordinate_r: float
    """Median of |r| with the best coordinate."""
    coordinate_r_by_chance: float
    """The same with activations at random positions."""


class Relations(Record):
    """What fires together with a feature, and what is like it in the model."""

    number: int
    coactive: list[Coactive]
    """By phi, largest first; features that fire together fewer than 5 times are left out."""
    neurons: list[Neuron]
    """Of all layers before it, by |r|, largest first."""
    coordinates: list[Coordinate]
    """By |r|, largest first."""
    figures: RelationFigures
