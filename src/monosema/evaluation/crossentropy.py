"""Cross-entropy with something else in place of x: the lower layers run once, the upper ones once a run.

1. Activations are captured at the hook point; touched positions are the kept ones that are not massive.
2. For each run (the mean, zeros; of each SAE x̂ and its baselines) they are replaced there, and only there, and the
   model goes on from the hook point.
3. The loss of each counted prediction is summed over units of documents.

Rows are run so few at once that their logits take at most 256 MB (at least one row); losses are computed in
float32 for at most 16 MB of logits at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monosema.corpora import Batch
from monosema.evaluation.baselines import Reconstruct
from monosema.evaluation.bootstrap import MAX_UNITS, Units
from monosema.evaluation.positions import Captured
from monosema.models import LanguageModel
from monosema.sae import SAE

LOGIT_BYTES = 256 << 20
_CHUNK_BYTES = 16 << 20  # below what glibc maps anew each time


def counted_predictions(batch: Batch) -> Bool[Tensor, "b s"]:
    """Positions whose prediction counts: they and the next are real, of the same row and the same document."""
    counted = torch.zeros_like(batch.real)
    counted[:, :-1] = batch.real[:, :-1] & batch.real[:, 1:]
    counted[:, :-1] &= batch.document[:, :-1] == batch.document[:, 1:]
    return counted


SHARED = -1
"""Stands for all SAEs, where their numbers stand."""
Run = tuple[int, str]
"""A run: whose it is, and what stands in place of x."""


class CrossEntropySums:
    """Losses by run, summed over the units of documents."""

    def __init__(
        self, model: LanguageModel, sae: SAE, runs: Mapping[Run, Reconstruct], *, kl_of: str
    ) -> None:
        """`runs` make of rows what stands where SAEs write that are at the place of `sae`.

        KL(plain || run), and the loss where massive positions are replaced, too, are summed for runs called `kl_of`.
        """
        self._model, self._sae, self._runs, self._kl_of = model, sae, runs, kl_of
        self._rows = 1  # until the size of the logits is known
        self.units = Units()
        self._sums: dict[Run, Float[Tensor, " units"]] = defaultdict(
            lambda: torch.zeros(MAX_UNITS, dtype=torch.float64)
        )
        self.positions = 0

    @property
    def predictions(self) -> int:
        """Predictions counted."""
        return int(self._sums[SHARED, "n"].sum())

    def table(self, number: int) -> dict[str, Float[Tensor, " units"]]:
        """Sums by run of an SAE, and what all share, of the units that have predictions; `n` counts those."""
        some = self._sums[SHARED, "n"] > 0
        return {name: sums[some] for (whose, name), sums in self._sums.items() if whose in (SHARED, number)}

    def add(self, found: Captured) -> None:
        """Run a batch in all ways."""
        self.positions += int(found.batch.keep.sum())
        for part in self._parts(found):
            self._add(part)

    def _parts(self, found: Captured) -> Iterator[Captured]:
        start = 0
        while start < len(found.x):
            rows = slice(start, start + self._rows)
            start += self._rows
            names = ("ids", "real", "keep", "document", "position")
            batch = replace(found.batch, **{name: getattr(found.batch, name)[rows] for name in names})
            yield Captured(batch, found.x[rows], usual=found.usual[rows], massive=found.massive[rows])

    def _add(self, found: Captured) -> None:
        batch = found.batch
        counted = counted_predictions(batch)
        if not counted.any():
            return
        device = found.x.device
        targets = batch.ids.roll(-1, 1)[counted].to(device)  # [p]
        unit = self.units.of(batch.document[counted])
        places = counted.flatten().nonzero().flatten().to(device)  # [p]

        def put(run: Run, values: Float[Tensor, " p"]) -> None:
            self._sums[run].index_add_(0, unit, values.cpu().double())

        told = self._sae.target(found.x)  # [b, s, d_model]
        plain = self._logits(found, told)
        self._rows = max(1, LOGIT_BYTES // (plain[0].numel() * plain.element_size()))
        put((SHARED, "n"), torch.ones(len(unit)))
        put((SHARED, "plain"), losses(plain, places, targets))
        x = found.x[found.usual.to(device)].float()  # [n, row]
        massive = found.massive.any()
        for (whose, name), reconstruct in self._runs.items():
            edited = told.clone()
            edited[found.usual.to(device)] = reconstruct(x).to(device, edited.dtype)
            logits = self._logits(found, edited)
            loss = losses(logits, places, targets)
            put((whose, name), loss)
            if name == self._kl_of:
                put((whose, "kl"), divergences(plain, logits, places))
                if massive:
                    at = found.massive.to(device)
                    edited[at] = reconstruct(found.x[at].float()).to(device, edited.dtype)
                    loss = losses(self._logits(found, edited), places, targets)
                put((whose, "with_massive"), loss)

    def _logits(self, found: Captured, x: Float[Tensor, "b s d_model"]) -> Float[Tensor, "b s vocabulary"]:
        return self._model.resume(self._sae.output, x, found.batch.ids, found.batch.real)


def _chunks(logits: Float[Tensor, "b s v"], places: Int[Tensor, " p"]) -> tuple[Tensor, tuple[Tensor, ...]]:
    rows = max(1, _CHUNK_BYTES // (4 * logits.shape[-1]))
    return logits.reshape(-1, logits.shape[-1]), places.split(rows)


def losses(
    logits: Float[Tensor, "b s v"], places: Int[Tensor, " p"], targets: Int[Tensor, " p"]
) -> Float[Tensor, " p"]:
    """Next-token loss, nats, of the predictions at `places` of the flattened rows; float32 at least."""
    flat, chunks = _chunks(logits, places)
    found, start = [], 0
    for part in chunks:
        rows = _precise(flat[part])  # [chunk, v]
        target = targets[start : start + len(part), None]
        found.append(torch.logsumexp(rows, 1) - rows.gather(1, target)[:, 0])
        start += len(part)
    return torch.cat(found)


def divergences(
    plain: Float[Tensor, "b s v"], other: Float[Tensor, "b s v"], places: Int[Tensor, " p"]
) -> Float[Tensor, " p"]:
    """KL(plain || other), nats, of the predictions at `places`."""
    flat, chunks = _chunks(plain, places)
    flat_other, _ = _chunks(other, places)
    found = []
    for part in chunks:
        p, q = _precise(flat[part]), _precise(flat_other[part])  # [chunk, v], copies of our own
        # KL = Σ p·(l_p - l_q) - logsumexp(l_p) + logsumexp(l_q), for logits l: one exponential of the whole
        above, total = p - q, torch.logsumexp(p, 1)
        mean = torch.linalg.vecdot(p.sub_(total[:, None]).exp_(), above)
        found.append(mean - total + torch.logsumexp(q, 1))
    return torch.cat(found)


def _precise(logits: Float[Tensor, "p v"]) -> Float[Tensor, "p v"]:
    return logits if logits.dtype == torch.float64 else logits.float()
