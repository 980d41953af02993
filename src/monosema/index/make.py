"""Make an index inside a folder: collect postings, reduce them, add what the weights alone tell."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from monosema.activations import RowSource
from monosema.corpora import Documents
from monosema.errors import UsageError
from monosema.files import write_json
from monosema.index.collect import collect
from monosema.index.describe import describe
from monosema.index.index import RECORD, SEGMENTS, VERSION, FeatureIndex
from monosema.index.reduce import blocks, flat_columns, reduce_block, totals
from monosema.index.segment import Segment
from monosema.index.table import features_file, tags_file
from monosema.index.tags import TaggedRows
from monosema.index.weights import weight_columns
from monosema.models import LanguageModel
from monosema.pool import Crew
from monosema.progress import Reporter, Silent
from monosema.sae import SAE

WEIGHTS = "weights"
"""Folder of what the weights alone tell, until the table holds it."""


def make_index(
    folder: Path,
    model: LanguageModel,
    sae: SAE,
    tokens: Documents,
    source: RowSource,
    *,
    seed: int,
    reporter: Reporter | None = None,
    crew: Crew[tuple[SAE, RowSource]] | None = None,
) -> dict[str, float]:
    """Write an index of `sae` over the rows of `source`; go on where an earlier try stopped. Returns its figures.

    `crew`: workers that open the same SAE and source for themselves, to share out the collecting.
    Raises `UsageError` for an SAE of another model or where the source has no row.
    """
    sae.check_model(model.name, model.hash)
    reporter = reporter or Silent()
    begun = {
        "version": VERSION,
        "d_sae": sae.d_sae,
        "tokens_hash": tokens.hash,
        "model_hash": model.hash,
        "hook": sae.input,
        "seed": seed,
    }
    write_json(folder / RECORD, begun)
    segments = collect(folder / SEGMENTS, sae, source, reporter, crew)
    positions = sum(segment.record.positions for segment in segments)
    if not positions:
        raise UsageError("there is no position to index; give more text")
    found = totals(segments, sae.d_sae)
    tagged = TaggedRows(segments, tokens.spans())
    of_weights = weight_columns(folder / WEIGHTS, model, sae.to("cpu"), reporter)
    with (
        features_file(folder) as features,
        tags_file(folder, tagged.names, tagged.rows) as add_pairs,
        reporter.stage("features", sae.d_sae, "features") as progress,
    ):
        for begin, end in blocks(found.count):
            columns, pairs = reduce_block(segments, begin, end, seed=seed, tagged=tagged)
            flat = flat_columns(found, slice(begin, end), positions)
            features.add(flat | columns | of_weights.of(begin, end))
            add_pairs(pairs)
            progress.update(end - begin)
    postings = sum(segment.record.postings for segment in segments)
    write_json(folder / RECORD, begun | {"positions": positions, "postings": postings})
    describe(folder, FeatureIndex(folder, tokens, model.tokenizer.decode))
    shutil.rmtree(folder / WEIGHTS)
    return {
        "positions": float(positions),
        "postings": float(postings),
        "alive_share": float((found.count > 0).mean()),
    } | bytes_per_posting(segments)


def bytes_per_posting(segments: Sequence[Segment]) -> dict[str, float]:
    """Bytes a posting takes in each direction."""
    sizes = [segment.bytes_by_direction for segment in segments]
    postings = max(sum(segment.record.postings for segment in segments), 1)
    return {
        "bytes_by_feature": sum(size[0] for size in sizes) / postings,
        "bytes_by_row": sum(size[1] for size in sizes) / postings,
    }
