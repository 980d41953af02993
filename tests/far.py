"""A GPU for machines without one: tensors that say they lie there, and what mixes devices fails as it would there.

Numbers lie in this machine's memory and are computed by torch here, so that results equal torch's to the bit. What
differs on a real GPU is not seen: its own kernels and their rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partialmethod
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from monosema.kernels import has_bf16_units
from monosema.training.machine import AMPERE

GPU, HERE, GPUS = torch.device("cuda"), torch.device("cpu"), ("cuda", "mps")
DEVICE_OF = Tensor.device.__get__
MOVING = ("to", "copy_")
"""May read from one device and write to the other."""
INDEXING = ("__getitem__", "__setitem__")
HOST_ONLY = ("numpy", "data_ptr", "__array__")


class Far(Tensor):
    """A tensor that says it lies on the GPU."""


class _Generator(torch.Generator):
    """One of this machine, wherever it is asked for."""

    def __new__(cls, device: torch.device | str = HERE) -> _Generator:
        return super().__new__(cls, HERE)


class _Event:
    """What has been asked is done at once."""

    def __init__(self, *asked: Any, **more: Any) -> None:
        pass

    def record(self, *asked: Any) -> None:
        pass

    wait = synchronize = record

    def query(self) -> bool:
        return True


@contextmanager
def gpu(name: str = "cuda") -> Iterator[torch.device]:
    """While it lasts tensors can be made on this device, and moved to it and back, and modules moved to it.

    `name`: cuda, or mps, which has no float64.
    """
    device = torch.device(name)
    with pytest.MonkeyPatch.context() as patch, _Watching(device):
        patch.setattr(nn.Module, "to", partialmethod(_module_to, nn.Module.to))
        patch.setattr(torch, "Generator", _Generator)
        patch.setattr(torch, "Event", _Event)
        patch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=1 << 34))
        patch.setattr(torch.cuda, "get_device_capability", lambda _: AMPERE if has_bf16_units() else (0, 0))
        yield device


class _Watching(TorchFunctionMode):
    """Sees every call of torch."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, leaves = getattr(func, "__name__", ""), tree_leaves((args, kwargs))
        far = any(isinstance(leaf, Far) for leaf in leaves)
        asked = [torch.device(leaf) for leaf in leaves if _is_device(leaf)]
        if func is torch.device or not (far or any(device.type == self.device.type for device in asked)):
            return func(*args, **kwargs or {})
        if func == DEVICE_OF:
            return self.device
        if name in HOST_ONLY:
            raise TypeError(f"can't convert {self.device} device type tensor to host memory ({name})")
        _check(name, args, kwargs or {})
        with torch._C.DisableTorchFunction():
            if name == "__deepcopy__":  # torch's own rebuilds tensors from their storage
                func, args = Tensor.clone, args[:1]
            given, named = tree_map(_near, (tuple(args), dict(kwargs or {})))
            out = func(*given, **named)
        if name == "copy_":
            return args[0]
        there = asked[0].type == self.device.type if asked else far and name != "cpu"
        if there and self.device.type == "mps" and _wide(out):
            raise TypeError(f"cannot convert a MPS Tensor to float64 dtype ({name})")
        return tree_map(_far if there else _here, out)


def _check(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise `RuntimeError` where tensors of both places meet; single numbers may, and indices from here."""
    if name in MOVING:
        return
    met: Any = (args, kwargs)
    if name in INDEXING:
        itself, at, *value = args
        copied = not any(isinstance(leaf, Tensor) for leaf in tree_leaves(at))
        met = (itself, () if isinstance(itself, Far) else at, () if copied else value)
    places = {isinstance(leaf, Far) for leaf in tree_leaves(met) if isinstance(leaf, Tensor) and leaf.ndim}
    if len(places) > 1:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found two ({name})")


def _near(value: Any) -> Any:
    return HERE if _is_device(value) and torch.device(value).type in GPUS else value


def _far(value: Any) -> Any:
    return value.as_subclass(Far) if isinstance(value, Tensor) else value


def _here(value: Any) -> Any:
    return value.as_subclass(Tensor) if isinstance(value, Far) else value


def _wide(out: Any) -> bool:
    return any(isinstance(leaf, Tensor) and leaf.dtype == torch.float64 for leaf in tree_leaves(out))


def _is_device(value: Any) -> bool:
    return isinstance(value, torch.device) or (isinstance(value, str) and value in ("cuda", "mps", "cpu"))


def _module_to(
    module: nn.Module, elsewhere: Callable[..., nn.Module], *args: Any, **kwargs: Any
) -> nn.Module:
    """`Module.to`, which on its own puts numbers elsewhere and keeps the kind of tensor."""
    there = [device for device in args if _is_device(device) and torch.device(device).type in GPUS]
    if not there:
        return elsewhere(module, *args, **kwargs)
    moved: dict[int, Tensor] = {}  # weights that two modules share stay shared
    for each in module.modules():
        for held in (each._parameters, each._buffers):
            for name, tensor in held.items():
                if tensor is not None:
                    far = moved.setdefault(id(tensor), tensor.detach().to(there[0]))
                    held[name] = nn.Parameter(far, tensor.requires_grad) if held is each._parameters else far
    return module
