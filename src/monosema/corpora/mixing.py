"""Several sources mixed by weight: whole documents, so that shares of tokens keep to the weights all along.

The next document is always that of the source which has the fewest tokens for its weight so far. So wherever the
mixture stops, each source is off its share by less than one document a source; and nothing is drawn here: the
order inside a source comes from the seed, and of equal sources the one whose next document comes first in that
order is next, whatever the order in which sources are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monosema.corpora.document import Document, order_key
from monosema.corpora.encode import EncodedDocument
from monosema.errors import UsageError

Encoded = tuple[Document, EncodedDocument]


def mixed(streams: Sequence[Iterator[Encoded]], weights: Sequence[float], seed: int) -> Iterator[Encoded]:
    """Interleave sources by weight, and end where the one whose turn it is has no more."""
    taken = [0] * len(streams)
    heads = [next(stream, None) for stream in streams]

    def turn(number: int) -> tuple[float, bytes]:
        head = heads[number]
        return taken[number] / weights[number], b"" if head is None else order_key(head[0].hash, seed)

    while (head := heads[number := min(range(len(streams)), key=turn)]) is not None:
        yield head
        taken[number] += len(head[1].ids)
        heads[number] = next(streams[number], None)


def check_enough(
    taken: Sequence[int], weights: Sequence[float], sources: Sequence[str], tokens: int | None
) -> None:
    """Raise `UsageError`, with the shares that came out, where a source ran dry before there were `tokens`."""
    total = sum(taken)
    if tokens is None or total >= tokens:
        return
    dry = min(range(len(taken)), key=lambda number: taken[number] / weights[number])
    came = ", ".join(f"{count / max(total, 1):.3f}" for count in taken)
    wished = ", ".join(f"{weight / sum(weights):.3f}" for weight in weights)
    raise UsageError(
        f'source "{sources[dry]}" ran dry: with {taken[dry]:,} tokens of it the mixture has {total:,} of the '
        f"{tokens:,} asked (shares {came} of {wished}); add text to it, change weights, or lower tokens to {total}"
    )
