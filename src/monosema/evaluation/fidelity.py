"""How well x̂ stands for x, and how features are used: sums over units of documents, in float64."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monosema.activations import row_norms
from monosema.errors import ActivationError
from monosema.evaluation.baselines import Baselines
from monosema.evaluation.bootstrap import GROUPS, MAX_UNITS, Units
from monosema.evaluation.positions import Captured
from monosema.kernels import SparseActs
from monosema.sae import SAE

_COLUMNS = (
    "n",
    "square",
    "error",
    "l0",
    "shrinkage",
    "error_untrained",
    "l0_untrained",
    "square_mean",
    "massive",
)


class PositionSums:
    """Sums over the positions of each unit: numbers by name, and the vectors x - centre."""

    def __init__(self, d_model: int) -> None:
        self._sums = {name: torch.zeros(MAX_UNITS, dtype=torch.float64) for name in _COLUMNS}
        self._vectors = torch.zeros(MAX_UNITS, d_model, dtype=torch.float64)

    def add(self, unit: Int[Tensor, " n"], centred: Float[Tensor, "n d_model"], **values: Tensor) -> None:
        """Add positions, with a value for each of some of the columns."""
        values |= {"n": torch.ones(len(unit)), "square": _squares(centred)}
        for name, value in values.items():
            self._sums[name].index_add_(0, unit, value.double())
        self._vectors.index_add_(0, unit, centred.double())

    def plus(self, other: PositionSums) -> PositionSums:
        """Sums over the positions of both."""
        both = PositionSums(self._vectors.shape[1])
        both._sums = {name: value + other._sums[name] for name, value in self._sums.items()}
        both._vectors = self._vectors + other._vectors
        return both

    @property
    def positions(self) -> int:
        """Positions in all units."""
        return int(self._sums["n"].sum())

    @property
    def used(self) -> Bool[Tensor, " units"]:
        """Units that have positions."""
        return self._sums["n"] > 0

    def offset(self) -> Float[Tensor, " d_model"]:
        """Mean of x - centre."""
        return self._vectors.sum(0) / self._sums["n"].sum()

    def table(self) -> dict[str, Float[Tensor, " units"]]:
        """Sums of the units that have positions, with `deviation`: ‖x - x̄‖² about the mean over all units."""
        m = self.offset()
        n = self._sums["n"]
        deviation = self._sums["square"] - 2 * self._vectors @ m + n * m.square().sum()
        sums = self._sums | {"deviation": deviation.clamp(min=0)}
        return {name: value[self.used] for name, value in sums.items()}


def _squares(x: Float[Tensor, "n d_model"]) -> Float[Tensor, " n"]:
    return torch.linalg.vector_norm(x, dim=1, dtype=torch.float64).square()


class Fidelity:
    """Everything of an evaluation that needs no layer above the hook point."""

    def __init__(self, sae: SAE, baselines: Baselines | None) -> None:
        d = sae.d_model
        self._sae, self._baselines = sae, baselines
        self._bias = sae.bias.cpu()
        self._centre: Float[Tensor, " d_model"] | None = None
        self.units = Units()
        self.usual, self.massive = PositionSums(d), PositionSums(d)
        self.firings = torch.zeros(GROUPS, sae.d_sae + 1, dtype=torch.int64)
        """For each group of documents: positions at which each feature is active, then positions."""
        self.l0_counts = torch.zeros(1, dtype=torch.int64)
        """Positions by their number of active features."""
        self.spectra = {name: torch.zeros(MAX_UNITS, d, dtype=torch.float64) for name in ("pca", "neurons")}
        """For each baseline and unit the squared norm that each further direction takes off."""
        self.real = self.kept = 0
        self._documents: set[int] = set()

    def add(self, found: Captured) -> None:
        """Add the positions of a batch."""
        self.real += int(found.batch.real.sum())
        self.kept += int(found.batch.keep.sum())
        for mask, sums in ((found.usual, self.usual), (found.massive, self.massive)):
            if not mask.any():
                continue
            rows = found.x[mask.to(found.x.device)].float().cpu()  # [n, row]
            x = self._sae.target(rows)  # [n, d]
            unit = self.units.of(found.batch.document[mask])
            if self._centre is None:
                self._centre = x.double().mean(0).float()
            acts = self._sae.encode(rows)
            reconstructed = self._sae.decode(acts).cpu()
            error = _squares(x - reconstructed)
            if not torch.isfinite(error).all():
                raise ActivationError(
                    f"the SAE gives NaN or infinite values at {self._sae.input}; its training went wrong: "
                    "lower the learning rate and train again"
                )
            active = active_counts(acts)
            values = {
                "error": error,
                "l0": active,
                "shrinkage": row_norms(reconstructed - self._bias)
                / row_norms(x - self._bias).clamp(min=1e-30),
            }
            if sums is self.massive:
                values["massive"] = torch.ones(len(x))
            else:
                self._add_features(acts, active, unit)
                values |= self._add_baselines(rows, unit)
                self._documents.update(found.batch.document[mask].unique().tolist())
            sums.add(unit, x - self._centre, **values)

    def mean(self) -> Float[Tensor, " d_model"]:
        """x̄ of the unmassive positions, raw."""
        assert self._centre is not None
        return (self._centre.double() + self.usual.offset()).float()

    @property
    def documents(self) -> int:
        """Documents that the unmassive positions are in."""
        return len(self._documents)

    def l0(self) -> float:
        """Mean number of active features a position."""
        n = int(self.l0_counts.sum())
        return float((self.l0_counts * torch.arange(len(self.l0_counts))).sum()) / max(n, 1)

    def table(self, k: int) -> dict[str, Float[Tensor, " units"]]:
        """Sums by unit, with the errors of PCA and neurons with `k` directions."""
        table = self.usual.table()
        for name, spectrum in self.spectra.items():
            left = table["square_mean"] - spectrum[self.usual.used, :k].sum(1)
            table[f"error_{name}"] = left.clamp(min=0)
        return table

    def _add_features(self, acts: SparseActs, active: Int[Tensor, " n"], unit: Int[Tensor, " n"]) -> None:
        group = unit % GROUPS
        rows = torch.repeat_interleave(acts.offsets.diff()).cpu()
        positive = (acts.values > 0).cpu()
        width = self.firings.shape[1]
        flat = group[rows[positive]] * width + acts.indices.cpu()[positive]
        self.firings.view(-1).index_add_(0, flat, torch.ones_like(flat))
        self.firings[:, -1] += torch.bincount(group, minlength=GROUPS)
        counts = torch.bincount(active, minlength=len(self.l0_counts))
        counts[: len(self.l0_counts)] += self.l0_counts
        self.l0_counts = counts

    def _add_baselines(self, rows: Float[Tensor, "n row"], unit: Int[Tensor, " n"]) -> dict[str, Tensor]:
        if self._baselines is None:
            return {}
        for name, energies in self._baselines.energies(rows).items():
            self.spectra[name].index_add_(0, unit, energies.double())
        untrained = self._baselines.untrained
        parts = []
        for part in rows.split(1024):
            acts = untrained.encode(part)
            error = untrained.target(part) - untrained.decode(acts).cpu()
            parts.append((_squares(error), active_counts(acts)))
        errors, active = (torch.cat(column) for column in zip(*parts, strict=True))
        return {
            "error_untrained": errors,
            "l0_untrained": active,
            "square_mean": _squares(untrained.target(rows) - self._baselines.mean),
        }


def active_counts(acts: SparseActs) -> Int[Tensor, " n"]:
    """Active features (a > 0) of each position, on the CPU."""
    ends = torch.cat([acts.values.new_zeros(1, dtype=torch.int64), (acts.values > 0).cumsum(0)])
    return ends[acts.offsets].diff().cpu()
