"""Stores at memory://, their files, and harm done to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec

from activations.tiny import HOOK, MemoryTokens, TinyModel
from monosema.activations import (
    ActivationStore,
    HarvestPlan,
    harvest_to_disk,
)

PLAN = HarvestPlan(tokens_per_batch=30, batches_per_shard=2, seed=0)
URL = "memory://bucket/activations"


def make(
    folder: Path, url: str | None = URL, plan: HarvestPlan = PLAN, model: TinyModel | None = None, **more: Any
) -> ActivationStore:
    tokens = MemoryTokens(**more)
    at = {} if url is None else {HOOK: url}
    return harvest_to_disk(model or TinyModel(), tokens, {HOOK: folder}, plan, at=at)[HOOK]


def path_of(store: ActivationStore) -> str:
    return str(fsspec.core.url_to_fs(store.asked["at"])[1])


def files(store: ActivationStore) -> dict[str, bytes]:
    system, path = fsspec.core.url_to_fs(store.asked["at"])
    return {name.rpartition("/")[2]: system.cat_file(name) for name in system.ls(path, detail=False)}


def change(store: ActivationStore, name: str, harm: Callable[[bytes], bytes]) -> None:
    system, path = fsspec.core.url_to_fs(store.asked["at"])
    system.pipe_file(f"{path}/{name}", harm(system.cat_file(f"{path}/{name}")))


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def fails(error: Exception) -> Callable[..., Any]:
    def act(*_: Any, **__: Any) -> Any:
        raise error

    return act
