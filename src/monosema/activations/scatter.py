"""An exact uniform shuffle of a store larger than memory: scattered when written, read bucket by bucket.

1. In each shard the activations lie in an order drawn uniformly when it was written (`place`).
2. For a pass, each place of a shard draws one of B buckets, and these draws are sorted: bucket b is then one
   stretch of every shard. Since the rows are in uniform order, which row got which draw is independent of the
   sorting, so each row is in a bucket drawn uniformly and independently of all others.
3. A pass takes the buckets one after the other, the rows of each in uniform random order. Rows thrown into buckets
   independently and uniformly, each bucket shuffled, make a uniform permutation (Rao 1961; Sandelius 1962).

So a pass reads each stretch of the file once, and only one bucket has to fit in memory; which rows are wanted of
it (the massive ones are not) changes nothing above. Every pass is a uniform permutation. Passes are not
independent of each other: rows that lie side by side in a shard are often in one bucket again.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

BUCKET_BYTES = 1 << 30
"""Of a store with more activations than this, about so many bytes are read at a time: what must fit in memory."""


def drawn_places(rows: int, generator: torch.Generator) -> Int[Tensor, " rows"]:
    """Where in a shard each row's activation is written, int32."""
    return torch.randperm(rows, generator=generator).to(torch.int32)


def drawn_buckets(
    places: Sequence[Int[Tensor, " _"]], buckets: int, generator: torch.Generator
) -> Int[Tensor, " rows"]:
    """Bucket of each row for one pass, from the places of the rows of each shard, int32."""
    found = []
    for place in places:
        of_place = torch.randint(buckets, (len(place),), generator=generator, dtype=torch.int32).sort().values
        found.append(of_place[place])
    return torch.cat(found)


def bucket_by_bucket(buckets: Int[Tensor, " n"], generator: torch.Generator) -> Int[Tensor, " n"]:
    """The rows in the order of a pass: by bucket, and in uniform random order within each."""
    shuffled = torch.randperm(len(buckets), generator=generator)
    return shuffled[buckets[shuffled].sort(stable=True).indices]
