"""Keys and values of tokens that a model has read, while it writes on."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

ROOM = 64
"""Later tokens that a buffer has room for when it is made."""


class GrowingLayer(DynamicLayer):
    """Keys and values of one layer in buffers with room.

    transformers' own layer joins old and new at every token, which copies all that was read: a quarter of the time
    that a small model takes for a batch of a hundred rows.
    """

    keys: Tensor
    values: Tensor
    _rooms: tuple[Tensor, Tensor] | None = None

    def update(
        self,
        key_states: Float[Tensor, "b h s d"],
        value_states: Float[Tensor, "b h s d"],
        *args: Any,
        **kwargs: Any,
    ) -> tuple[Float[Tensor, "b h all d"], Float[Tensor, "b h all d"]]:
        """Take in new tokens; give those of all so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        begin = self.get_seq_length()
        end = begin + key_states.shape[-2]
        if self._rooms is None or end > self._rooms[0].shape[-2]:
            self._rooms = (
                _with_room(self.keys, key_states, begin, end),
                _with_room(self.values, value_states, begin, end),
            )
        keys, values = self._rooms
        keys[..., begin:end, :], values[..., begin:end, :] = key_states, value_states
        self.keys, self.values = keys[..., :end, :], values[..., :end, :]
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows of the batch."""
        super().batch_select_indices(indices)
        self._rooms = None


def _with_room(old: Tensor, new: Tensor, begin: int, end: int) -> Tensor:
    room = new.new_empty(*new.shape[:-2], end + ROOM, new.shape[-1])
    if begin:
        room[..., :begin, :] = old
    return room


def growing_cache(network: Any) -> DynamicCache:
    """A cache for a network; layers that attend to everything grow in place."""
    cache = DynamicCache(config=network.config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
