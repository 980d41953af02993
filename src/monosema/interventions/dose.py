"""How strongly to steer: the features and the dose at which a concept shows and the text stays fluent.

The dose differs by feature, and sometimes no single feature carries a concept but a few together do. So the search
tries the best candidate alone and growing sets of them, each at rising doses, on prompts of its own, and keeps what
gives the largest share of continuations that name the concept in fluent text. Sets are lifted (never lowered) to a
multiple of each feature's own maximum; a single feature is clamped.

1. Plain continuations of the prompts say what is fluent here.
2. For each set, doses rise until most of the text is no longer fluent.
3. The best points are measured again with other seeds, so that luck does not choose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from monosema.errors import UsageError
from monosema.interventions.edits import Edit, Positions, clamp, raise_to
from monosema.interventions.fluency import Fluency
from monosema.interventions.steer import as_ids, steer
from monosema.models import LanguageModel
from monosema.progress import Reporter, Silent
from monosema.sae import SAE

OPEN_PROMPTS = (
    "Tell me something interesting.",
    "What should I do this weekend?",
    "Write a short story.",
    "What is your favourite thing in the world?",
    "Give me an idea for a painting.",
    "What did you think about today?",
    "How should I spend an afternoon?",
    "Describe a beautiful place.",
)
IDENTITY_PROMPTS = (
    "Who are you really?",
    "Describe yourself.",
    "What are you made of?",
    "What do you look like?",
)
PROMPTS = OPEN_PROMPTS + IDENTITY_PROMPTS
"""Prompts of the search; no figure is ever measured on them."""
SINGLE_DOSES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
SET_DOSES = (0.4, 0.55, 0.7, 0.85, 1.0, 1.25)
SET_SIZES = (1, 3, 6)
FEWEST_FLUENT = 0.3
FINALISTS = 3


@dataclass(frozen=True, kw_only=True)
class Dose:
    """What to do to a model so that it speaks of a concept."""

    features: tuple[int, ...]
    """Features to edit."""
    maxima: tuple[float, ...]
    """The largest activation of each over the index."""
    multiple: float
    """Each is put at this multiple of its maximum."""
    positions: Positions = "all"
    """Where."""

    def edits(self, strength: float = 1.0) -> list[Edit]:
        """The edits at `strength` times the dose."""
        make = clamp if len(self.features) == 1 else raise_to
        return [
            make(feature, strength * self.multiple * maximum, self.positions)
            for feature, maximum in zip(self.features, self.maxima, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class DosePoint:
    """What one dose did on the prompts of the search."""

    dose: Dose
    named: float
    """Share of continuations that name the concept."""
    fluent: float
    """Share that is fluent."""
    both: float
    """Share that names it in fluent text."""
    n: int
    """Continuations behind these shares."""


@dataclass(frozen=True, kw_only=True)
class DoseCurve:
    """All points that were tried, the chosen one, and the plain model beside it."""

    points: tuple[DosePoint, ...]
    best: DosePoint
    plain: float
    """Share of plain continuations that name the concept."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> DoseCurve:
        """From `to_dict`'s JSON."""
        points = tuple(_point(point) for point in record["points"])
        return cls(points=points, best=_point(record["best"]), plain=record["plain"])


def _point(record: dict[str, Any]) -> DosePoint:
    dose = record["dose"]
    return DosePoint(
        **{key: value for key, value in record.items() if key != "dose"},
        dose=Dose(**dose | {"features": tuple(dose["features"]), "maxima": tuple(dose["maxima"])}),
    )


class Trials:
    """Continuations of a set of prompts under edits, each judged: does it name the concept, is it fluent?"""

    def __init__(
        self,
        model: LanguageModel,
        sae: SAE,
        names: Callable[[str], bool],
        prompts: Sequence[str] = PROMPTS,
        *,
        repeats: int = 2,
        max_new_tokens: int = 40,
        seed: int = 0,
    ) -> None:
        chat = model.tokenizer.chat_template is not None
        self._model, self._sae, self._names = model, sae, names
        self._prompts = [as_ids(model, prompt, chat=chat) for prompt in prompts for _ in range(repeats)]
        self._tokens, self._seed = max_new_tokens, seed
        plain = self._write((), seed)
        self._fluency = Fluency.of(model, self._prompts, plain.ids)
        self.plain = sum(map(names, plain.texts)) / len(plain.texts)
        """Share of plain continuations that name the concept."""

    def _write(self, edits: Sequence[Edit], seed: int) -> Any:
        return steer(self._model, self._sae, self._prompts, edits, max_new_tokens=self._tokens, seed=seed)

    def point(self, dose: Dose, *, again: int = 0) -> DosePoint:
        """Measure a dose; with another `again` on other random choices."""
        written = self._write(dose.edits(), self._seed + 1 + again)
        fluent = self._fluency.judge(self._model, self._prompts, written.ids)
        named = [self._names(text) for text in written.texts]
        n = len(named)
        both = sum(a and b for a, b in zip(named, fluent, strict=True))
        return DosePoint(dose=dose, named=sum(named) / n, fluent=sum(fluent) / n, both=both / n, n=n)


def search_dose(
    trials: Trials,
    features: Sequence[int],
    maxima: Sequence[float],
    *,
    sizes: Sequence[int] = SET_SIZES,
    positions: Positions = "all",
    reporter: Reporter | None = None,
) -> DoseCurve:
    """Search features, best candidate first, and doses. Raises `UsageError` where there is no feature."""
    if not features:
        raise UsageError("there is no feature to search a dose for; find one first")
    sets = sorted({min(size, len(features)) for size in sizes})
    points: list[DosePoint] = []
    total = sum(len(SINGLE_DOSES if size == 1 else SET_DOSES) for size in sets)
    with (reporter or Silent()).stage("dose", total, "doses") as progress:
        for size in sets:
            for multiple in SINGLE_DOSES if size == 1 else SET_DOSES:
                dose = Dose(
                    features=tuple(features[:size]),
                    maxima=tuple(maxima[:size]),
                    multiple=multiple,
                    positions=positions,
                )
                points.append(trials.point(dose))
                progress.update(1, both=points[-1].both, fluent=points[-1].fluent)
                if points[-1].fluent < FEWEST_FLUENT:
                    break
    return DoseCurve(points=tuple(points), best=_best(trials, points), plain=trials.plain)


def _best(trials: Trials, points: Sequence[DosePoint]) -> DosePoint:
    """The best of the finalists after a second look; of equals the more fluent, then the weaker."""
    finalists = sorted(points, key=_worth, reverse=True)[:FINALISTS]
    return max((_merged(point, trials.point(point.dose, again=1)) for point in finalists), key=_worth)


def _worth(point: DosePoint) -> tuple[float, float, float]:
    return (point.both, point.fluent, -point.dose.multiple)


def _merged(one: DosePoint, other: DosePoint) -> DosePoint:
    n = one.n + other.n

    def mean(a: float, b: float) -> float:
        return (a * one.n + b * other.n) / n

    return DosePoint(
        dose=one.dose,
        named=mean(one.named, other.named),
        fluent=mean(one.fluent, other.fluent),
        both=mean(one.both, other.both),
        n=n,
    )
