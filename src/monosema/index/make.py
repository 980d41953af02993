"""Make an index inside a folder: collect postings, reduce them, add what the weights alone tell."""

from __future__ import annotations

from pathlib import Path

from monosema.activations import RowSource
from monosema.artifact import write_json
from monosema.corpora import Tokens
from monosema.errors import UsageError
from monosema.index.collect import collect
from monosema.index.index import RECORD, SEGMENTS, VERSION
from monosema.index.neighbours import neighbours
from monosema.index.promoted import promoted
from monosema.index.statistics import statistics
from monosema.index.table import write_features, write_tags
from monosema.index.tags import tag_statistics
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent
from monosema.sae import SAE


def make_index(
    folder: Path,
    model: LanguageModel,
    sae: SAE,
    tokens: Tokens,
    source: RowSource,
    *,
    seed: int,
    reporter: Reporter | None = None,
) -> dict[str, float]:
    """Write an index of `sae` over the rows of `source`; go on where an earlier try stopped. Returns its figures.

    Raises `UsageError` for an SAE of another model or where the source has no row.
    """
    sae.check_model(model.name, model.hash)
    reporter = reporter or Silent()
    segments = collect(folder / SEGMENTS, sae, source, reporter)
    positions = sum(segment.record.positions for segment in segments)
    if not positions:
        raise UsageError("there is no position to index; give more text")
    found = statistics(segments, sae.d_sae, seed=seed)
    write_features(folder, found, promoted(model, sae, reporter), neighbours(sae.W_dec), positions)
    write_tags(folder, tag_statistics(segments, tokens.spans(), sae.d_sae))
    postings = sum(segment.record.postings for segment in segments)
    record = {
        "version": VERSION,
        "d_sae": sae.d_sae,
        "positions": positions,
        "postings": postings,
        "tokens_hash": tokens.hash,
        "model_hash": model.hash,
        "hook": sae.input,
        "seed": seed,
    }
    write_json(folder / RECORD, record)
    return {
        "positions": float(positions),
        "postings": float(postings),
        "alive_share": float((found.count > 0).mean()),
    }
