"""Token level: does a column tell the positions inside the spans of a concept? (metrics.md, "Concept score")

Positive is a position inside a span of the concept; column and threshold are chosen on the positions of one half of
the documents and scored on those of the other. Excluded and massive positions do not count.

1. The first documents, up to 200,000 tokens, are looked at (they stand in random order).
2. All their features are kept, so that for each SAE and for the rules of tokens every figure is exact.
3. Neurons and activations are dense. They are kept for at most 256 MB of positions: those inside any span and the
   others are drawn apart, evenly and by the seed, and each drawn position counts for as many as it was drawn from, so
   that precision and F1 are unbiased. Where everything fits, everything is drawn.
4. The probe is least squares with a ridge on standardised activations: one factorisation serves all concepts. It
   knows nothing of them, so it also serves the two folds on which the probe's threshold is chosen (`probe.py`).

Spans of names come from matching names, so that a rule of tokens is near 1 where a name has one form of one or two
tokens: nothing of this counts as shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from monosema.activations import numpy_generator
from monosema.corpora import Tokens, document_of, key_of, position_of
from monosema.evaluation.concepts import Columns, ConceptScore, score
from monosema.evaluation.documents import Held
from monosema.evaluation.probe import cross_fitted
from monosema.evaluation.ranks import Match, Ranked, RankedPairs
from monosema.evaluation.tagged import Keys, Tagged, enough, is_in
from monosema.kernels import SparseActs

POSITIONS = 200_000
"""Tokens of the documents that are looked at."""
DENSE_BYTES = 256 << 20
"""Memory for the dense rows that are drawn."""
RIDGE = 0.01
"""Of the variance of a standardised coordinate."""

Scores = dict[Columns, tuple[Match, ConceptScore]]
"""By kind of column: what was chosen and what it is worth."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Positions in the order of documents; N of them, of which S were drawn."""

    key: Int64[np.ndarray, " N"]
    acts: tuple[SparseActs, ...]
    """Features of each SAE."""
    drawn: Int[Tensor, " S"]
    """Which positions have dense rows."""
    x: Float[Tensor, "S d_model"]
    neurons: Float[Tensor, "S neurons"]
    inside: Mapping[str, Keys]
    """Tokens inside spans, by concept."""


class Sampler:
    """Draws positions while the model runs: give its `add` as `watch` to `document_maxima`.

    Memory: 12 bytes a pair of a position and a feature that fires there, of all SAEs, and `DENSE_BYTES`.
    """

    def __init__(
        self, tokens: Tokens, tagged: Tagged, documents: Int64[np.ndarray, " D"], *, row_bytes: int, seed: int
    ) -> None:
        """`row_bytes`: of a position's neurons and activations."""
        lengths = np.array([len(tokens.ids(int(number))) for number in documents], dtype=np.int64)
        count = int(np.searchsorted(np.cumsum(lengths), POSITIONS)) + 1  # to the document that reaches it
        self._chosen, self._inside = documents[:count], tagged.inside(documents[:count])
        self._any = np.unique(np.concatenate([np.zeros(0, np.int64), *self._inside.values()]))
        inside, total = len(self._any), int(lengths[:count].sum())
        room = max(2, DENSE_BYTES // row_bytes)
        taken = min(inside, max(room // 2, room - (total - inside)))
        shares = (room - taken) / max(total - inside, 1), taken / max(inside, 1)
        drawn = []
        for number, length in zip(self._chosen.tolist(), lengths[:count].tolist(), strict=True):
            keys = key_of(np.full(length, number), np.arange(length))
            chance = numpy_generator(seed, "inside", number).random(length)
            drawn.append(keys[chance < np.where(is_in(keys, self._any), shares[1], shares[0])])
        self._drawn = np.concatenate(drawn)  # sorted, as documents are
        self._parts: list[tuple[Keys, tuple[SparseActs, ...]]] = []
        self._dense: list[tuple[Keys, Tensor, Tensor]] = []

    def add(self, held: Held) -> None:
        """Take the positions of the chosen documents."""
        rows = torch.from_numpy(np.flatnonzero(np.isin(document_of(held.key), self._chosen)))
        self._parts.append((held.key[rows.numpy()], tuple(acts.select(rows) for acts in held.acts)))
        drawn = is_in(held.key, self._drawn)
        self._dense.append((held.key[drawn], held.x[drawn], held.neurons[drawn]))

    def sample(self) -> Sample:
        """What was taken."""
        key = np.concatenate([key for key, _ in self._parts])
        order = np.argsort(key)
        each = zip(*(acts for _, acts in self._parts), strict=True)
        acts = tuple(SparseActs.cat(list(parts)).select(torch.from_numpy(order)) for parts in each)
        drawn = np.concatenate([key for key, _, _ in self._dense])
        by_key = torch.from_numpy(np.argsort(drawn))
        return Sample(
            key=key[order],
            acts=acts,
            drawn=torch.from_numpy(np.searchsorted(key[order], drawn[by_key.numpy()])),
            x=torch.cat([x for _, x, _ in self._dense])[by_key],
            neurons=torch.cat([neurons for _, _, neurons in self._dense])[by_key],
            inside=self._inside,
        )


class Inside:
    """Scores concepts on a sample of positions.

    Memory beside the sample: 40 bytes a pair, and 2.5 x as much as the drawn dense rows.
    """

    def __init__(
        self, sample: Sample, tokens: Tokens, half: Bool[np.ndarray, " documents"], seed: int
    ) -> None:
        """`half`: of all documents, which are matched on."""
        self._sample, self._tokens, self._seed = sample, tokens, seed
        document = document_of(sample.key)
        self._document = document
        self._half = torch.from_numpy(half[document])
        self._drawn_half = self._half[sample.drawn]
        self._weight = self._weights()
        self._unit = torch.from_numpy(np.unique(document, return_inverse=True)[1])

    def concepts(self) -> Iterator[tuple[str, Scores]]:
        """Every concept with enough positions, with what each kind of column is worth."""
        for name, keys in sorted(self._sample.inside.items()):
            positive = is_in(self._sample.key, keys)
            drawn = np.flatnonzero(positive[self._sample.drawn.numpy()])
            where = self._sample.drawn.numpy()[drawn]
            if enough(self._document[where], self._half.numpy()[where]):
                yield name, self._scores(torch.from_numpy(positive))

    def _scores(self, positive: Bool[Tensor, " N"]) -> Scores:
        half, found = self._half, dict[Columns, tuple[Match, ConceptScore]]()
        rest = {"document": self._unit[~half]}
        for kind, (ranked, others) in self._sparse.items():
            match = ranked.match(positive[half])
            column = torch.zeros(int((~half).sum()))
            rows, values = others.column(match.column)
            column[rows] = values
            found[kind] = match, score(column, positive[~half], match.threshold, seed=self._seed, **rest)
        drawn, half = positive[self._sample.drawn], self._drawn_half
        rest = {"document": self._unit[self._sample.drawn][~half], "weight": self._weight[~half]}
        for kind, (ranked_, others_) in self._dense.items():
            match = ranked_.match(drawn[half])
            column = others_[:, match.column]
            found[kind] = match, score(column, drawn[~half], match.threshold, seed=self._seed, **rest)
        unit = self._unit[self._sample.drawn][half]
        told = cross_fitted(lambda rows: self._probe(_spread(half, rows) & drawn)[half], drawn[half], unit)
        match = Ranked(told[:, None], self._weight[half], above=-torch.inf).match(drawn[half])
        column = self._probe(drawn & half)[~half]
        found["probe"] = match, score(column, drawn[~half], match.threshold, seed=self._seed, **rest)
        return found

    def _weights(self) -> Float[Tensor, " S"]:
        """How many positions each drawn one stands for: of its half, and inside spans or not."""
        sample = self._sample
        inside = np.unique(np.concatenate([np.zeros(0, np.int64), *sample.inside.values()]))
        stratum = 2 * self._half.long() + torch.from_numpy(is_in(sample.key, inside)).long()
        of_drawn = stratum[sample.drawn]
        every, drawn = (torch.bincount(one, minlength=4).double() for one in (stratum, of_drawn))
        return (every / drawn)[of_drawn]

    @cached_property
    def _sparse(self) -> dict[Columns, tuple[RankedPairs, SparseActs]]:
        """Features and rules of tokens: ranked on one half, and the other half."""
        first, second = self._half.nonzero()[:, 0], (~self._half).nonzero()[:, 0]
        every: dict[Columns, SparseActs] = dict(enumerate(self._sample.acts))
        every["token"] = token_rules(self._sample.key, self._tokens)
        return {kind: (RankedPairs(acts.select(first)), acts.select(second)) for kind, acts in every.items()}

    @cached_property
    def _dense(self) -> dict[str, tuple[Ranked, Float[Tensor, "S2 columns"]]]:
        x, half = self._sample.x, self._drawn_half
        every = {"neuron": self._sample.neurons, "residual": torch.cat([x, -x], dim=1)}
        weight = self._weight[half]
        return {
            kind: (Ranked(one[half], weight, above=-torch.inf), one[~half]) for kind, one in every.items()
        }

    @cached_property
    def _factored(self) -> tuple[Float[Tensor, "S d_model"], Float[Tensor, "d_model d_model"]]:
        """Standardised activations, and the Cholesky factor of their second moments with the ridge."""
        first, weight = self._sample.x[self._drawn_half], self._weight[self._drawn_half]
        share = (weight / weight.sum()).float()[:, None]
        mean = (share * first).sum(0)
        scale = (share * (first - mean).square()).sum(0).sqrt().clamp_min(1e-6)
        x = (self._sample.x - mean) / scale
        first = x[self._drawn_half]
        moments = (share * first).T @ first + RIDGE * torch.eye(x.shape[1])
        return x, torch.linalg.cholesky(moments)

    def _probe(self, positive: Bool[Tensor, " S"]) -> Float[Tensor, " S"]:
        """What the least squares probe of these rows says of every drawn row."""
        x, factor = self._factored
        return x @ torch.cholesky_solve(x[positive].mean(0)[:, None], factor)[:, 0]


def _spread(half: Bool[Tensor, " S"], rows: Bool[Tensor, " n"]) -> Bool[Tensor, " S"]:
    """Rows of one half, among all."""
    return torch.zeros_like(half).masked_scatter(half, rows)


def token_rules(key: Int64[np.ndarray, " N"], tokens: Tokens) -> SparseActs:
    """Rules that hold at positions (value 1): this token stands here; here is a half of this pair of tokens.

    Pairs may take in the next token, which no feature can see: the rule is the stronger for it.
    """
    documents, offsets = document_of(key), position_of(key)
    rows, names = [], []
    bounds = np.flatnonzero(np.diff(documents, prepend=-1, append=-1))
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        ids, at = tokens.ids(int(documents[begin])), offsets[begin:end]
        pairs = ids[:-1] * tokens.vocabulary + ids[1:] + tokens.vocabulary
        padded = np.concatenate([[-1], pairs, [-1]])  # pair before token i, pair after it
        rows.append(np.tile(np.arange(begin, end), 3))
        names.append(np.concatenate([ids[at], padded[at], padded[at + 1]]))
    row, name = np.concatenate(rows), np.concatenate(names)
    both = np.unique(np.stack([row, name], axis=1)[name >= 0], axis=0)  # [m, 2]; a pair may stand twice
    known, column = np.unique(both[:, 1], return_inverse=True)
    counts = np.bincount(both[:, 0], minlength=len(key))
    return SparseActs(
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(counts)])),
        indices=torch.from_numpy(column.astype(np.int64)),
        values=torch.ones(len(column)),
        d_sae=max(len(known), 1),
    )
