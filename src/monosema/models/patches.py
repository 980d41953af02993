"""Hooks on modules: what they take in or give out is read or replaced, or whole blocks are passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from monosema.models.families import Side

EditFn = Callable[[Tensor], Tensor]


@contextmanager
def hooked(block: nn.Module, module: nn.Module, side: Side, act: EditFn) -> Iterator[None]:
    """Within, what a module of a block takes in or gives out is what `act` makes of it, as [b, s, width]."""
    rows: list[int] = []

    def note(x: Tensor) -> Tensor:
        rows[:] = x.shape[:2]
        return x

    def in_rows(x: Tensor) -> Tensor:  # OPT's MLP works on [b * s, width]
        return act(x) if x.ndim == 3 else act(x.view(*rows, -1)).reshape(x.shape)

    with ExitStack() as stack:
        if module is not block:
            stack.callback(_register(block, "input", note).remove)
        stack.callback(_register(module, side, in_rows).remove)
        yield


@contextmanager
def skipping(blocks: Sequence[nn.Module], x: Float[Tensor, "b s d_model"], *, tuples: bool) -> Iterator[None]:
    """Within, these blocks do nothing; each gives x, in a tuple where the family's blocks give tuples."""

    def give(hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        return (x,) if tuples else x

    before = [block.__dict__.get("forward") for block in blocks]  # accelerate sets one of its own
    for block in blocks:
        block.forward = give
    try:
        yield
    finally:
        for block, forward in zip(blocks, before, strict=True):
            if forward is None:
                del block.forward
            else:
                block.forward = forward


def returns_tuples(block: nn.Module, run: Callable[[], object]) -> bool:
    """Whether a block gives a tuple, as some families' do; `run` makes it work once."""
    seen: list[bool] = []
    handle = block.register_forward_hook(lambda m, args, out: seen.append(isinstance(out, tuple)))
    try:
        run()
    finally:
        handle.remove()
    return seen[0]


def _first(value: Any) -> Tensor:
    return value[0] if isinstance(value, tuple) else value


def _like(value: Any, first: Tensor) -> Any:
    return (first, *value[1:]) if isinstance(value, tuple) else first


def _register(module: nn.Module, side: Side, act: EditFn) -> Any:
    if side == "output":
        return module.register_forward_hook(lambda m, args, out: _like(out, act(_first(out))))

    def before(m: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (act(args[0]), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": act(kwargs["hidden_states"])}

    return module.register_forward_pre_hook(before, with_kwargs=True)
