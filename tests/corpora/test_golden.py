from __future__ import annotations

from pathlib import Path

from monosema.corpora import Tokens

GOLDEN = Path(__file__).parents[1] / "golden" / "tokens_v1"


def test_tokens_of_version_1_are_read_as_ever() -> None:
    tokens = Tokens(GOLDEN)
    assert tokens.hash == "fa9cacfdab7136d804b67b1496e20fa7ee17cad6618de6d5540d820838e65039"
    assert (tokens.n_tokens, tokens.n_documents, tokens.context, tokens.prefix) == (234, 10, 16, (1,))
    assert [tokens.count(split) for split in tokens.splits] == [0, 55, 76, 47]
    first = tokens.documents([0])[0]
    assert (first.id, first.split, first.source, first.tags) == ("d3", "explain", "a.jsonl", {"n": 3})
    assert tokens.ids(0)[:6].tolist() == [262, 381, 380, 371, 223, 21]
    spans = tokens.spans()
    assert spans.document.tolist() == [0, 1, 2, 3, 4, 8]
    assert set(spans.tag) == {"bridge"}


def test_batches_of_version_1_are_the_same_as_ever() -> None:
    (batch, *_) = list(Tokens(GOLDEN).batches("report", 32))
    assert batch.ids.tolist() == [
        [1, 19, 33, 2, 201, 1, 285, 201, 262, 374, 2, 201],
        [1, 18, 33, 2, 201, 1, 285, 201, 262, 374, 2, 201],
    ]
    assert batch.keep.int().tolist() == [
        [0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1],
        [0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1],
    ]
    assert batch.document.tolist() == [
        [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5],
        [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
    ]
    assert batch.position.tolist() == [
        [-1, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26],
        [-1, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26],
    ]
