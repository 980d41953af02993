"""What an SAE keeps, against the formulas; by the bf16 product and its proof bit for bit the same."""

from __future__ import annotations

from unittest.mock import Mock, patch

import pytest
import torch
from torch import Tensor

from monosema.sae import KINDS, TopK
from monosema.sae import selection as module
from monosema.sae.selection import MANY, Selection

N, D, F, K = MANY + 300, 48, 1024, 5


def selection(keeps: int | None, threshold: Tensor | None, bias: float = -2.0) -> Selection:
    """Weights whose products are exact in fp32, in whatever order they are summed."""
    g = torch.Generator().manual_seed(2)
    return Selection(
        encoder=torch.randint(-60, 61, (F, D), generator=g) / 64,
        b_enc=torch.randint(-8, 9, (F,), generator=g) / 8 + bias,
        norms=2.0 ** torch.randint(-2, 3, (F,), generator=g),
        threshold=threshold,
        keeps=keeps,
    )


def rows() -> Tensor:
    x = torch.randint(-70, 71, (N, D), generator=torch.Generator().manual_seed(3)) / 64
    x[7] *= 512  # a massive position
    x[9] = 0
    return x


def thresholds() -> dict[str, Tensor | None]:
    steps = torch.randint(0, 64, (F,), generator=torch.Generator().manual_seed(4)) / 16
    return {"none": None, "some": steps}


@pytest.mark.parametrize("threshold", thresholds())
@pytest.mark.parametrize("keeps", [None, K])
def test_many_rows_by_bf16_and_proof_are_those_of_the_formula_to_the_bit(
    keeps: int | None, threshold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, x = selection(keeps, thresholds()[threshold], -6.0), rows()
    a = ((x @ asked.encoder.T + asked.b_enc) * asked.norms).relu()  # [n, d_sae]
    if keeps is not None:
        order = a.sort(dim=1, descending=True, stable=True).indices[:, :keeps]
        a = torch.zeros_like(a).scatter(1, order, a.gather(1, order))
    if asked.threshold is not None:
        a = torch.where(a > asked.threshold, a, 0)
    for units in (False, True):
        monkeypatch.setattr(module, "has_bf16_units", lambda units=units: units)
        with patch.object(Selection, "kept", autospec=True, side_effect=Selection.kept) as exact:
            acts = asked.of(x)
        assert exact.called is not units
        assert torch.equal(acts.dense(), a)
        assert torch.equal(acts.ascending().indices, acts.indices)


def test_dense_activations_and_few_rows_take_the_fp32_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_bf16_units", lambda: True)
    dense, x = selection(None, None, 1.0), rows()
    a = ((x @ dense.encoder.T + dense.b_enc) * dense.norms).relu()
    assert (a > 0).float().mean() > module.SPARSE_BELOW
    assert torch.equal(dense.of(x).dense(), a)
    monkeypatch.setattr(module, "CertifiedEncoder", Mock(side_effect=AssertionError))
    assert torch.equal(dense.of(x[: MANY - 1]).dense(), a[: MANY - 1])


def test_the_k_largest_are_the_largest_a_when_decoder_norms_are_not_one() -> None:
    eye = torch.eye(3)
    norms = torch.tensor([1.0, 2.0, 0.5])
    asked = Selection(encoder=eye, b_enc=torch.zeros(3), norms=norms, threshold=None, keeps=1)
    acts = asked.of(torch.tensor([[3.0, 2.0, 1.0]]))
    assert acts.indices.tolist() == [1]
    assert acts.values.tolist() == [4.0]


@pytest.mark.parametrize("name", list(KINDS))
def test_kinds_that_rank_each_position_say_so(name: str) -> None:
    kind = KINDS[name]()
    assert kind.keeps == (kind.k if isinstance(kind, TopK) else None)
