"""What is asked to steer with, made into edits: a concept at its dose, or features with their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from monosema.errors import UsageError, lookup
from monosema.index import FeatureIndex
from monosema.interventions import OPERATIONS, PLACES, Edit, Positions, ablate
from monosema.pipeline.dosing import check_living, dose, stored_dose
from monosema.pipeline.explore import DEFAULT_MULTIPLE
from monosema.pipeline.loaders import OpenStudy
from monosema.progress import Reporter

SET_MULTIPLE = 0.75
"""In the place of `DEFAULT_MULTIPLE` for each feature of a set, times its weight: 2 for each of them is an overdose."""
ABLATE = "ablate"
"""Operation beside `OPERATIONS` that takes no value."""
WHERE: Mapping[str, Positions] = {place: place for place in PLACES}
"""Where edits may be asked to act, by name."""


def edits_for(
    study: OpenStudy,
    *,
    concept: str | None = None,
    features: Mapping[int, float] = MappingProxyType({}),
    multiple: float | None = None,
    operation: str | None = None,
    raw: bool = False,
    where: str | None = None,
    sae: str = "main",
    reporter: Reporter | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Edit]:
    """The edits of a concept at its stored dose, which is searched only where there is none, or of weighted features.

    `multiple`: of the dose (None: 1) for a concept; of each feature's maximum times its weight (None: 2 for one, .75
    for several); with `raw` an activation, for `scale` a factor, times the weight. `operation`: row of `OPERATIONS`,
    or ablate; None: one feature is clamped, several are added to. `where`: row of `WHERE`; None: all. `say` is told
    that a dose showed nothing when it was searched. Raises `UsageError` for what means nothing together, and for a
    feature that is unknown or never fires.
    """
    if (concept is None) == (not features):
        raise UsageError("give one thing to steer with: a concept, or features")
    if concept is None:
        return _of_features(study.index(sae), features, multiple, operation, raw, where)
    if operation is not None or raw or where is not None:
        raise UsageError(
            f"the dose of {concept} says what is done to which features and where; leave --operation, --raw and "
            "--where out, or name features"
        )
    curve = stored_dose(study, concept, sae=sae) or dose(study, concept, sae=sae, reporter=reporter)
    if say is not None and not curve.shows:
        say(
            f"the dose of {concept} showed nothing when it was searched: steered answers named it in fluent text in "
            f"{curve.best.both:.0%}, plain ones in {curve.plain:.0%}; try other features with: monosema dose "
            f"{study.path} {concept} --feature NUMBER"
        )
    return curve.best.dose.edits(1.0 if multiple is None else multiple)


def _of_features(
    index: FeatureIndex,
    features: Mapping[int, float],
    multiple: float | None,
    operation: str | None,
    raw: bool,
    where: str | None,
) -> list[Edit]:
    """One operation on each feature, by its weight."""
    done = operation or ("clamp" if len(features) == 1 else "add")
    positions = lookup(WHERE, where or "all", "place of edits")
    _check_value(done, features, multiple, raw)
    if raw:
        for feature in features:
            index.check(feature)
    else:
        check_living(index, features)
    if done == ABLATE:
        return [ablate(feature, positions) for feature in features]
    if multiple is None:
        multiple = DEFAULT_MULTIPLE if len(features) == 1 else SET_MULTIPLE
    in_maxima = not raw and done != "scale"
    return [
        Edit(
            feature=feature,
            operation=done,
            value=multiple * weight * (index.maximum(feature) if in_maxima else 1.0),
            positions=positions,
        )
        for feature, weight in features.items()
    ]


def _check_value(operation: str, features: Mapping[int, float], multiple: float | None, raw: bool) -> None:
    """Raise `UsageError` where an operation is unknown, is given a value that it cannot use, or lacks one."""
    lookup(dict.fromkeys([*OPERATIONS, ABLATE]), operation, "operation")
    weighted = any(weight != 1 for weight in features.values())
    if operation == ABLATE and (raw or weighted or multiple is not None):
        raise UsageError("ablate takes a feature out and needs no value; leave --dose, --raw and weights out")
    if operation == "scale" and raw:
        raise UsageError("scale multiplies by a factor, which is no activation; leave --raw out")
    if operation == "scale" and multiple is None:
        raise UsageError("scale multiplies by a factor and was given none; add --dose FACTOR")
    if raw and multiple is None:
        raise UsageError("--raw says that --dose is an activation, and none was given; add --dose VALUE")
