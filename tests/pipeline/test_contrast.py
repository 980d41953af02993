"""Positions near mentions and the mean difference of a concept, against going through all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import monosema as ms
from monosema import pipeline
from monosema.corpora import NearMentions
from monosema.errors import UsageError


def test_near_is_from_the_first_token_of_a_mention_on(study: Path) -> None:
    tokens = ms.open(study).tokens()
    spans = tokens.spans()
    near = NearMentions(tokens, "golden_gate", reach=5)
    for document in range(tokens.n_documents):
        length = len(tokens.ids(document))
        starts = [
            int(start)
            for tag, of, start in zip(spans.tag, spans.document, spans.start, strict=True)
            if tag == "golden_gate" and of == document
        ]
        expected = [any(start <= place < start + 5 for start in starts) for place in range(length)]
        assert near.at(np.full(length, document), np.arange(length)).tolist() == expected
    with pytest.raises(UsageError, match='never names "unicorn"'):
        NearMentions(tokens, "unicorn")


def test_the_mean_difference_is_that_of_the_stored_rows(study: Path) -> None:
    opened = ms.open(study)
    store, near = opened.activations(), NearMentions(opened.tokens(), "golden_gate")
    x = store.rows(torch.arange(len(store))).double()
    marked = torch.from_numpy(near.at(store.column("document").numpy(), store.column("position").numpy()))
    usual = store.column("norm") <= opened.sae().massive
    difference = x[marked & usual].mean(0) - x[~marked & usual].mean(0)
    found = pipeline.contrast(opened, "golden_gate")
    torch.testing.assert_close(found.direction.double(), difference / difference.norm(), rtol=1e-4, atol=1e-5)
    assert found.length == pytest.approx(float(difference.norm()), rel=1e-6)
    centred = x[usual] - x[usual].mean(0)
    assert found.usual == pytest.approx(float(centred.square().sum(1).mean().sqrt()), rel=1e-5)
    assert found.near == int((marked & usual).sum())
    with pytest.raises(UsageError, match='never names "unicorn"'):
        pipeline.contrast(opened, "unicorn")
