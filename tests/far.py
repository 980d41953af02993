"""A GPU for machines without one: tensors that say they lie there, and what mixes devices fails as it would there.

Numbers lie in this machine's memory and are computed by torch here, so that results equal torch's to the bit. What
differs on a real GPU is not seen: its own kernels and their rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU, HERE = torch.device("cuda"), torch.device("cpu")
DEVICE_OF = Tensor.device.__get__
MOVING = ("to", "copy_")
"""May read from one device and write to the other."""
HOST_ONLY = ("numpy", "data_ptr", "__array__")


class Far(Tensor):
    """A tensor that says it lies on the GPU."""


@contextmanager
def gpu() -> Iterator[torch.device]:
    """While it lasts tensors can be made on this device, and moved to it and back."""
    with _Watching():
        yield GPU


class _Watching(TorchFunctionMode):
    """Sees every call of torch."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, leaves = getattr(func, "__name__", ""), tree_leaves((args, kwargs))
        far = any(isinstance(leaf, Far) for leaf in leaves)
        if func == DEVICE_OF:
            return GPU if far else HERE
        if far and name in HOST_ONLY:
            raise TypeError(f"can't convert cuda:0 device type tensor to host memory ({name})")
        _check(name, args, kwargs or {})
        with torch._C.DisableTorchFunction():
            given, named = tree_map(_near, (tuple(args), dict(kwargs or {})))
            out = func(*given, **named)
        asked = [torch.device(leaf) for leaf in leaves if _is_device(leaf)]
        if name == "copy_":
            return args[0]
        there = asked[0] == GPU if asked else far and name != "cpu"
        return tree_map(_far, out) if there else out


def _check(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise `RuntimeError` where tensors of both places meet; single numbers may, and indices from here."""
    if name in MOVING:
        return
    met: Any = (args, kwargs)
    if name == "__setitem__" and not any(isinstance(leaf, Tensor) for leaf in tree_leaves(args[1])):
        return  # a copy
    if name == "__getitem__" and isinstance(args[0], Far):
        met = args[0]
    places = {isinstance(leaf, Far) for leaf in tree_leaves(met) if isinstance(leaf, Tensor) and leaf.ndim}
    if len(places) > 1:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found cuda:0 and cpu ({name})"
        )


def _near(value: Any) -> Any:
    if isinstance(value, Far):
        return value.as_subclass(Tensor)
    return HERE if _is_device(value) else value


def _far(value: Any) -> Any:
    return value.as_subclass(Far) if isinstance(value, Tensor) else value


def _is_device(value: Any) -> bool:
    return isinstance(value, torch.device) or (isinstance(value, str) and value in ("cuda", "cpu"))
