"""Activations: harvested from a model, measured, kept on disk or shuffled on the fly, streamed to training."""

from __future__ import annotations

from monosema.activations.buffer import SwapBuffer
from monosema.activations.contrast import Contrast, mean_difference
from monosema.activations.harvest import Rows, harvest, measure
from monosema.activations.massive import ActivationStats, row_norms
from monosema.activations.plan import HarvestPlan, plan_harvest
from monosema.activations.seeds import derive_seed, numpy_generator, torch_generator
from monosema.activations.shards import LOSSY, Lossy, store_bytes
from monosema.activations.source import JoinedRows, LiveRows, RowSource, StoreRows
from monosema.activations.store import ActivationStore, reopen_store
from monosema.activations.stream import BUFFER_ROWS, ActivationStream, LiveStream, StoreStream
from monosema.activations.urls import check_url, is_shared
from monosema.activations.writer import harvest_to_disk

__all__ = [
    "BUFFER_ROWS",
    "LOSSY",
    "ActivationStats",
    "ActivationStore",
    "ActivationStream",
    "Contrast",
    "HarvestPlan",
    "JoinedRows",
    "LiveRows",
    "LiveStream",
    "Lossy",
    "RowSource",
    "Rows",
    "StoreRows",
    "StoreStream",
    "SwapBuffer",
    "check_url",
    "derive_seed",
    "harvest",
    "harvest_to_disk",
    "is_shared",
    "mean_difference",
    "measure",
    "numpy_generator",
    "plan_harvest",
    "reopen_store",
    "row_norms",
    "store_bytes",
    "torch_generator",
]
