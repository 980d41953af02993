"""The package from Python: light to import, exact in what it exports, artifacts open as objects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import monosema as ms
from monosema.errors import UsageError


def test_every_exported_name_is_there_and_named_once() -> None:
    assert sorted(ms.__all__) == sorted(set(ms.__all__))
    for name in ms.__all__:
        assert getattr(ms, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        ms.opne  # noqa: B018


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, monosema; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_finished_study_opens_as_objects(study: Path) -> None:
    opened = ms.open(study)
    model, sae, tokens = opened.model(), opened.sae(), opened.tokens()
    ids, real = model.tokenize(["the old bridge stands in fog"])
    x = model.capture(ids, [sae.input], real)[sae.input][real]
    assert sae.encode(x).dense().shape == (int(real.sum()), 64)
    assert opened.activations().d_model == model.d_model
    assert opened.evaluation().hook == "resid_post.1"
    assert tokens.count("train") == len(opened.activations())
    with pytest.raises(UsageError, match="unknown kind of artifact"):
        opened.load("saes", "main")


def test_the_stored_activations_are_those_of_the_model(study: Path) -> None:
    opened = ms.open(study)
    store, tokens, model = opened.activations(), opened.tokens(), opened.model()
    batch = next(tokens.batches("train", 512))
    x = model.capture(batch.ids, [store.hook], batch.real)[store.hook]
    numbers = {
        (int(d), int(p)): row
        for row, (d, p) in enumerate(zip(store.column("document"), store.column("position"), strict=True))
    }
    kept = batch.keep.nonzero()
    rows = torch.tensor([numbers[int(batch.document[b, s]), int(batch.position[b, s])] for b, s in kept])
    torch.testing.assert_close(store.rows(rows), x[batch.keep], rtol=0, atol=0)
