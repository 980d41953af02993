"""Activations of one hook point on disk or at a URL: harvested once, read by training, evaluation and index.

A folder holds `store.json` (what was asked) and, once the store is whole, the statistics (`stats.json`,
`stats.safetensors`). Numbered shards (`00000.safetensors` with its record `00000.json`) lie in it too, or at the URL
that store.json names as `at`, beside a copy of what was asked. A shard is an idempotent task: a range of batches in,
one file out. So resuming, and many workers, are the same mechanism.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.activations.massive import ActivationStats
from monosema.activations.places import Place
from monosema.activations.shards import PLACE, OpenShards, Shard, leading, read_records, record_name, recorded
from monosema.activations.urls import place_of
from monosema.errors import DamagedError, UsageError
from monosema.files import read_json

SCHEMA = 2
READ = (1, 2)
"""Schemas that are read; since 2 the activations of a shard are scattered."""
STORE = "store.json"
AT = "at"


class ActivationStore:
    """Reader of a finished store; rows are numbered in the order of the harvest.

    In a folder, shards are mapped to memory. At a URL, documents, positions, tokens, norms and places are in memory
    (20 bytes a row, 24 as int8), activations are fetched in blocks, of which 1.25 GB stay in memory (blocks.py).
    """

    def __init__(self, folder: Path) -> None:
        """Open a store and check the sizes of its files; raise `DamagedError` that names a wrong one."""
        self.folder = Path(folder)
        self.asked = read_json(self.folder / STORE)
        """Settings with which it was harvested."""
        if self.asked.get("schema") not in READ:
            raise DamagedError(
                f"{self.folder / STORE} has schema {self.asked.get('schema')!r}; expected one up to {SCHEMA}: "
                "upgrade monosema or harvest again"
            )
        if not ActivationStats.is_saved(self.folder):
            raise DamagedError(f"{self.folder} is not a finished store; harvest again: it goes on")
        self.stats = ActivationStats.load(self.folder)
        """Statistics of its unmassive rows."""
        self.place = place_of(self.folder, self.asked.get(AT))
        """Where its shards lie."""
        self.shards = checked_shards(self.place, self.place.sizes())
        """Records of its shards."""
        counts = torch.tensor([0, *(shard.rows for shard in self.shards)])
        self._offsets = counts.cumsum(0)  # first row of each shard, and the end
        if len(self) != self.stats.n + self.stats.massive:
            raise DamagedError(
                f"{self.place} has {len(self)} rows, its statistics speak of "
                f"{self.stats.n + self.stats.massive}; harvest again"
            )
        self._open = OpenShards(self.place, self.shards, self.d_model)

    def __len__(self) -> int:
        """Rows, massive ones among them."""
        return int(self._offsets[-1])

    @property
    def d_model(self) -> int:
        """Width of the activations."""
        return self.stats.d_model

    @property
    def hook(self) -> str:
        """Hook point that was harvested."""
        return str(self.asked["hook"])

    @property
    def lossy(self) -> str | None:
        """The type of `LOSSY` in which activations were kept, or None where they are exactly the model's."""
        return self.asked.get("lossy")

    @property
    def dtype(self) -> torch.dtype:
        """Type in which the activations lie on disk."""
        return self._open.dtype

    @property
    def places(self) -> list[Int[Tensor, " _"]] | None:
        """For each shard, where in it the activation of each row stands; None where they are not scattered."""
        found = [columns[PLACE] for columns in self._open.columns if PLACE in columns]
        return found if len(found) == len(self.shards) else None

    @property
    def x_bytes(self) -> int:
        """Bytes of all activations as they are kept."""
        return self._open.x_bytes

    def rows(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d_model"]:
        """Raw activations of these rows, float32, gathered shard by shard; raise `UsageError` out of range."""
        if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= len(self)):
            raise UsageError(f"rows {int(indices.min())} to {int(indices.max())} asked of {len(self)}")
        ordered, order = indices.sort()
        wanted = self._by_shard(ordered)
        out = torch.empty(len(indices), self.d_model)
        places = order.split([len(rows) for _, rows in wanted])
        for at, found in zip(places, self._open.activations(wanted), strict=True):
            out.index_copy_(0, at, found.float())
        return out

    def expect(self, indices: Int[Tensor, " n"]) -> None:
        """Make ready for many reads within these rows: fetched in one go from a URL; nothing to do on a disk."""
        self._open.expect(self._by_shard(indices.sort().values))

    def _by_shard(self, ordered: Int[Tensor, " n"]) -> list[tuple[int, Int[Tensor, " _"]]]:
        """Number of each shard that has some of these rows, and its rows, counted in it."""
        bounds = torch.searchsorted(ordered, self._offsets).tolist()
        return [
            (number, ordered[begin:end] - self._offsets[number])
            for number, (begin, end) in enumerate(pairwise(bounds))
            if begin < end
        ]

    def column(self, name: str) -> Tensor:
        """One of `document`, `position`, `token`, `norm` of all rows."""
        return torch.cat([columns[name] for columns in self._open.columns])

    @cached_property
    def norms(self) -> Float[Tensor, " n"]:
        """Norm of every row, float32."""
        return self.column("norm")

    def usual_rows(self, stats: ActivationStats) -> Int[Tensor, " usual"]:
        """Numbers of the rows that are not massive by the threshold of `stats`."""
        return (self.norms <= stats.massive_threshold).nonzero().flatten()

    def verify(self) -> None:
        """Check the hash of every shard; raise `DamagedError` that names the first file that was changed."""
        for shard in checked_shards(self.place, self.place.sizes()):
            shard.check_contents(self.place)


def checked_shards(place: Place, sizes: Mapping[str, int]) -> list[Shard]:
    """Records of the finished shards, from the first up to the first that is missing; their files have their sizes."""
    shards = read_records(place, leading(sizes))
    for shard in shards:
        shard.check_size(place, sizes.get(shard.file))
    return shards


def check_asked(place: Place, sizes: Mapping[str, int], asked: Mapping[str, Any]) -> bool:
    """Whether a store of exactly these settings was begun here; raise `UsageError` where it was another."""
    if STORE not in sizes:
        return False
    try:
        before = json.loads(place.read([STORE])[0])
    except ValueError as error:
        raise DamagedError(f"{place.name(STORE)} is no readable JSON ({error}); restore it") from None
    other = [key for key in sorted(before | asked) if before.get(key) != asked.get(key)]
    if other:
        changes = ", ".join(f"{key} {before.get(key)!r} -> {asked.get(key)!r}" for key in other)
        raise UsageError(f"{place} holds a store of other settings ({changes}); harvest into another folder")
    return True


def reopen_store(folder: Path) -> bool:
    """Whether shards of a finished store at a URL are damaged or missing; if so the store counts as unfinished.

    The records of damaged ones are removed, so that a harvest makes those again and keeps the others. Downloads all.
    """
    url = read_json(folder / STORE).get(AT) if (folder / STORE).is_file() else None
    if url is None:
        return False
    place, stats, rows = place_of(folder, url), ActivationStats.load(folder), 0
    sizes = place.sizes()
    for number in recorded(sizes):
        try:
            (shard,) = read_records(place, [number])
            shard.check_size(place, sizes.get(shard.file))
            shard.check_contents(place)
            rows += shard.rows
        except DamagedError:
            place.remove(record_name(number))
    if rows == stats.n + stats.massive:
        return False
    ActivationStats.forget(folder)
    return True
