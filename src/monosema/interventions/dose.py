"""How strongly to steer: the features and the dose at which a concept shows and the text stays fluent.

The dose differs by feature, and often no single feature carries a concept but many together do.

1. A set: activations to add to all candidates at once are fitted, without sampling, so that the concept's name becomes
   likely and plain answers stay so (`effect.py`). Most candidates end at 0 or near it and are left out.
2. A single feature: those that most help the name to first order are turned up, each until it harms the plain answers
   by a set amount; at equal harm, the one that makes the name likeliest is the best.
3. Both are sampled on prompts of the search's own, at doses around these, at larger ones for as long as the text stays
   fluent, and at smaller ones where the smallest did best: with edits that fade, whole in the prompt and a third of it
   once the model writes, which keep to the concept and leave it free to write on; and with edits that stay as they
   are, which make it repeat itself sooner. What names the concept in fluent text most often is kept, after a second
   look by other random choices, which is for those only that did so at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from monosema.errors import UsageError
from monosema.interventions.edits import Edit, Positions, Way, add, clamp
from monosema.interventions.effect import Effect, Saying
from monosema.interventions.trials import Shares, Trials
from monosema.progress import Progress, Reporter, Silent

HARM = 0.5
"""Nats a token by which plain answers become less likely at the dose of a single feature."""
TRIED: Mapping[Positions, tuple[float, ...]] = {
    "fading": (1.2, 1.5, 1.8, 2.2),
    "all": (0.75, 1.0),
}
"""Multiples of a set's weights that are sampled, by where the edits act; of a single feature's dose every second."""
FURTHER, MOST_FURTHER = 1.35, 6
"""Where the text stays fluent at the largest of these, so many times larger ones are tried as well, two at a time."""
SMALLER = (FURTHER**-2, 1 / FURTHER)
"""Where the smallest of these did best, these parts of it are tried as well."""
STILL_FLUENT = 0.75
"""Share of continuations that is fluent until a dose counts as too large to go on."""
LOOK, SECOND_LOOK = 1, 3
"""Continuations of each prompt at every dose, and again at the best ones."""
SINGLES = 6
"""Candidates that are turned up alone."""
LEAST_SHARE = 0.05
"""Of the largest weight in a set: what is below is left out."""
FINALISTS = 2
"""Points at each place that are looked at again, and the best single feature."""
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
    """Each is put at, or raised by, its maximum times its weight times `multiple`."""
    multiple: float
    positions: Positions = "all"
    """Where."""

    def edits(self, strength: float = 1.0) -> list[Edit]:
        """The edits at `strength` times the dose: one feature is clamped, those of a set are added to."""
        make = clamp if len(self.features) == 1 else add
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

    @property
    def shows(self) -> bool:
        """Whether the best dose makes the model name it, in fluent text, more often than it does by itself."""
        return self.best.both > self.plain

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
    saying: Saying,
    features: Sequence[int],
    maxima: Sequence[float],
    *,
    reporter: Reporter | None = None,
) -> DoseCurve:
    """Search a set and a single feature among candidates. Raises `UsageError` where there is no candidate."""
    if not features:
        raise UsageError("there is no feature to search a dose for; find one first")
    candidates = Dose(
        features=tuple(features),
        maxima=tuple(maxima),
        weights=(1.0,) * len(features),
        multiple=1.0,
    )
    further = MOST_FURTHER + len(SMALLER)
    sampled = sum(len(_times(alone, place)) + further for alone in (True, False) for place in TRIED)
    steps = min(SINGLES, len(features)) + 1 + sampled + FINALISTS + 1
    with (reporter or Silent()).stage("dose", steps, "steps") as progress:
        found = _found(saying, candidates, progress)
        curves = [replace(dose, positions=place) for dose in found for place in TRIED]
        ranked = sorted(_raised(trials, curves, progress), key=_worth, reverse=True)
        finalists = list(dict.fromkeys([*ranked[:FINALISTS], next(filter(_alone, ranked))]))
        again = _looked_again(trials, finalists, progress)
    points = [*(point for point in ranked if point not in finalists), *again]
    return DoseCurve(
        points=tuple(sorted(points, key=_of_curve)),
        best=max(again, key=_worth),
        single=max(filter(_alone, again), key=_worth),
        plain=trials.plain.named,
    )


def _found(saying: Saying, candidates: Dose, progress: Progress) -> list[Dose]:
    """Without sampling: the single feature that gains most at equal harm, and the set where there is one."""
    alone = []
    singles = min(SINGLES, len(candidates.features))
    for number in saying.slopes(candidates.features).topk(singles).indices.tolist():
        alone.append(turned_up(saying.effect, _chosen(candidates, [number], [1.0])))
        progress.update(1, gain=alone[-1][1].gain)
    found = [max(alone, key=lambda pair: pair[1].gain)[0], *_fitted(saying, candidates)]
    progress.update(1)
    return found


def _chosen(candidates: Dose, numbers: Sequence[int], weights: Sequence[float]) -> Dose:
    """Some of the candidates, by their places, with weights."""
    return replace(
        candidates,
        features=tuple(candidates.features[number] for number in numbers),
        maxima=tuple(candidates.maxima[number] for number in numbers),
        weights=tuple(weights),
    )


def _fitted(saying: Saying, candidates: Dose) -> list[Dose]:
    """The set of candidates with fitted weights, heaviest first; none where fewer than two are left."""
    levels = saying.fit(candidates.features)  # [f]
    kept = [n for n in levels.argsort(descending=True).tolist() if levels[n] > LEAST_SHARE * levels.max()]
    if len(kept) < 2:
        return []
    weights = [round(float(levels[n]) / candidates.maxima[n], 4) for n in kept]
    return [_chosen(candidates, kept, weights)]


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


def _times(alone: bool, place: Positions) -> tuple[float, ...]:
    """Multiples at which a dose is sampled."""
    return TRIED[place][1::2] if alone else TRIED[place]


def _raised(trials: Trials, curves: Sequence[Dose], progress: Progress) -> list[DosePoint]:
    """What multiples of each dose do: rising up to one that harms the text, smaller where the least does best."""
    rows = [_multiplied(dose, _times(len(dose.features) == 1, dose.positions)) for dose in curves]
    most = sum(map(len, rows)) + (MOST_FURTHER + len(SMALLER)) * len(rows)
    points = _sampled(trials, [dose for row in rows for dose in row], progress)
    smaller = [_multiplied(row[0], SMALLER) for row in rows if _least_does_best(row, points)]
    for _ in range(MOST_FURTHER // 2):
        fluent = {point.dose for point in points if point.fluent >= STILL_FLUENT}
        rows = [_multiplied(row[-1], (FURTHER, FURTHER**2)) for row in rows if row[-1] in fluent]
        doses = [dose for row in [*rows, *smaller] for dose in row]
        if not doses:
            break
        points += _sampled(trials, doses, progress)
        smaller = []
    progress.update(most - len(points))  # those that were not needed
    return points


def _least_does_best(row: Sequence[Dose], points: Sequence[DosePoint]) -> bool:
    """Whether the first dose of a row led to the name in fluent text more often than the others."""
    best = max((point for point in points if point.dose in row), key=_worth)
    return best.dose == row[0] and best.both > 0


def _multiplied(dose: Dose, times: Sequence[float]) -> list[Dose]:
    return [replace(dose, multiple=round(factor * dose.multiple, 4)) for factor in times]


def _sampled(trials: Trials, doses: Sequence[Dose], progress: Progress) -> list[DosePoint]:
    """What each dose does at a first look."""
    shares = trials.of_ways([Way(edits=dose.edits()) for dose in doses], again=1, copies=LOOK)
    points = [DosePoint(dose=dose, **asdict(one)) for dose, one in zip(doses, shares, strict=True)]
    progress.update(len(points), both=max(point.both for point in points))
    return points


def _looked_again(trials: Trials, points: Sequence[DosePoint], progress: Progress) -> list[DosePoint]:
    """The same doses on more continuations, where they led to the name in fluent text at all."""
    shown = [point for point in points if point.both]
    ways = [Way(edits=point.dose.edits()) for point in shown]
    more = trials.of_ways(ways, again=2, copies=SECOND_LOOK) if ways else []
    both = [
        DosePoint(dose=point.dose, **asdict(point.with_more(one)))
        for point, one in zip(shown, more, strict=True)
    ]
    progress.update(len(points), both=max((point.both for point in both), default=0.0))
    return [*both, *(point for point in points if not point.both)]


def _of_curve(point: DosePoint) -> tuple[int, int, float]:
    """Where it stands on the curves: one of each number of features and place, by dose."""
    dose = point.dose
    return len(dose.features), list(TRIED).index(dose.positions), dose.multiple


def _alone(point: DosePoint) -> bool:
    return len(point.dose.features) == 1


def _worth(point: DosePoint) -> tuple[float, float, float]:
    return (point.both, point.fluent, -point.dose.multiple)
