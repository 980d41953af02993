"""Where the rooms meet: the tables of stages and loaders, and what the verbs call."""

from monosema.index import as_set
from monosema.pipeline.contrast import contrast
from monosema.pipeline.explore import concept_of, dose, edits_for, find, names_it, random_edits
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.run import figures, init, open_study, run, states
from monosema.pipeline.stages import STAGES
from monosema.pipeline.talk import Talk, answer
from monosema.pipeline.truth import groundtruth

__all__ = [
    "STAGES",
    "OpenStudy",
    "Talk",
    "answer",
    "as_set",
    "concept_of",
    "contrast",
    "dose",
    "edits_for",
    "figures",
    "find",
    "groundtruth",
    "init",
    "names_it",
    "open_study",
    "random_edits",
    "run",
    "states",
]
