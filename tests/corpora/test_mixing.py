"""Sources mixed by weight: shares that hold all along, the same bytes however they are listed, dryness said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpora.test_tokens import files, words
from monosema.corpora import (
    CorpusSettings,
    Tokens,
    TokensSummary,
    digest_sources,
    read_documents,
    write_tokens,
)
from monosema.errors import UsageError

MOST = 200  # more tokens than any document here has


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for first, name in enumerate(("a.jsonl", "b.jsonl", "c.jsonl")):
        lines = [json.dumps({"text": words(5 + n % 40, 1000 * first + n)}) for n in range(120)]
        (tmp_path / name).write_text("\n".join(lines))
    return tmp_path


def settings(weights: dict[str, float], **others: Any) -> CorpusSettings:
    return CorpusSettings(sources=tuple(weights), weights=tuple(weights.values()), context=16, **others)


def write(base: Path, corpus: CorpusSettings, tokenizer: Any, name: str) -> tuple[Tokens, TokensSummary]:
    (base / name).mkdir()
    summary = write_tokens(base / name, read_documents(corpus, base), tokenizer, corpus)
    return Tokens(base / name), summary


def test_shares_of_tokens_keep_to_the_weights_from_the_first_document_to_the_last(
    base: Path, chatml: Any
) -> None:
    corpus = settings({"a.jsonl": 3, "b.jsonl": 1, "c.jsonl": 0.5}, tokens=4000)
    tokens, summary = write(base, corpus, chatml, "mixed")
    taken = dict.fromkeys(corpus.sources, 0)
    for number in range(tokens.n_documents):
        taken[tokens.documents([number])[0].source] += len(tokens.ids(number))
        for weight, count in zip((3, 1, 0.5), taken.values(), strict=True):
            assert abs(count - weight / 4.5 * sum(taken.values())) < MOST
    assert 4000 <= summary.tokens < 4000 + MOST
    assert summary.source_shares == tuple(count / summary.tokens for count in taken.values())
    assert summary.source_shares == pytest.approx((3 / 4.5, 1 / 4.5, 0.5 / 4.5), abs=0.02)


def test_the_same_weights_give_the_same_bytes_however_sources_are_listed(base: Path, chatml: Any) -> None:
    one = settings({"a.jsonl": 2, "b.jsonl": 2, "c.jsonl": 1}, tokens=3000)
    two = settings({"c.jsonl": 1, "b.jsonl": 2, "a.jsonl": 2}, tokens=3000)
    other = settings({"a.jsonl": 1, "b.jsonl": 2, "c.jsonl": 2}, tokens=3000)
    seeded = settings({"a.jsonl": 2, "b.jsonl": 2, "c.jsonl": 1}, tokens=3000, seed=1)
    found = {}
    for name, corpus in {"one": one, "two": two, "other": other, "seeded": seeded}.items():
        write(base, corpus, chatml, name)
        found[name] = {file: data for file, data in files(base / name).items() if file != "tokens.json"}
    assert found["one"] == found["two"]
    assert len({data["ids.bin"] for data in found.values()}) == 3
    assert digest_sources(one, base) == digest_sources(two, base) != digest_sources(other, base)


def test_without_a_number_of_tokens_the_mixture_goes_on_until_a_source_runs_dry(
    base: Path, chatml: Any
) -> None:
    tokens, summary = write(base, settings({"a.jsonl": 4, "b.jsonl": 1}), chatml, "open")
    alone, _ = write(base, CorpusSettings(sources=("a.jsonl",), context=16), chatml, "alone")
    sources = [tokens.documents([number])[0].source for number in range(tokens.n_documents)]
    assert sources.count("a.jsonl") == alone.n_documents
    assert summary.source_shares == pytest.approx((0.8, 0.2), abs=0.02)


def test_a_source_that_runs_dry_is_named_with_the_shares_that_came_out(base: Path, chatml: Any) -> None:
    with pytest.raises(UsageError, match=r'source "a.jsonl" ran dry: .* of the 100,000 asked') as caught:
        write(base, settings({"a.jsonl": 4, "b.jsonl": 1}, tokens=100_000), chatml, "dry")
    assert "of 0.800, 0.200" in str(caught.value)
    enough = int(str(caught.value).rpartition("lower tokens to ")[2])
    _, summary = write(base, settings({"a.jsonl": 4, "b.jsonl": 1}, tokens=enough), chatml, "enough")
    assert summary.tokens == enough


def test_without_weights_the_share_of_each_source_is_told_too(base: Path, chatml: Any) -> None:
    corpus = CorpusSettings(sources=("a.jsonl", "b.jsonl"), context=16)
    tokens, summary = write(base, corpus, chatml, "plain")
    assert sum(summary.source_shares) == pytest.approx(1)
    assert tokens.info["counts"]["source_shares"] == list(summary.source_shares)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0,), r"weights has 1 numbers and sources 2; expected one for each source"),
        ((1.0, 0.0), r"the weight of b is 0; expected a number above 0, or leave the source out"),
        ((-2.0, 1.0), r"the weight of a is -2; expected a number above 0"),
        ((float("nan"), 1.0), r"the weight of a is nan"),
    ],
)
def test_weights_that_are_none_are_refused(weights: tuple[float, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CorpusSettings(sources=("a", "b"), weights=weights)
