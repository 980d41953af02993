"""How strongly to steer: the features and the dose at which a concept shows and the text stays fluent.

The dose differs by feature, and often no single feature carries a concept but a few together do.

1. Each candidate is turned up until it harms the plain answers by a set amount (`effect.py`, no sampling); at equal
   harm, the one that makes the concept's name likeliest is the best single feature.
2. Growing sets of the best, each turned up in proportion to its own dose, are compared in the same way.
3. The single feature and the best set are sampled at doses around that one, on prompts of the search's own; what
   names the concept in fluent text most often is kept, after a second look with other random choices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from monosema.errors import UsageError
from monosema.interventions.edits import Edit, Positions, clamp, raise_to
from monosema.interventions.effect import Effect
from monosema.interventions.trials import Shares, Trials
from monosema.progress import Progress, Reporter, Silent

HARM = 0.5
"""Nats a token by which plain answers become less likely at the dose that sampling begins around."""
TRIED = (0.6, 0.8, 1.0, 1.25)
"""Multiples of that dose that are sampled."""
SET_SIZES = (2, 4, 8)
FEWEST_FLUENT = 0.3
FINALISTS = 2
FIRST_MULTIPLE = 1.5
LARGEST_MULTIPLE = 12.0
STEPS = 4
EffectOf = Callable[[Sequence[Edit]], Effect]
"""`Saying.effect`: gain and harm of edits."""


@dataclass(frozen=True, kw_only=True)
class Dose:
    """What to do to a model so that it speaks of a concept."""

    features: tuple[int, ...]
    """Features to edit."""
    maxima: tuple[float, ...]
    """The largest activation of each over the index."""
    weights: tuple[float, ...]
    """Each is put at its maximum times its weight times `multiple`."""
    multiple: float
    positions: Positions = "all"
    """Where."""

    def edits(self, strength: float = 1.0) -> list[Edit]:
        """The edits at `strength` times the dose: one feature is clamped, those of a set are lifted."""
        make = clamp if len(self.features) == 1 else raise_to
        return [
            make(feature, strength * self.multiple * weight * maximum, self.positions)
            for feature, maximum, weight in zip(self.features, self.maxima, self.weights, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class DosePoint(Shares):
    """What one dose did on the prompts of the search."""

    dose: Dose


@dataclass(frozen=True, kw_only=True)
class DoseCurve:
    """All points that were sampled, the chosen ones, and the plain model beside them."""

    points: tuple[DosePoint, ...]
    best: DosePoint
    single: DosePoint
    """The best one with a single feature."""
    plain: float
    """Share of plain continuations that name the concept."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> DoseCurve:
        """From `to_dict`'s JSON."""
        points = tuple(map(_point, record["points"]))
        return cls(
            points=points, best=_point(record["best"]), single=_point(record["single"]), plain=record["plain"]
        )


def _point(record: dict[str, Any]) -> DosePoint:
    dose: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in record["dose"].items()}
    return DosePoint(**record | {"dose": Dose(**dose)})


def search_dose(
    trials: Trials,
    effect_of: EffectOf,
    features: Sequence[int],
    maxima: Sequence[float],
    *,
    positions: Positions = "all",
    reporter: Reporter | None = None,
) -> DoseCurve:
    """Search features and doses. Raises `UsageError` where there is no feature."""
    if not features:
        raise UsageError("there is no feature to search a dose for; find one first")
    sizes = sorted({min(size, len(features)) for size in SET_SIZES} - {1})
    most = len(features) + len(sizes) + 2 * (len(TRIED) + FINALISTS)
    with (reporter or Silent()).stage("dose", most, "steps") as progress:
        alone = []
        for feature, maximum in zip(features, maxima, strict=True):
            one = Dose(
                features=(feature,), maxima=(maximum,), weights=(1.0,), multiple=1.0, positions=positions
            )
            alone.append(turned_up(effect_of, one))
            progress.update(1)
        alone.sort(key=lambda pair: -pair[1].gain)
        sets = []
        for size in sizes:
            sets.append(turned_up(effect_of, _together([dose for dose, _ in alone[:size]])))
            progress.update(1)
        tried = [_sampled(trials, dose, progress) for dose, _ in (alone[0], *sorted(sets, key=_gain)[-1:])]
        best = [_best(trials, points, progress) for points in tried]
    return DoseCurve(
        points=tuple(point for points in tried for point in points),
        best=max(best, key=_worth),
        single=best[0],
        plain=trials.plain.named,
    )


def turned_up(effect_of: EffectOf, dose: Dose) -> tuple[Dose, Effect]:
    """The dose at which the plain answers are harmed by `HARM`, and what it does there.

    Harm grows about as the square of a dose; where that leads out of what is known already, the middle is tried.
    """
    low, high = 0.0, LARGEST_MULTIPLE
    dose = replace(dose, multiple=FIRST_MULTIPLE)
    for _ in range(STEPS):
        harm = effect_of(dose.edits()).harm
        low, high = (dose.multiple, high) if harm < HARM else (low, dose.multiple)
        guess = dose.multiple * (HARM / harm) ** 0.5 if harm > 0 else 2 * dose.multiple
        dose = replace(dose, multiple=guess if low < guess < high else (low + high) / 2)
    return dose, effect_of(dose.edits())


def _gain(pair: tuple[Dose, Effect]) -> float:
    return pair[1].gain


def _together(doses: Sequence[Dose]) -> Dose:
    """All features of some doses, each in proportion to its own dose."""
    return replace(
        doses[0],
        features=tuple(dose.features[0] for dose in doses),
        maxima=tuple(dose.maxima[0] for dose in doses),
        weights=tuple(round(dose.multiple, 3) for dose in doses),
        multiple=1.0,
    )


def _sampled(trials: Trials, dose: Dose, progress: Progress) -> list[DosePoint]:
    """Rising doses, until most of the text is no longer fluent."""
    points = []
    for times in TRIED:
        points.append(_point_of(trials, replace(dose, multiple=round(times * dose.multiple, 3)), again=1))
        progress.update(1, both=points[-1].both, fluent=points[-1].fluent)
        if points[-1].fluent < FEWEST_FLUENT:
            break
    return points


def _best(trials: Trials, points: Sequence[DosePoint], progress: Progress) -> DosePoint:
    """The best of the finalists after a second look; of equals the more fluent, then the weaker."""
    again = []
    for point in sorted(points, key=_worth, reverse=True)[:FINALISTS]:
        more = point.with_more(_point_of(trials, point.dose, again=2))
        again.append(DosePoint(dose=point.dose, **asdict(more)))
        progress.update(1, both=again[-1].both, fluent=again[-1].fluent)
    return max(again, key=_worth)


def _point_of(trials: Trials, dose: Dose, *, again: int) -> DosePoint:
    return DosePoint(dose=dose, **asdict(trials.judge(trials.write(dose.edits(), again=again))))


def _worth(point: DosePoint) -> tuple[float, float, float]:
    return (point.both, point.fluent, -point.dose.multiple)
