"""What a corpus is asked to be: one `[corpora.NAME]` table of study.toml."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from monosema.errors import UsageError

SPLITS = ("train", "explain", "score", "report")
"""The splits, in the order in which `CorpusSettings.shares` counts them."""


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """Where documents come from, and how they become rows of tokens."""

    sources: tuple[str, ...]
    """Files or folders of .txt, .jsonl, .jsonl.gz and .parquet; `datasets:NAME[/config]`; `world:NAME`."""
    weights: tuple[float, ...] | None = None
    """Weight of each source: their shares of the tokens, such as [3, 1]; None takes documents as they come."""
    tokens: int | None = None
    """How many tokens to take, in whole documents drawn at random; None takes all."""
    context: int = 256
    """Most positions in a row, and so the longest stretch that the model sees at once."""
    packing: Literal["separate", "joined"] = "separate"
    """separate: a row is a piece of one document; joined: documents end to end, cut each `context`."""
    bos: Literal["auto", "always", "never"] = "auto"
    """Whether a row (separate) or document (joined) begins with BOS; auto: as the tokenizer itself does."""
    chat: Literal["auto", "template", "plain"] = "auto"
    """How chats become text: by the model's chat template (auto: if it has one), or as plain paragraphs."""
    text_field: str = "text"
    """Field of a record that holds its text, or a list of messages; dots reach into nested fields."""
    tag_fields: tuple[str, ...] = ()
    """Fields of a record that become tags of its document, beside those of its field `tags`."""
    concepts: str | None = None
    """Whose names are marked in the text: `world` (the catalogue that comes with us) or a folder of data files."""
    shares: tuple[float, float, float, float] = (0.90, 0.03, 0.03, 0.04)
    """Shares of documents for train, explain, score and report."""
    seed: int = 0
    """Seed of the order of documents and rows; splits do not depend on it."""

    def __post_init__(self) -> None:
        if not self.sources:
            raise UsageError("sources is empty; expected at least one file, folder or datasets:NAME")
        if self.weights is not None:
            self._check_weights(self.weights)
        if self.context < 2:
            raise UsageError(f"context is {self.context}; expected 2 or more; try 256")
        if self.tokens is not None and self.tokens < 1:
            raise UsageError(f"tokens is {self.tokens}; expected 1 or more, or leave it out to take all")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; expected a whole number of 0 or more")
        if any(not 0 <= share <= 1 for share in self.shares) or not math.isclose(sum(self.shares), 1.0):
            raise UsageError(
                f"shares is {list(self.shares)}; expected four shares ({', '.join(SPLITS)}) that add up to 1"
            )

    def _check_weights(self, weights: tuple[float, ...]) -> None:
        if len(weights) != len(self.sources):
            raise UsageError(
                f"weights has {len(weights)} numbers and sources {len(self.sources)}; expected one for each source"
            )
        for source, weight in zip(self.sources, weights, strict=True):
            if not (math.isfinite(weight) and weight > 0):
                raise UsageError(
                    f"the weight of {source} is {weight:g}; expected a number above 0, or leave the source out"
                )
