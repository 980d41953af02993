"""Sparse autoencoders: the SAE, its kinds, its thresholds and its files."""

from __future__ import annotations

from monosema.sae.config import SAEConfig, SAEParts, ScaleFold
from monosema.sae.formats import FORMATS, config_of, digest_of, recognise
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
    "config_of",
    "digest_of",
    "fit_threshold",
    "recognise",
]
