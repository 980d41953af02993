"""The answers that are files by themselves: asked of the application by their paths."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, get_args

from monosema.errors import MonosemaError
from monosema.server.distribution import Statistic
from monosema.server.export.packing import rounded
from monosema.server.inside import Inside
from monosema.server.served import ServedSAE
from monosema.server.steering import stored_dose, stored_doses

CLUSTERS = {"limit": 1000, "central": 5}
"""What is asked of clusters; pages that ask for fewer are given all."""


def dosed(served: ServedSAE) -> list[int]:
    """Features that stored doses steer with, those of the best dose of each concept."""
    doses = [stored_dose(served, concept).best.dose for concept in stored_doses(served)]
    return [feature for dose in doses for feature in dose.features]


def answers_of(ask: Inside, prefix: str, study: str, saes: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Each path that pages ask for whole, and its answer; only of the SAEs that the site has."""
    listed = ask.get(f"{prefix}/studies")["studies"][0]
    base = f"{prefix}/studies/{study}"
    yield f"{prefix}/studies", {"studies": [listed | {"saes": list(saes), "writer": None}]}
    yield base, ask.get(base) | {"saes": list(saes), "writer": None}
    yield f"{base}/saes", {"saes": [one for one in ask.get(f"{base}/saes")["saes"] if one["name"] in saes]}
    yield f"{base}/work", ask.get(f"{base}/work") | {"writer": None, "stages": []}
    runs = [one for one in ask.get(f"{base}/runs")["runs"] if one["sae"] in saes]
    yield f"{base}/runs", {"runs": rounded(runs)}
    for sae in saes:
        yield from _of_sae(ask, f"{base}/saes/{sae}")
    maps = [one for one in ask.get(f"{base}/maps")["maps"] if set(one["saes"]) <= set(saes)]
    yield f"{base}/maps", {"maps": maps}
    for name in (one["name"] for one in maps if one["state"] == "made"):
        yield from _of_map(ask, f"{base}/maps/{name}")


def _of_sae(ask: Inside, path: str) -> Iterator[tuple[str, Any]]:
    yield path, ask.get(path)
    yield f"{path}/concepts", ask.get(f"{path}/concepts")
    for statistic in get_args(Statistic):
        answer = ask.get(f"{path}/distribution", statistic=statistic)
        yield f"{path}/distribution?statistic={statistic}", rounded(answer)
    doses = ask.get(f"{path}/doses")
    yield f"{path}/doses", doses
    yield f"{path}/groundtruth", ask.get(f"{path}/groundtruth")
    for concept in (one["concept"] for one in doses["doses"]):
        yield f"{path}/doses/{concept}", ask.get(f"{path}/doses/{concept}")


def _of_map(ask: Inside, path: str) -> Iterator[tuple[str, Any]]:
    yield path, ask.get(path)
    yield f"{path}/clusters", rounded(ask.get(f"{path}/clusters", **CLUSTERS))
    with suppress(MonosemaError):  # the map of one SAE has none
        yield f"{path}/across", ask.get(f"{path}/across")
