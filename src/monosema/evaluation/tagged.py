"""What the tags of a text tell: which documents are about a concept, and which tokens name one.

A token is known by its key, document times 2^32 plus offset, so that sets of tokens are sorted arrays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int, Int64
from torch import Tensor

from monosema.corpora import DocumentEntry, Tokens, document_of, key_of
from monosema.evaluation.concepts import halves

TAG = "concept"
HELD_OUT = ("explain", "score", "report")
REACH = 8
"""A name stands near at its own tokens and at the next 7: among the last 8, the position itself counted.

Where the tokenizer cuts a script into bytes, tokens are bytes, and so are these.
"""
FEWEST = 6
"""Held-out documents that a concept needs to be scored by documents."""
FEWEST_POSITIONS = 10
"""Positions inside its spans that a concept needs in each half to be scored inside spans."""
FEWEST_DOCUMENTS = 3
"""Documents that these must be of, in each half."""

Keys = Int64[np.ndarray, " _"]


def is_in(keys: Int64[np.ndarray, " n"], among: Int64[np.ndarray, " m"]) -> Bool[np.ndarray, " n"]:
    """Which keys stand among others, which are sorted."""
    if not len(among):
        return np.zeros(len(keys), dtype=bool)
    return among[np.minimum(np.searchsorted(among, keys), len(among) - 1)] == keys


class Tagged:
    """The tags of all documents and spans. Only spans of concepts count: the grammar marks other things too.

    Memory: about 1 kB a document and 24 bytes a span.
    """

    def __init__(self, tokens: Tokens, concepts: Collection[str]) -> None:
        """`concepts`: ids of a catalogue; what documents are tagged with counts as a concept, too."""
        self.entries: list[DocumentEntry] = tokens.documents(range(tokens.n_documents))
        self.about = [str(one.tags[TAG]) if TAG in one.tags else None for one in self.entries]
        """The concept of each document."""
        self._splits = np.array([one.split for one in self.entries], dtype=str)
        known = {*concepts, *self.about}
        spans = tokens.spans()
        named = np.array([tag in known for tag in spans.tag], dtype=bool)
        self.names, self._name = np.unique(np.array(spans.tag, dtype=str)[named], return_inverse=True)
        self._document, self._start, self._end = (
            one[named].astype(np.int64) for one in (spans.document, spans.start, spans.end)
        )
        self._trained_on = max(tokens.count("train"), 1)

    def documents(self, splits: Sequence[str]) -> Int64[np.ndarray, " _"]:
        """Numbers of the documents of some splits."""
        return np.flatnonzero(np.isin(self._splits, list(splits)))

    def hashes(self, documents: Int64[np.ndarray, " n"]) -> set[bytes]:
        """What stands for the contents of some documents."""
        return {self.entries[number].hash for number in documents}

    def half(self, documents: Int64[np.ndarray, " n"]) -> Bool[Tensor, " n"]:
        """Which of some documents are matched on; the others are scored on."""
        return halves([self.entries[number].hash for number in documents])

    def concepts(self, documents: Int64[np.ndarray, " n"]) -> tuple[dict[str, Bool[Tensor, " n"]], int]:
        """Concepts with enough documents and which these are; and how many concepts have too few."""
        tags = [self.about[number] for number in documents]
        counts = Counter(tag for tag in tags if tag is not None)
        enough = {
            name: torch.tensor([tag == name for tag in tags])
            for name, count in sorted(counts.items())
            if count >= FEWEST
        }
        return enough, len(counts) - len(enough)

    def near(self, documents: Int64[np.ndarray, " n"]) -> Keys:
        """Tokens of some documents at which a name stands or stood at most 7 tokens before."""
        chosen = np.isin(self._document, documents)
        keys, _ = _expand(self._document[chosen], self._start[chosen], self._end[chosen] + REACH - 1)
        return np.unique(keys)

    def inside(self, documents: Int64[np.ndarray, " n"]) -> dict[str, Keys]:
        """Tokens inside the spans of each concept that some documents name."""
        chosen = np.isin(self._document, documents)
        keys, span = _expand(self._document[chosen], self._start[chosen], self._end[chosen])
        name = self._name[chosen][span]
        order = np.argsort(name, kind="stable")
        bounds = np.searchsorted(name[order], np.arange(len(self.names) + 1))
        return {
            str(self.names[number]): np.unique(keys[order[bounds[number] : bounds[number + 1]]])
            for number in np.unique(name).tolist()
        }

    def frequencies(self) -> dict[str, float]:
        """Share of the training positions that stand inside spans of each concept."""
        inside = self.inside(self.documents(["train"]))
        return {name: len(keys) / self._trained_on for name, keys in inside.items()}

    def scorable(self) -> list[str]:
        """Concepts that can be scored by documents or inside spans, those of most held-out documents first."""
        numbers = self.documents(HELD_OUT)
        counts = Counter(tag for tag in (self.about[number] for number in numbers) if tag is not None)
        half = np.zeros(len(self.entries), dtype=bool)
        half[numbers] = self.half(numbers).numpy()
        named = {
            name
            for name, keys in self.inside(numbers).items()
            if enough(document_of(keys), half[document_of(keys)])
        }
        found = named | {name for name, count in counts.items() if count >= FEWEST}
        return sorted(found, key=lambda name: (-counts[name], name))


def enough(document: Int[np.ndarray, " n"], half: Bool[np.ndarray, " n"]) -> bool:
    """Whether positions of a concept are enough in both halves: the document and the half of each."""
    return all(
        side.sum() >= FEWEST_POSITIONS and len(np.unique(document[side])) >= FEWEST_DOCUMENTS
        for side in (half, ~half)
    )


def _expand(
    document: Int64[np.ndarray, " spans"],
    start: Int64[np.ndarray, " spans"],
    end: Int64[np.ndarray, " spans"],
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Keys of all tokens of some spans, and the number of the span that each is of."""
    lengths = end - start
    span = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(span)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return key_of(document[span], start[span] + step), span
