"""The feature index: where every feature fires, what it promotes, what is like it, and how it is found."""

from monosema.index.contexts import Context
from monosema.index.find import Candidate, as_set, find_by_tag, find_by_texts, find_by_token, strengths
from monosema.index.index import Feature, FeatureIndex
from monosema.index.make import make_index
from monosema.index.near import find_near_tag
from monosema.index.statistics import bin_edges

__all__ = [
    "Candidate",
    "Context",
    "Feature",
    "FeatureIndex",
    "as_set",
    "bin_edges",
    "find_by_tag",
    "find_by_texts",
    "find_by_token",
    "find_near_tag",
    "make_index",
    "strengths",
]
