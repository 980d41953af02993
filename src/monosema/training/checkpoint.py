"""Checkpoints: everything that training needs to go on to the bit, in one safetensors file written atomically.

Weights, the state of the step (Adam and its kin) and that of the stream are its tensors; counters and the
question that it answers are a JSON record in its header, with the BLAKE2 hash of all of it to find damage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from monosema.errors import DamagedError, RefusedError
from monosema.sae.formats.tensors import read_metadata, read_tensors, tensor_bytes, write_tensors

VERSION = 1
_RECORD = "monosema"
_ADVICE = "remove it to train from the start"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of training after some step."""

    asked: dict[str, Any]
    """Plan and SAE config: a resume must ask the same."""
    counters: dict[str, Any]
    """Steps done, metrics not yet written, recent losses."""
    weights: Mapping[str, Tensor]
    """The SAE's tensors."""
    step: Mapping[str, Tensor]
    """State of the training step."""
    stream: Mapping[str, Tensor]
    """State of the activation stream."""

    def save(self, path: Path) -> None:
        """Write atomically: after a kill at any instant the old file or the new one is there, whole."""
        tensors = {
            f"{group}.{name}": tensor
            for group in ("weights", "step", "stream")
            for name, tensor in getattr(self, group).items()
        }
        body = {"version": VERSION, "asked": self.asked, "counters": self.counters}
        record = json.dumps({"body": body, "blake2b": _digest(tensors, body)})
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(path, tensors, {_RECORD: record})

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint; raise `DamagedError` that names the file where it is not what was written."""
        try:
            tensors, metadata = read_tensors(path)
            record = json.loads(metadata[_RECORD])
            body, seen = record["body"], record["blake2b"]
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise DamagedError(f"{path} is no checkpoint of monosema ({error}); {_ADVICE}") from None
        if seen != _digest(tensors, body):
            raise DamagedError(f"{path} was changed after it was written: its hash does not fit; {_ADVICE}")
        if body["version"] != VERSION:
            raise RefusedError(f"{path} is of version {body['version']}, expected {VERSION}; {_ADVICE}")
        groups: dict[str, dict[str, Tensor]] = {"weights": {}, "step": {}, "stream": {}}
        for key, tensor in tensors.items():
            group, name = key.split(".", 1)
            groups[group][name] = tensor
        return cls(asked=body["asked"], counters=body["counters"], **groups)

    def check(self, asked: Mapping[str, Any], path: Path) -> None:
        """Raise `RefusedError` that lists the keys in which this checkpoint answers another question."""
        now, then = _flat(json.loads(json.dumps(asked))), _flat(self.asked)
        keys = [key for key in sorted(now | then) if now.get(key) != then.get(key)]
        if keys:
            listed = ", ".join(f"{key} {then.get(key)!r} -> {now.get(key)!r}" for key in keys)
            raise RefusedError(f"{path} belongs to another training ({listed}); {_ADVICE}")


def steps_done(path: Path) -> int:
    """Steps that the checkpoint at this path holds, by its record alone; 0 where there is none."""
    if not path.exists():
        return 0
    try:
        return int(json.loads(read_metadata(path)[_RECORD])["body"]["counters"]["steps"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is no checkpoint of monosema ({error}); {_ADVICE}") from None


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        flat |= _flat(entry, f"{prefix}{key}.") if isinstance(entry, dict) else {f"{prefix}{key}": entry}
    return flat


def _digest(tensors: Mapping[str, Tensor], body: Mapping[str, Any]) -> str:
    state = hashlib.blake2b(digest_size=32)
    state.update(json.dumps(body, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        state.update(tensor_bytes(tensor).data)
    return state.hexdigest()
