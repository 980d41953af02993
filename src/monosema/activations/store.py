"""Activations of one hook point on disk: harvested once, read by training, evaluation and index.

A folder holds `store.json` (what was asked), numbered shards (`00000.safetensors` with its record
`00000.json`), and, once it is whole, the statistics (`stats.json`, `stats.safetensors`). A shard is an
idempotent task: a range of batches in, one file out. So resuming, and many workers, are the same mechanism.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monosema.activations.massive import ActivationStats
from monosema.activations.shards import PLACE, Shard, activations, open_columns, read_record
from monosema.artifact import read_json
from monosema.errors import DamagedError, UsageError

SCHEMA = 2
READ = (1, 2)
"""Schemas that are read; since 2 the activations of a shard are scattered."""
STORE = "store.json"


class ActivationStore:
    """Memory-mapped reader of a finished store; rows are numbered in the order of the harvest."""

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
        self.shards = read_records(self.folder)
        """Records of its shards."""
        self._columns = [open_columns(self.folder, shard, self.d_model) for shard in self.shards]
        counts = torch.tensor([0, *(shard.rows for shard in self.shards)])
        self._offsets = counts.cumsum(0)  # first row of each shard, and the end
        if len(self) != self.stats.n + self.stats.massive:
            raise DamagedError(
                f"{self.folder} has {len(self)} rows, its statistics speak of "
                f"{self.stats.n + self.stats.massive}; harvest again"
            )

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
        return self._columns[0]["x"].dtype

    @property
    def places(self) -> list[Int[Tensor, " _"]] | None:
        """For each shard, where in it the activation of each row stands; None where they are not scattered."""
        found = [columns[PLACE] for columns in self._columns if PLACE in columns]
        return found if len(found) == len(self._columns) else None

    @property
    def x_bytes(self) -> int:
        """Bytes of all activations on disk."""
        return sum(columns["x"].nbytes for columns in self._columns)

    def rows(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d_model"]:
        """Raw activations of these rows, float32, gathered shard by shard; raise `UsageError` out of range."""
        if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= len(self)):
            raise UsageError(f"rows {int(indices.min())} to {int(indices.max())} asked of {len(self)}")
        ordered, order = indices.sort()
        bounds = torch.searchsorted(ordered, self._offsets).tolist()
        out = torch.empty(len(indices), self.d_model)
        for number, (begin, end) in enumerate(pairwise(bounds)):
            if begin < end:
                inside = ordered[begin:end] - self._offsets[number]
                rows = activations(self._columns[number], inside)
                out.index_copy_(0, order[begin:end], rows.float())
        return out

    def column(self, name: str) -> Tensor:
        """One of `document`, `position`, `token`, `norm` of all rows."""
        return torch.cat([columns[name] for columns in self._columns])

    @cached_property
    def norms(self) -> Float[Tensor, " n"]:
        """Norm of every row, float32."""
        return self.column("norm")

    def usual_rows(self, stats: ActivationStats) -> Int[Tensor, " usual"]:
        """Numbers of the rows that are not massive by the threshold of `stats`."""
        return (self.norms <= stats.massive_threshold).nonzero().flatten()

    def verify(self) -> None:
        """Check the hash of every shard; raise `DamagedError` that names the first file that was changed."""
        for shard in self.shards:
            shard.check(self.folder, contents=True)


def read_records(folder: Path) -> list[Shard]:
    """Records of the finished shards, from the first up to the first that is missing."""
    records: list[Shard] = []
    while (record := read_record(folder, len(records))) is not None:
        records.append(record)
    return records


def check_asked(folder: Path, asked: dict[str, Any]) -> bool:
    """Whether a store of exactly these settings was begun here; raise `UsageError` where it was another."""
    if not (folder / STORE).exists():
        return False
    before = read_json(folder / STORE)
    other = [key for key in sorted(before | asked) if before.get(key) != asked.get(key)]
    if other:
        changes = ", ".join(f"{key} {before.get(key)!r} -> {asked.get(key)!r}" for key in other)
        raise UsageError(f"{folder} holds a store of other settings ({changes}); harvest into another folder")
    return True
