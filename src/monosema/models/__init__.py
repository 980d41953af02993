"""Language models: hook points, capture, edits, generation."""

from monosema.models.dtype import DtypeChoice, measure_dtype
from monosema.models.generating import BROKEN, Generated, NewToken
from monosema.models.hooks import BESIDE, HookPoint, canonical_name, deepest, points_of
from monosema.models.loading import Facts, describe_model, load_tokenizer
from monosema.models.model import LanguageModel
from monosema.models.patches import EditFn
from monosema.models.settings import ModelSettings

__all__ = [
    "BESIDE",
    "BROKEN",
    "DtypeChoice",
    "EditFn",
    "Facts",
    "Generated",
    "HookPoint",
    "LanguageModel",
    "ModelSettings",
    "NewToken",
    "canonical_name",
    "deepest",
    "describe_model",
    "load_tokenizer",
    "measure_dtype",
    "points_of",
]
