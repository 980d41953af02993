"""A study in fp16 or bf16: what is stored is what fp32 gives but for rounding, and every later part reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import monosema as ms
from monosema import pipeline
from monosema.pipeline.loaders import OpenStudy
from pipeline.small_study import TOML, new_study

ROUNDING = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}
"""Half a step, as a share of the value."""
ROUNDINGS = 20
"""Roundings that an activation after two blocks may have gone through, about: norms, projections, sums."""


def made(folder: Path, dtype: str, goal: str | None = None) -> OpenStudy:
    study = new_study(folder, TOML.replace('dtype = "float32"', f'dtype = "{dtype}"'))
    pipeline.run(study, goal=goal)
    return ms.open(study.path)


@pytest.fixture(scope="module", params=["float16", "bfloat16"])
def half(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    return made(tmp_path_factory.mktemp("half") / "study", request.param)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    return made(tmp_path_factory.mktemp("single") / "study", "float32", "evaluation")


def test_a_store_in_half_precision_is_that_in_fp32_but_for_rounding(
    half: OpenStudy, single: OpenStudy
) -> None:
    narrow, wide = half.activations(), single.activations()
    assert narrow.dtype == half.model().dtype != wide.dtype == torch.float32
    rounding = ROUNDING[narrow.dtype]
    assert len(narrow) == len(wide)
    for name in ("document", "position", "token"):
        assert torch.equal(narrow.column(name), wide.column(name))
    everything = torch.arange(len(wide))
    x, exact = narrow.rows(everything), wide.rows(everything)
    assert torch.equal(x, x.to(narrow.dtype).float())
    error = (x - exact).abs().amax(1) / exact.abs().amax(1)
    assert 0 < float(error.median()) <= float(error.max()) <= ROUNDINGS * rounding
    torch.testing.assert_close(narrow.norms, wide.norms, rtol=ROUNDINGS * rounding, atol=0.0)


def test_training_evaluation_and_index_read_a_store_in_half_precision(
    half: OpenStudy, single: OpenStudy
) -> None:
    figures, usual = half.evaluation(), single.evaluation()
    assert figures.positions == usual.positions
    assert figures.l0.value == pytest.approx(usual.l0.value, rel=0.05)
    assert figures.fvu.value == pytest.approx(usual.fvu.value, rel=0.05)
    store, sae, index = half.activations(), half.sae(), half.index()
    assert {tensor.dtype for tensor in sae.tensors().values()} == {torch.float32}
    acts = sae.encode(store.rows(torch.arange(len(store)))).dense() * (store.norms <= sae.massive)[:, None]
    assert index.positions == len(store)
    assert index.table["count"].tolist() == (acts > 0).sum(0).tolist()
    np.testing.assert_allclose(index.table["maximum"], acts.amax(0), rtol=1e-5)
