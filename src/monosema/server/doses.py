"""Routes of doses: how strongly to steer so that a concept shows, as `monosema dose` has found and stored it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from monosema.interventions import DosePoint
from monosema.server.access import Served
from monosema.server.dose_records import DoseFeature, DoseList, DosePointRecord, DoseRecord, DoseSummary
from monosema.server.fresh import UNKEPT
from monosema.server.steering import command_of_doses, stored_dose, stored_doses

router = APIRouter(prefix="/studies/{study}/saes/{sae}/doses", tags=["doses"])


@router.get("")
def list_doses(served: Served, response: Response) -> DoseList:
    """The concepts with a stored dose, and what to type for another one."""
    response.headers.update(UNKEPT)
    doses = []
    for concept in stored_doses(served):
        curve = stored_dose(served, concept)
        doses.append(DoseSummary(concept=concept, plain=curve.plain, best=_point(curve.best)))
    return DoseList(doses=doses, command=command_of_doses(served))


@router.get("/{concept}")
def get_dose(served: Served, concept: str, response: Response) -> DoseRecord:
    """The curve of one: every dose that was sampled, the best set and the best single feature."""
    response.headers.update(UNKEPT)
    curve = stored_dose(served, concept)
    return DoseRecord(
        concept=concept,
        plain=curve.plain,
        best=_point(curve.best),
        single=_point(curve.single),
        points=[_point(one) for one in curve.points],
    )


def _point(point: DosePoint) -> DosePointRecord:
    dose = point.dose
    return DosePointRecord(
        features=[
            DoseFeature(
                number=number, maximum=maximum, weight=weight, value=edit.value, operation=edit.operation
            )
            for number, maximum, weight, edit in zip(
                dose.features, dose.maxima, dose.weights, dose.edits(), strict=True
            )
        ],
        multiple=dose.multiple,
        positions=dose.positions,
        named=point.named,
        fluent=point.fluent,
        both=point.both,
        answers=point.n,
    )
