"""Selection and sparse products: tensors in, tensors out."""

from __future__ import annotations

from monosema.kernels.certificate import CertifiedEncoder, has_bf16_units
from monosema.kernels.encoders import Encoder, ExactEncoder, Selected, scores_above
from monosema.kernels.gradients import RowGradients
from monosema.kernels.products import ByFeature, energy, residual_and_slopes, row_dots
from monosema.kernels.sparse import SparseActs
from monosema.kernels.topk import top_k

__all__ = [
    "ByFeature",
    "CertifiedEncoder",
    "Encoder",
    "ExactEncoder",
    "RowGradients",
    "Selected",
    "SparseActs",
    "energy",
    "has_bf16_units",
    "residual_and_slopes",
    "row_dots",
    "scores_above",
    "top_k",
]
