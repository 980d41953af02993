"""Where the rooms meet: the tables of stages and loaders, and what the verbs call."""

from monosema.pipeline.explore import dose, edits_for, find, random_edits
from monosema.pipeline.run import figures, init, open_study, run, states
from monosema.pipeline.stages import STAGES
from monosema.pipeline.talk import Talk, answer
from monosema.pipeline.truth import groundtruth

__all__ = [
    "STAGES",
    "Talk",
    "answer",
    "dose",
    "edits_for",
    "figures",
    "find",
    "groundtruth",
    "init",
    "open_study",
    "random_edits",
    "run",
    "states",
]
