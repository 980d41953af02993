"""Largest values of every column in every held-out document: what ground truth is scored from.

One pass over documents: the SAE's features, the neurons of its layer, and the residual coordinates (both signs) at its
hook point; once over all positions and once without those where a name of any concept stands in the last 8 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from monosema.corpora import Tokens
from monosema.models import HookPoint, LanguageModel
from monosema.progress import Reporter
from monosema.sae import SAE

REACH = 8
"""A name stands near at its own tokens and at the next 7: among the last 8, the position itself counted."""
CONDITIONS = ("all", "unnamed")
"""All positions; those without a name in the last 8 tokens."""


@dataclass(frozen=True, eq=False)
class DocumentMaxima:
    """Matrices by kind of column, and what goes with their rows; D documents."""

    documents: Int[Tensor, " D"]
    """Numbers of the documents in their tokens."""
    columns: dict[str, dict[str, Float[Tensor, "D _"]]]
    """By condition and kind (sae, neurons, residual): the largest value in the document, 0 where none is above."""
    means: dict[str, Float[Tensor, "D d_model"]]
    """By condition: mean activation of the document at the SAE's hook point; what a probe reads."""
    tokens: dict[str, list[Int[np.ndarray, " _"]]]
    """By condition: tokens of each document, -1 where a position does not count."""


def near_names(tokens: Tokens, numbers: Sequence[int]) -> dict[int, Bool[np.ndarray, " _"]]:
    """For each document, whether a name stands at a token or in the last 8 before it."""
    marks = {number: np.zeros(len(tokens.ids(number)), dtype=bool) for number in numbers}
    spans = tokens.spans()
    for document, start, end in zip(spans.document, spans.start, spans.end, strict=True):
        if int(document) in marks:
            marks[int(document)][int(start) : int(end) + REACH - 1] = True
    return marks


def document_maxima(
    model: LanguageModel,
    sae: SAE,
    tokens: Tokens,
    splits: Sequence[str],
    *,
    tokens_per_batch: int,
    reporter: Reporter,
) -> DocumentMaxima:
    """Run the model over all documents of some splits.

    Memory: 8 x documents x (d_sae + neurons + 2 x d_model) bytes beside one batch.
    """
    layer = HookPoint.parse(sae.input).layer
    hooks = {"sae": sae.input, "neurons": f"mlp_act.{layer}"}
    numbers = [n for n in range(tokens.n_documents) if tokens.document(n).split in splits]
    row_of = torch.full((tokens.n_documents,), -1, dtype=torch.int64)
    row_of[numbers] = torch.arange(len(numbers))
    near = near_names(tokens, numbers)
    widths = {"sae": sae.d_sae, "neurons": model.width(hooks["neurons"]), "residual": 2 * sae.d_model}
    columns = {
        condition: {kind: torch.zeros(len(numbers), width) for kind, width in widths.items()}
        for condition in CONDITIONS
    }
    sums = {condition: torch.zeros(len(numbers), sae.d_model + 1) for condition in CONDITIONS}
    total = sum(tokens.count(split) for split in splits)
    with reporter.stage("documents", total) as progress:
        for split in splits:
            for batch in tokens.batches(split, tokens_per_batch):
                captured = model.capture(batch.ids, list(hooks.values()), batch.real)
                found = {kind: captured[hook].float().cpu() for kind, hook in hooks.items()}
                usual = batch.keep & ~sae.massive_mask(found["sae"])
                named = _marks(near, batch.document, batch.position)
                for condition, mask in (("all", usual), ("unnamed", usual & ~named)):
                    rows = row_of[batch.document][mask]
                    _add(columns[condition], sae, found, mask, rows)
                    sums[condition].index_add_(
                        0, rows, nn.functional.pad(found["sae"][mask], (0, 1), value=1.0)
                    )
                progress.update(int(batch.keep.sum()))
    ids = {number: tokens.ids(number) for number in numbers}
    return DocumentMaxima(
        torch.tensor(numbers),
        columns,
        {condition: one[:, :-1] / one[:, -1:].clamp_min(1) for condition, one in sums.items()},
        {
            "all": list(ids.values()),
            "unnamed": [np.where(near[number], -1, ids[number]) for number in numbers],
        },
    )


def _marks(
    near: dict[int, Bool[np.ndarray, " _"]], document: Int[Tensor, "b s"], position: Int[Tensor, "b s"]
) -> Bool[Tensor, "b s"]:
    out = torch.zeros(document.shape, dtype=torch.bool)
    for number in document.unique().tolist():
        if number in near:
            here = (document == number) & (position >= 0)
            out[here] = torch.from_numpy(near[number])[position[here]]
    return out


def _add(
    columns: dict[str, Tensor],
    sae: SAE,
    found: dict[str, Tensor],
    mask: Bool[Tensor, "b s"],
    row: Int[Tensor, " n"],
) -> None:
    """Raise each document's maxima by the positions of a mask; `row` is the document's row of each of them."""
    x = found["sae"][mask]  # [n, d_model]
    if not len(row):
        return
    acts = sae.encode(x).to("cpu")
    flat = columns["sae"].view(-1)
    flat.scatter_reduce_(0, row[acts.rows()] * sae.d_sae + acts.indices, acts.values, "amax")
    for kind, values in (("neurons", found["neurons"][mask]), ("residual", torch.cat([x, -x], dim=1))):
        columns[kind].scatter_reduce_(0, row[:, None].expand(values.shape), values, "amax")
