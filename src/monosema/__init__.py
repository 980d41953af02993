"""Monosema: find, measure, show and steer the features of any language model.

    import monosema as ms

    study = ms.open("my-study")
    model, sae = study.model(), study.sae("main")

What is named here is imported when it is first used, so that `import monosema` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monosema.corpora import CorpusSettings, Document, Tokens
    from monosema.evaluation import Evaluation, evaluate
    from monosema.kernels import SparseActs
    from monosema.models import HookPoint, LanguageModel
    from monosema.pipeline import init, run
    from monosema.pipeline import open_study as open
    from monosema.sae import SAE
    from monosema.training import train

__version__ = "0.1.0"

_HOMES = {
    "CorpusSettings": "corpora",
    "Document": "corpora",
    "Evaluation": "evaluation",
    "HookPoint": "models",
    "LanguageModel": "models",
    "SAE": "sae",
    "SparseActs": "kernels",
    "Tokens": "corpora",
    "evaluate": "evaluation",
    "init": "pipeline",
    "open": "pipeline",
    "run": "pipeline",
    "train": "training",
}

__all__ = [
    "SAE",
    "CorpusSettings",
    "Document",
    "Evaluation",
    "HookPoint",
    "LanguageModel",
    "SparseActs",
    "Tokens",
    "evaluate",
    "init",
    "open",
    "run",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'monosema' has no attribute {name!r}")
    home = import_module(f"monosema.{_HOMES[name]}")
    return getattr(home, "open_study" if name == "open" else name)
