"""SAEs that are given, not trained here: fitted to the study's model, and refused where they make no sense on it.

Other tools' files do not hold all that an SAE here knows. The massive norm and the scale, which sets the units of a,
are those of the study's activations; that the SAE belongs to this model and hook point is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from monosema.activations import ActivationStats, ActivationStore, LiveRows, RowSource, StoreRows
from monosema.errors import RefusedError, UsageError
from monosema.files import read_json
from monosema.models import LanguageModel
from monosema.pipeline.asked import SAEAsked
from monosema.pipeline.work import Work
from monosema.sae import SAE, SAEConfig, recognise

CHECKED_POSITIONS = 4096
"""Unmassive positions that a given SAE is tried on."""
MOST_ACTIVE = 0.25
"""Share of its features that a position may have on average."""
FEWEST_AWAKE = 0.02
"""Features that fire at all, as a share of the features or of the positions, whichever are fewer.

So 82 over 4,096 positions, however wide the SAE: of a wide one most features sleep on so little text, and yet thousands
wake. One whose thresholds or units do not fit wakes its densest few.
"""


def check_files(work: Work, name: str, model: LanguageModel) -> None:
    """Read every SAE that is given for the model `name`, or that training starts from, before anything is harvested.

    Raises `UsageError` where its files cannot be read, or where it reads another width than its hook point has.
    """
    for asked in work.asked.saes.values():
        path = asked.start if asked.given is None else asked.given.path
        if asked.place.model == name and path is not None and path.exists():
            format, where = recognise(path)
            config = SAE.load(where, format=format, hook=asked.place.at).config
            _check_width(asked, path, config, model.width(asked.place.at))


def _check_width(asked: SAEAsked, path: Path, config: SAEConfig, width: int) -> None:
    if config.row != width:
        raise UsageError(
            f"the SAE in {path} reads activations of width {config.row}; "
            f"{asked.place.at} of models.{asked.place.model} has width {width}: give its own model or hook point"
        )


def take_over(work: Work, name: str, folder: Path, stats: ActivationStats) -> tuple[SAE, dict[str, float]]:
    """The SAE that is given for `[saes.NAME]`, and its figures on the activations in `folder`.

    Raises `RefusedError`, with the figures, where they say that it does not belong there, and `UsageError` where it
    was trained on other weights or another width.
    """
    asked = work.asked.saes[name]
    assert asked.given is not None
    _check_width(asked, asked.given.path, asked.given.config, stats.d_model)
    place, source = asked.place, work.asked.models[asked.place.model].source
    format, where = recognise(asked.given.path)
    sae = SAE.load(where, format=format, hook=place.at)
    model_hash = work.plan(asked.place.model).model_hash
    if sae.config.model_hash:  # ours know it
        sae.check_model(source, model_hash)
    config = replace(sae.config, input=place.hook, output=place.written, model=source, model_hash=model_hash)
    sae = replace(sae, config=config, massive=stats.massive_threshold).with_unit(stats.scale)
    figures = measure(sae, _sample(_rows(work, asked, folder), stats))
    check_sense(asked.given.path, f"{place.at} of models.{place.model}", sae.d_sae, figures)
    return sae, figures


def _rows(work: Work, asked: SAEAsked, folder: Path) -> RowSource:
    if read_json(folder / "choice.json")["stored"]:
        return StoreRows(ActivationStore(folder))
    place = asked.place
    return LiveRows(
        work.model(place.model, until=place.at),
        work.tokens(asked.tokens),
        place.at,
        split="train",
        tokens_per_batch=work.plan(place.model).tokens_per_batch,
    )


def _sample(source: RowSource, stats: ActivationStats) -> Float[Tensor, "n d_model"]:
    """The first unmassive rows, float32."""

    def usual() -> Iterator[Float[Tensor, "n d_model"]]:
        for rows in chain.from_iterable(source.rows(task) for task in range(source.tasks)):
            yield rows.x[rows.norm <= stats.massive_threshold].float()

    found: list[Float[Tensor, "n d_model"]] = []
    for x in usual():
        found.append(x)
        if sum(map(len, found)) >= CHECKED_POSITIONS:
            break
    return torch.cat(found)[:CHECKED_POSITIONS]


def measure(sae: SAE, x: Float[Tensor, "n d_model"]) -> dict[str, float]:
    """FVU, L0 and the share of features that are silent, over these positions, whose number is given too."""
    acts = sae.encode(x)
    told = sae.target(x)
    error = (told - sae.decode(acts).cpu()).double().square().sum()
    variance = (told - told.mean(0)).double().square().sum()
    return {
        "checked_positions": float(len(x)),
        "fvu": float(error / variance),
        "l0": acts.l0(),
        "dead_share": 1 - len(acts.indices.unique()) / sae.d_sae,
    }


def check_sense(path: Path, at: str, d_sae: int, figures: dict[str, float]) -> None:
    """Raise `RefusedError`, with the figures of `measure`, where they say that an SAE does not belong where it is put.

    `path`: where the SAE is; `at`: the hook point and its model, for the message.
    """
    fvu, l0, most = figures["fvu"], figures["l0"], MOST_ACTIVE * d_sae
    awake = round((1 - figures["dead_share"]) * d_sae)
    fewest = FEWEST_AWAKE * min(d_sae, figures["checked_positions"])
    if fvu <= 1 and 0 < l0 <= most and awake >= fewest:
        return
    raise RefusedError(
        f"the SAE in {path} makes no sense at {at}: over "
        f"{figures['checked_positions']:.0f} positions FVU is {fvu:.3g}, L0 {l0:.3g}, silent features "
        f"{figures['dead_share']:.1%}; expected FVU of at most 1, L0 above 0, at most {most:.3g}, and {fewest:.3g} or "
        "more features that fire: check model, hook point and format"
    )
