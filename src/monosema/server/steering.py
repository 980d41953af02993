"""What a request asks to be steered by, made into edits: features at multiples of their maxima, or a stored dose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from monosema.errors import UsageError
from monosema.files import read_json
from monosema.interventions import Changes, DoseCurve, Edit, Positions
from monosema.pipeline.asked import sae_option
from monosema.pipeline.dosing import DOSE
from monosema.pipeline.explore import DEFAULT_MULTIPLE, random_edits
from monosema.server.catalog import Catalog
from monosema.server.errors import NotMadeError
from monosema.server.record import Record, Text
from monosema.server.served import ServedSAE

MOST_STEERED = 128


class Steer(Record):
    """One thing to steer by: a feature, or a concept at the dose that was found for it."""

    sae: Text | None = None
    """SAE that the feature or the dose is of; that of the model's id where it is not given."""
    feature: int | None = None
    """Number of a feature."""
    concept: Text | None = Field(None, max_length=200)
    """A concept whose dose `monosema dose` has stored, in the place of `feature`."""
    operation: Literal["clamp", "raise", "add", "scale"] = "clamp"
    """Put the feature at a value, lift it to at least that, add it, or multiply by it."""
    value: float | None = None
    """A multiple of the feature's largest activation in the index (of the dose for a concept; a factor for `scale`);
    2 where it is not given, 1 for a concept."""
    raw: bool = False
    """Whether `value` is an activation, no multiple."""
    positions: Positions = "all"
    """Where: everywhere, in the prompt only, from the position on that predicts the first new token, or everywhere
    with a third of the value once the prompt is read."""


def changes_of(
    studies: Catalog, study: str, own: str | None, asked: Sequence[Steer], *, control: int | None = None
) -> list[Changes]:
    """The edits for each SAE of a study that is steered; `own` is the SAE that entries without one mean.

    `control`: seed of the random features that are edited in the place of those asked for, by edits of equal norm.
    Raises `UsageError` and `NotFoundError` for what cannot be steered by, `NotReadyError` where an index is needed.
    """
    edits: dict[str, list[Edit]] = {}
    for number, one in enumerate(asked):
        name = one.sae or own
        if name is None:
            raise UsageError(
                f"steering.{number} names no sae, and the model's id names none; add one of them"
            )
        edits.setdefault(name, []).extend(_edits(studies.sae(study, name), one, f"steering.{number}"))
    found = []
    for name, some in edits.items():
        served = studies.sae(study, name)
        made = some if control is None else _control(served, some, control)
        found.append(Changes(sae=served.autoencoder(), edits=tuple(made)))
    return found


def _control(served: ServedSAE, edits: Sequence[Edit], seed: int) -> list[Edit]:
    if any(edit.operation == "scale" for edit in edits):
        raise UsageError(
            "control: what scale adds depends on the text, so it has no norm to be equalled; clamp, raise or add"
        )
    return random_edits(served.index(), served.autoencoder(), edits, seed)


def _edits(served: ServedSAE, one: Steer, where: str) -> list[Edit]:
    if (one.feature is None) == (one.concept is None):
        raise UsageError(f"{where}: give one thing to steer by, a feature or a concept")
    if one.feature is None:
        if one.raw or {"operation", "positions"} & one.model_fields_set:
            raise UsageError(
                f"{where}: a concept's dose says all but the value, a multiple of it; leave the rest out"
            )
        best = stored_dose(served, one.concept or "").best.dose
        return best.edits(1.0 if one.value is None else one.value)
    d_sae = served.autoencoder().d_sae
    if not 0 <= one.feature < d_sae:
        raise UsageError(f"{where}: there is no feature {one.feature}; this SAE has 0 to {d_sae - 1}")
    value = DEFAULT_MULTIPLE if one.value is None else one.value
    if not one.raw and one.operation != "scale":
        value *= _maximum(served, one.feature, where)
    return [Edit(feature=one.feature, operation=one.operation, value=value, positions=one.positions)]


def _maximum(served: ServedSAE, feature: int, where: str) -> float:
    maximum = served.index().maximum(feature)
    if maximum <= 0:
        raise UsageError(f"{where}: feature {feature} never fires in the index; give a raw value")
    return maximum


def stored_dose(served: ServedSAE, concept: str) -> DoseCurve:
    """The curve of a concept's dose. Raises `NotMadeError` with the command that finds it."""
    found = served.made("dose", f"{served.name}.{concept}") if concept in stored_doses(served) else None
    if found is None:
        raise NotMadeError(
            f"no dose of {concept!a} was searched for {served.name} of {served.study.name}",
            advice=f"search it with: {command_of_doses(served)}",
        )
    return DoseCurve.from_dict(read_json(found.path / DOSE))


def stored_doses(served: ServedSAE) -> list[str]:
    """Concepts with a stored dose that is of the present SAE and index."""
    prefix = f"{served.name}."
    places = sorted(served.study.place("dose", "").glob("*/manifest.json"))
    names = [place.parent.name for place in places if place.parent.name.startswith(prefix)]
    return [name.removeprefix(prefix) for name in names if served.state("dose", name) == "made"]


def command_of_doses(served: ServedSAE) -> str:
    """What to type for a dose; CONCEPT stands for the concept."""
    return f"monosema dose {served.study.path} CONCEPT{sae_option(served.name)}"
