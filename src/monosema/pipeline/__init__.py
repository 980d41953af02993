"""Where the rooms meet: the table of stages, and what the verbs call."""

from monosema.pipeline.run import figures, init, open_study, run, states
from monosema.pipeline.stages import STAGES

__all__ = ["STAGES", "figures", "init", "open_study", "run", "states"]
