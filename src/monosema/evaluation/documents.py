"""One pass over held-out documents: what ground truth is scored from, for all SAEs at one place.

`held_positions` runs the model and gives every position that counts with its features, the neurons of the SAEs' layer
and the activations at their hook point. `document_maxima` keeps of them the largest value of every column in every
document: of features, neurons and residual coordinates (both signs); once over all positions and once without those
where a name of any concept stands in the last 8 tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn

from monosema.corpora import Tokens, document_of, key_of
from monosema.evaluation.concepts import Columns
from monosema.evaluation.tagged import Keys, Tagged, is_in
from monosema.kernels import SparseActs
from monosema.models import LanguageModel, deepest
from monosema.progress import Reporter
from monosema.sae import SAE

CONDITIONS = ("all", "unnamed")
"""All positions; those without a name in the last 8 tokens."""


@dataclass(frozen=True, eq=False)
class Held:
    """Positions of a batch that count: neither excluded nor massive."""

    key: Int64[np.ndarray, " n"]
    """Document and offset (`key_of`)."""
    x: Float[Tensor, "n d_model"]
    """Activations at the SAEs' hook point."""
    neurons: Float[Tensor, "n neurons"]
    """Neurons of its layer."""
    acts: tuple[SparseActs, ...]
    """Features of each SAE."""


@dataclass(frozen=True, eq=False)
class DocumentMaxima:
    """Matrices by kind of column, and what goes with their rows; D documents."""

    documents: Int[Tensor, " D"]
    """Numbers of the documents in their tokens."""
    columns: dict[str, dict[Columns, Float[Tensor, "D _"]]]
    """By condition and kind (neurons, residual, numbers of SAEs): the largest value in the document, 0 where none is
    above."""
    means: dict[str, Float[Tensor, "D d_model"]]
    """By condition: mean activation of the document at the hook point; what a probe reads."""
    tokens: dict[str, list[Int[np.ndarray, " _"]]]
    """By condition: tokens of each document, -1 where a position does not count."""


def held_positions(
    model: LanguageModel,
    saes: Sequence[SAE],
    tokens: Tokens,
    splits: Sequence[str],
    *,
    tokens_per_batch: int,
    reporter: Reporter,
) -> Iterator[Held]:
    """Run the model over all documents of some splits, up to the layer of the SAEs, which are at one place."""
    sae, neurons = saes[0], neurons_of(saes[0])
    with reporter.stage("documents", sum(tokens.count(split) for split in splits)) as progress:
        for split in splits:
            for batch in tokens.batches(split, tokens_per_batch):
                captured = model.capture(batch.ids, [sae.place, neurons], batch.real)
                found = {hook: values.float().cpu() for hook, values in captured.items()}
                usual = batch.keep & ~sae.massive_mask(found[sae.place])
                x = found[sae.place][usual]  # [n, d_model]
                yield Held(
                    key_of(batch.document[usual].numpy(), batch.position[usual].numpy()),
                    x,
                    found[neurons][usual],
                    tuple(one.encode(x).to("cpu") for one in saes),
                )
                progress.update(int(batch.keep.sum()))


def neurons_of(sae: SAE) -> str:
    """Hook point of the neurons in the layer of an SAE."""
    return f"mlp_act.{deepest(sae.place).layer}"


class _Maxima:
    """The largest values and the mean of every document under one condition."""

    def __init__(self, documents: int, widths: Mapping[Columns, int]) -> None:
        self.columns: dict[Columns, Float[Tensor, "D _"]] = {
            kind: torch.zeros(documents, width) for kind, width in widths.items()
        }
        self._sums = torch.zeros(documents, widths["residual"] // 2 + 1)

    def add(self, held: Held, row: Int[Tensor, " n"]) -> None:
        """Raise by the positions whose document's row is not negative."""
        for number, acts in enumerate(held.acts):
            pair = row[acts.rows()]
            place = pair * acts.d_sae + acts.indices
            flat = self.columns[number].view(-1)
            flat.scatter_reduce_(0, place[pair >= 0], acts.values[pair >= 0], "amax")
        taken = row >= 0
        row, x = row[taken], held.x[taken]
        for kind, values in (("neurons", held.neurons[taken]), ("residual", torch.cat([x, -x], dim=1))):
            self.columns[kind].scatter_reduce_(0, row[:, None].expand(values.shape), values, "amax")
        self._sums.index_add_(0, row, nn.functional.pad(x, (0, 1), value=1.0))

    @property
    def means(self) -> Float[Tensor, "D d_model"]:
        """Mean activations."""
        return self._sums[:, :-1] / self._sums[:, -1:].clamp_min(1)


def document_maxima(
    model: LanguageModel,
    saes: Sequence[SAE],
    tokens: Tokens,
    splits: Sequence[str],
    *,
    tagged: Tagged,
    tokens_per_batch: int,
    reporter: Reporter,
    conditions: Sequence[str] = CONDITIONS,
    watch: Callable[[Held], None] | None = None,
) -> DocumentMaxima:
    """Run the model over all documents of some splits; `watch` sees the positions of each batch as well.

    Memory: 4 x conditions x documents x (d_sae of all SAEs + neurons + 3 x d_model) bytes beside one batch.
    """
    numbers = tagged.documents(splits)
    row_of = torch.full((tokens.n_documents,), -1, dtype=torch.int64)
    row_of[torch.from_numpy(numbers)] = torch.arange(len(numbers))
    near = tagged.near(numbers)
    widths: dict[Columns, int] = {
        "neurons": model.width(neurons_of(saes[0])),
        "residual": 2 * saes[0].config.row,
        **{number: sae.d_sae for number, sae in enumerate(saes)},
    }
    maxima = {condition: _Maxima(len(numbers), widths) for condition in conditions}
    for held in held_positions(
        model, saes, tokens, splits, tokens_per_batch=tokens_per_batch, reporter=reporter
    ):
        rows = {"all": row_of[torch.from_numpy(document_of(held.key))]}
        rows["unnamed"] = rows["all"].masked_fill(torch.from_numpy(is_in(held.key, near)), -1)
        for condition, one in maxima.items():
            one.add(held, rows[condition])
        if watch is not None:
            watch(held)
    ids = [(int(number), tokens.ids(int(number))) for number in numbers]
    texts = {"all": [one for _, one in ids], "unnamed": [_blanked(number, one, near) for number, one in ids]}
    return DocumentMaxima(
        torch.from_numpy(numbers),
        {condition: one.columns for condition, one in maxima.items()},
        {condition: one.means for condition, one in maxima.items()},
        {condition: texts[condition] for condition in conditions},
    )


def _blanked(number: int, ids: Int[np.ndarray, " n"], near: Keys) -> Int[np.ndarray, " n"]:
    keys = key_of(np.full(len(ids), number), np.arange(len(ids)))
    return np.where(is_in(keys, near), -1, ids)
