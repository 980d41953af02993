"""Where the rooms meet: the tables of stages and loaders, and what the verbs call."""

from monosema.index import Activity, Filter, Rank, as_set, read_names
from monosema.pipeline.contrast import contrast
from monosema.pipeline.dosing import concept_of, dose, names_it
from monosema.pipeline.explore import find, find_labelled, random_edits
from monosema.pipeline.forecast import Forecast
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.mapping import feature_map, neighbours_across
from monosema.pipeline.notes import Note, names_of, note, notes_of
from monosema.pipeline.planning import plan
from monosema.pipeline.relating import relations
from monosema.pipeline.run import figures, init, open_study, run, set_start, states
from monosema.pipeline.stages import STAGES
from monosema.pipeline.steering import edits_for
from monosema.pipeline.talk import Talk, answer
from monosema.pipeline.truth import groundtruth, groundtruth_each

__all__ = [
    "STAGES",
    "Activity",
    "Filter",
    "Forecast",
    "Note",
    "OpenStudy",
    "Rank",
    "Talk",
    "answer",
    "as_set",
    "concept_of",
    "contrast",
    "dose",
    "edits_for",
    "feature_map",
    "figures",
    "find",
    "find_labelled",
    "groundtruth",
    "groundtruth_each",
    "init",
    "names_it",
    "names_of",
    "neighbours_across",
    "note",
    "notes_of",
    "open_study",
    "plan",
    "random_edits",
    "read_names",
    "relations",
    "run",
    "set_start",
    "states",
]
