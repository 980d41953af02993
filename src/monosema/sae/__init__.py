"""Sparse autoencoders: the SAE, its kinds, its thresholds and its files."""

from __future__ import annotations

from monosema.sae.config import SAEConfig, SAEParts, ScaleFold
from monosema.sae.formats import FORMATS
from monosema.sae.kinds import KINDS, L1, Kind, TopK
from monosema.sae.sae import SAE
from monosema.sae.threshold import fit_threshold

__all__ = [
    "FORMATS",
    "KINDS",
    "L1",
    "SAE",
    "Kind",
    "SAEConfig",
    "SAEParts",
    "ScaleFold",
    "TopK",
    "fit_threshold",
]
