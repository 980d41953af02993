"""Routes of maps: all features on a plane, their clusters, and what each is to another SAE (`monosema map`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from monosema.server.access import Studies, StudyName
from monosema.server.columns import ARROW_TOO, arrow, compact_json, form_of, wants_arrow
from monosema.server.fresh import UNKEPT, Versioned, freshness
from monosema.server.map_records import (
    AcrossPair,
    AcrossRecord,
    CentralFeature,
    ClassCount,
    Cluster,
    Clusters,
    Compared,
    MapFigures,
    MapList,
    MappedSAE,
    MapRecord,
    MapSummary,
)
from monosema.server.rows import feature_name
from monosema.server.served_map import KIND, Mapped, ServedMap, map_names, map_version
from monosema.server.shelf import Standing

router = APIRouter(prefix="/studies/{study}/maps", tags=["maps"])


@router.get("")
def list_maps(studies: Studies, study: StudyName, response: Response) -> MapList:
    """The maps of a study that were made."""
    response.headers.update(UNKEPT)
    opened, shelf = studies.study(study)
    standing = Standing(opened, shelf)
    return MapList(
        maps=[
            MapSummary(
                name=name,
                saes=name.split("+"),
                state=standing.state(KIND, name),
                version=map_version(opened, shelf, found),
            )
            for name in map_names(opened)
            if (found := standing.made(KIND, name)) is not None
        ]
    )


def _headers(request: Request, mapped: ServedMap) -> dict[str, str]:
    what = f"map/{mapped.name} of {mapped.study.name}"
    return freshness(request, mapped.version, what=what, form=form_of(request))


@router.get("/{map}", response_model=MapRecord, responses=ARROW_TOO)
def get_map(request: Request, mapped: Mapped, query: Annotated[Versioned, Query()]) -> Response:
    """Every feature as a point. With `Accept: application/vnd.apache.arrow.stream` the columns are an Arrow stream,
    and sae and feature are columns, too."""
    headers, points = _headers(request, mapped), mapped.points
    saes = [
        MappedSAE(name=name, start=start, features=size)
        for name, start, size in zip(points.saes, points.starts, mapped.sizes, strict=True)
    ]
    head = {
        "name": mapped.name,
        "version": mapped.version,
        "saes": [one.model_dump() for one in saes],
        "figures": _figures(points.figures).model_dump(),
    }
    columns = {
        "x": points.xy[:, 0],
        "y": points.xy[:, 1],
        "cluster": points.cluster,
        "density": mapped.density(),
    }
    if not wants_arrow(request):
        return compact_json(head, columns, headers)
    owners = np.repeat(np.arange(len(saes), dtype=np.int32), mapped.sizes)
    table = {
        "sae": pa.DictionaryArray.from_arrays(pa.array(owners), pa.array(points.saes)),
        "feature": pa.array(np.concatenate([np.arange(size, dtype=np.int32) for size in mapped.sizes])),
        **{name: _column(column) for name, column in columns.items()},
    }
    return arrow(head, pa.table(table), headers)


def _column(column: np.ndarray) -> pa.Array:
    """32 bits a value; NaN and integers below 0 are null."""
    if column.dtype.kind == "i":
        return pa.array(column.astype(np.int32), mask=column < 0)
    return pa.array(column.astype(np.float32), from_pandas=True)


def _figures(figures: Mapping[str, Any]) -> MapFigures:
    clusters = {name: figures[name] for name in ("clusters", "largest_cluster", "clustered_share")}
    return MapFigures(**figures["quality"], **clusters, chance=figures["chance"]["high"])


class ClustersQuery(Versioned):
    """Which clusters."""

    first: int = Field(0, ge=0)
    """Number of the first; 0 is the largest."""
    limit: int = Field(50, ge=1, le=1000)
    """Most clusters."""
    central: int = Field(5, ge=0, le=100)
    """Most features of each."""


@router.get("/{map}/clusters")
def get_clusters(
    request: Request, response: Response, mapped: Mapped, query: Annotated[ClustersQuery, Query()]
) -> Clusters:
    """Clusters of the map, the largest first, with their most central features."""
    response.headers.update(_headers(request, mapped))
    order, ends = mapped.by_cluster()
    total = len(ends) - 1
    names = {
        name: None if (sae := mapped.named(name)) is None else sae.names() for name in mapped.points.saes
    }

    def central(point: int) -> CentralFeature:
        sae, number = mapped.points.feature(point)
        return CentralFeature(
            point=point,
            sae=sae,
            number=number,
            name=feature_name(names[sae], number),
            central=float(mapped.points.central[point]),
        )

    def cluster(number: int) -> Cluster:
        members = order[ends[number] : ends[number + 1]]
        x, y = mapped.points.xy[members].mean(axis=0)
        return Cluster(
            number=number,
            features=len(members),
            x=float(x),
            y=float(y),
            central=[central(point) for point in members[: query.central].tolist()],
        )

    numbers = range(query.first, min(query.first + query.limit, total))
    return Clusters(clusters=[cluster(one) for one in numbers], total=total, version=mapped.version)


@router.get("/{map}/across", response_model=AcrossRecord, responses=ARROW_TOO)
def get_across(request: Request, mapped: Mapped, query: Annotated[Versioned, Query()]) -> Response:
    """What each feature is to the SAE next in size: the same, split, new, gone. For maps of several SAEs."""
    headers, table = _headers(request, mapped), mapped.across()
    head = {
        "name": mapped.name,
        "version": mapped.version,
        "pairs": [_pair(one).model_dump() for one in mapped.points.figures["across"]],
    }
    if wants_arrow(request):
        return arrow(head, table, headers)
    kinds = table["class"].unify_dictionaries().combine_chunks()
    head |= {
        "compared": [one.model_dump() for one in _compared(mapped)],
        "kinds": kinds.dictionary.to_pylist(),
    }
    columns = {
        "nearest": table["nearest"].to_numpy(),
        "cosine": table["cosine"].to_numpy(),
        "kind": kinds.indices.to_numpy(),
    }
    return compact_json(head, columns, headers)


def _compared(mapped: ServedMap) -> list[Compared]:
    """The parts of the table: each pair's larger SAE, then its smaller one."""
    size = dict(zip(mapped.points.saes, mapped.sizes, strict=True))
    found: list[Compared] = []
    start = 0
    for small, large in zip(mapped.points.saes, mapped.points.saes[1:], strict=False):
        for mine, other in ((large, small), (small, large)):
            found.append(Compared(sae=mine, other=other, start=start, features=size[mine]))
            start += size[mine]
    return found


def _pair(pair: Mapping[str, Any]) -> AcrossPair:
    counts = {
        f"{side}_classes": [
            ClassCount(name=name, count=count) for name, count in pair["counts"][side].items()
        ]
        for side in ("small", "large")
    }
    return AcrossPair(
        small=pair["small"],
        large=pair["large"],
        threshold=pair["threshold"],
        chance=pair["chance"]["high"],
        **counts,
    )
