"""Thresholds drop weak activations and cost no more than they may."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from monosema.errors import UsageError
from monosema.sae import L1, SAE, BatchTopK, Gated, JumpReLU, SAEConfig, TopK, fit_threshold, thresholds_of
from monosema.sae import threshold as threshold_module

D, F = 16, 64


def planted() -> tuple[SAE, Tensor]:
    """An L1 SAE with true directions that reads them with noise, and raw activations."""
    generator = torch.Generator().manual_seed(5)
    config = SAEConfig(
        kind=L1(), d_model=D, d_sae=F, input="resid_post.0", output="resid_post.0", model="m", model_hash="00"
    )
    sae = SAE.initialise(config, mean=torch.zeros(D), scale=0.5)
    codes = torch.rand(600, F, generator=generator) * (torch.rand(600, F, generator=generator) < 0.05)
    x = codes @ sae.W_dec * 100 + torch.randn(600, D, generator=generator)
    sae.encoder.mul_(10)
    sae.b_enc.sub_(2.0)
    sae.W_dec.mul_(4)
    return sae, x


def error(sae: SAE, x: Tensor) -> float:
    return float((x - sae.reconstruct(x)).double().square().sum())


@pytest.mark.parametrize("share", [0.001, 0.005, 0.05])
def test_the_error_grows_by_no_more_than_the_share_and_l0_falls(share: float) -> None:
    sae, x = planted()
    thresholded = sae.with_threshold(fit_threshold(sae, x, share=share))
    assert error(thresholded, x) <= error(sae, x) * (1 + share) * (1 + 1e-6)
    before, after = len(sae.encode(x).values), len(thresholded.encode(x).values)
    assert after < before


def test_a_larger_share_drops_at_least_as_much() -> None:
    sae, x = planted()
    counts = [
        len(sae.with_threshold(fit_threshold(sae, x, share=s)).encode(x).values) for s in (0.0005, 0.02)
    ]
    assert counts[1] < counts[0]


def test_thresholds_are_activations_of_their_feature_and_at_most_half_its_largest() -> None:
    sae, x = planted()
    threshold = fit_threshold(sae, x, share=0.05)
    dense = sae.encode(x).dense()
    assert (threshold > 0).any()
    for feature in threshold.nonzero().flatten().tolist():
        assert threshold[feature] in dense[:, feature]
        assert threshold[feature] <= dense[:, feature].max() / 2


def test_nothing_allowed_drops_nothing_that_lowers_the_fit() -> None:
    sae, x = planted()
    thresholded = sae.with_threshold(fit_threshold(sae, x, share=0.0))
    assert error(thresholded, x) <= error(sae, x) * (1 + 1e-6)


def test_old_thresholds_and_foldings_do_not_change_the_answer() -> None:
    sae, x = planted()
    threshold = fit_threshold(sae, x)
    assert torch.equal(fit_threshold(sae.with_threshold(threshold), x), threshold)
    assert torch.equal(fit_threshold(sae, x, sae.encode(x)), threshold)
    torch.testing.assert_close(fit_threshold(sae.fold_scale("F2"), x), threshold, rtol=1e-4, atol=1e-5)


def test_features_that_are_silent_in_the_sample_get_zero() -> None:
    sae, x = planted()
    sae.b_enc[3] = -1e6
    assert fit_threshold(sae, x)[3] == 0


def test_a_share_of_one_or_more_is_refused() -> None:
    sae, x = planted()
    with pytest.raises(UsageError, match=r"share is 1\.5"):
        fit_threshold(sae, x, share=1.5)


@pytest.mark.parametrize("rows", [64, 2048])
def test_one_threshold_keeps_k_activations_a_position_in_the_mean(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threshold_module, "_ROWS", rows)
    sae, x = planted()
    x[64:] *= 3  # the first part alone would say that the threshold is lower
    batch = replace(sae, config=replace(sae.config, kind=BatchTopK(k=3)))
    found = thresholds_of(batch, lambda: x)
    assert found.threshold is not None
    assert (found.threshold == found.threshold[0]).all()
    assert len(found.encode(x).values) == 3 * len(x)
    every = batch.encode(x).values
    largest = every.topk(3 * len(x)).values
    torch.testing.assert_close(found.encode(x).values.sort().values, largest.sort().values, rtol=1e-6, atol=0)


def test_the_threshold_is_zero_where_fewer_are_active_than_asked() -> None:
    sae, x = planted()
    some = replace(sae, config=replace(sae.config, kind=BatchTopK(k=F)))
    found = thresholds_of(some, lambda: x)
    assert found.threshold is not None
    assert not found.threshold.any()


def test_kinds_that_train_thresholds_or_need_none_are_left_as_they_are() -> None:
    def unwanted() -> Tensor:
        raise AssertionError

    sae, _ = planted()
    for kind in (TopK(k=3), JumpReLU(), Gated()):
        other = replace(sae, config=replace(sae.config, kind=kind))
        assert thresholds_of(other, unwanted) is other
