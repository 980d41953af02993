"""How much text a corpus has, in tokens, and what reading and encoding it costs: from a sample, nothing kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from monosema.corpora import CorpusSettings, Document, read_documents, write_tokens
from monosema.errors import UsageError
from monosema.study import TOML

SAMPLE = 256
"""Documents that are encoded."""
KEPT = 4096
"""First documents of a text, among which the sample is spread."""
PATIENCE = 5.0
"""Seconds that are spent on reading text."""


@dataclass(frozen=True, kw_only=True)
class TextSize:
    """What a sample of a text says of it."""

    tokens: int
    """Tokens that a run takes of it: as asked, or all there are."""
    kept: float
    """Share of them whose positions are not excluded."""
    reading: float
    """Seconds to read all of it and mark the names of concepts."""
    encoding: float
    """Seconds a token that is taken."""
    bytes: int
    """Characters of the text, all of which are held while tokens are made."""


def text_size(name: str, settings: CorpusSettings, base: Path, tokenizer: Any, scratch: Path) -> TextSize:
    """Look at the text of `[corpora.NAME]`; relative paths count from `base`.

    A text that takes longer to read than `PATIENCE` is taken to have the tokens that are asked for. Raises
    `UsageError` where there is no text, and where no tokens are asked of one that is too long to count.
    """
    kept, characters, reading, whole = _read(settings, base)
    step = max(1, len(kept) // SAMPLE)
    sample = kept[::step][:SAMPLE]
    scratch.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    plain = replace(settings, tokens=None, weights=None, packing="separate", concepts=None)
    found = write_tokens(scratch, sample, tokenizer, plain)
    encoding = (time.perf_counter() - start) / found.tokens
    a_character = found.tokens / sum(len(document.content) for document in sample)
    there = round(a_character * characters)
    if not whole and settings.tokens is None:
        raise UsageError(
            f"{TOML}: corpora.{name} has more text than can be counted in {PATIENCE:g} s; set tokens"
        )
    tokens = settings.tokens or there
    if not whole:  # what is taken is at least read
        reading *= max(1.0, tokens / there)
        characters = max(characters, round(tokens / a_character))
    return TextSize(
        tokens=min(tokens, there) if whole else tokens,
        kept=found.kept / found.tokens,
        reading=reading + characters * _marking(settings, base),
        encoding=encoding,
        bytes=characters,
    )


def _read(settings: CorpusSettings, base: Path) -> tuple[list[Document], int, float, bool]:
    """First documents, characters of all, seconds, and whether the text was read to its end."""
    start = time.perf_counter()
    kept: list[Document] = []
    characters, whole = 0, True
    for document in read_documents(replace(settings, concepts=None), base):
        characters += len(document.content)
        if len(kept) < KEPT and document.content.strip():
            kept.append(document)
        if len(kept) >= SAMPLE and time.perf_counter() - start > PATIENCE:
            whole = False
            break
    if not kept:
        raise UsageError(f"no text in {', '.join(settings.sources)}; expected at least one document")
    return kept, characters, time.perf_counter() - start, whole


def _marking(settings: CorpusSettings, base: Path) -> float:
    """Seconds a character to mark the names of concepts."""
    if settings.concepts is None:
        return 0.0
    marked = read_documents(settings, base)
    next(marked, None)  # loads the catalogue
    start = time.perf_counter()
    characters = sum(len(document.content) for document in islice(marked, SAMPLE))
    return (time.perf_counter() - start) / max(1, characters)
