"""The feature index: where every feature fires, what it promotes, what is like it, and how it is found."""

from monosema.index.codes import bin_edges
from monosema.index.contexts import Context
from monosema.index.describe import Names, describe, read_names
from monosema.index.find import (
    Activity,
    Among,
    Candidate,
    Rank,
    as_set,
    find_at,
    find_by_tag,
    find_by_texts,
    find_by_token,
    strengths,
)
from monosema.index.find_labelled import Accuracy, Labelled, find_by_labels
from monosema.index.find_statistics import Filter, find_by_statistics, passing
from monosema.index.find_vector import find_by_activation, find_by_direction
from monosema.index.index import Feature, FeatureIndex
from monosema.index.make import make_index
from monosema.index.meaning import Embed, load_embedder, meanings, packaged_embedder, search_meaning
from monosema.index.naming import Name
from monosema.index.near import find_near_tag
from monosema.index.words import Words, read_texts, search_words, write_words

__all__ = [
    "Accuracy",
    "Activity",
    "Among",
    "Candidate",
    "Context",
    "Embed",
    "Feature",
    "FeatureIndex",
    "Filter",
    "Labelled",
    "Name",
    "Names",
    "Rank",
    "Words",
    "as_set",
    "bin_edges",
    "describe",
    "find_at",
    "find_by_activation",
    "find_by_direction",
    "find_by_labels",
    "find_by_statistics",
    "find_by_tag",
    "find_by_texts",
    "find_by_token",
    "find_near_tag",
    "load_embedder",
    "make_index",
    "meanings",
    "packaged_embedder",
    "passing",
    "read_names",
    "read_texts",
    "search_meaning",
    "search_words",
    "strengths",
    "write_words",
]
