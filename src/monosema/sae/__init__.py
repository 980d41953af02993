"""Sparse autoencoders: the SAE, its kinds, its thresholds and its files."""

from __future__ import annotations

from monosema.sae.config import SAEConfig, SAEParts, ScaleFold, place_of
from monosema.sae.formats import FORMATS, config_of, digest_of, recognise
from monosema.sae.kinds import (
    KINDS,
    L1,
    BatchTopK,
    Gated,
    JumpReLU,
    Kind,
    MatryoshkaBatchTopK,
    MatryoshkaTopK,
    TanhJumpReLU,
    TopK,
    Weights,
)
from monosema.sae.sae import SAE
from monosema.sae.start import start_from, towards_data
from monosema.sae.threshold import fit_threshold, thresholds_of

__all__ = [
    "FORMATS",
    "KINDS",
    "L1",
    "SAE",
    "BatchTopK",
    "Gated",
    "JumpReLU",
    "Kind",
    "MatryoshkaBatchTopK",
    "MatryoshkaTopK",
    "SAEConfig",
    "SAEParts",
    "ScaleFold",
    "TanhJumpReLU",
    "TopK",
    "Weights",
    "config_of",
    "digest_of",
    "fit_threshold",
    "place_of",
    "recognise",
    "start_from",
    "thresholds_of",
    "towards_data",
]
