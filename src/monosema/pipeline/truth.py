"""`groundtruth`: which concepts have a feature, kept in the study."""

from __future__ import annotations

from typing import Any

from monosema.activations import derive_seed
from monosema.artifact import drafting, read_json, write_json
from monosema.evaluation import groundtruth as score_concepts
from monosema.pipeline.asked import read_asked
from monosema.pipeline.explore import model_of
from monosema.pipeline.loaders import OpenStudy
from monosema.pipeline.work import Work
from monosema.progress import Reporter

RECORD = "groundtruth.json"


def groundtruth(
    study: OpenStudy, *, sae: str = "main", remake: bool = False, reporter: Reporter | None = None
) -> dict[str, Any]:
    """The record of every concept that could be scored: read where it is fresh, else made and kept."""
    settings = read_asked(study.settings)
    asked = settings.saes[sae]
    place = study.place("groundtruth", sae)
    parents = {
        f"{kind}/{name}": study.open(kind, name, verify=False).hash
        for kind, name in (("sae", sae), ("tokens", asked.tokens), ("plan", asked.place.model))
    }
    if not remake and study.status("groundtruth", sae, {}, parents).state == "fresh":
        return read_json(study.open("groundtruth", sae).path / RECORD)
    model = model_of(study, sae)
    with (
        study.writing("groundtruth"),
        drafting(
            place, kind="groundtruth", asked={}, parents=parents, seed=settings.seed, old=study.old
        ) as draft,
    ):
        found = score_concepts(
            model,
            study.sae(sae),
            study.tokens(sae),
            tokens_per_batch=Work(study).plan(asked.place.model).tokens_per_batch,
            seed=derive_seed(settings.seed, f"groundtruth/{sae}"),
            reporter=reporter,
        )
        write_json(draft.path / RECORD, found.to_dict())
        draft.measured |= {"shown_share": found.shown_share, "documents": found.documents}
    return read_json(place / RECORD)
